package credit

import "fmt"

// Sender is the ledger of the sending end of one channel.
type Sender struct {
	sent, limit uint64
}

// Grant takes an announcement. Old announcements change nothing.
func (s *Sender) Grant(limit uint64) { s.limit = max(s.limit, limit) }

// Available is how many bytes may be sent now.
func (s *Sender) Available() int64 { return int64(s.limit - s.sent) }

// Sent is the position of the sender: all bytes ever sent.
func (s *Sender) Sent() uint64 { return s.sent }

// Send records n bytes as sent. Sending beyond the limit is an error and
// changes nothing.
func (s *Sender) Send(n int64) error {
	if n < 0 || n > s.Available() {
		return fmt.Errorf("credit: sending %d bytes with %d available (sent %d, limit %d)", n, s.Available(), s.sent, s.limit)
	}
	s.sent += uint64(n)
	return nil
}
