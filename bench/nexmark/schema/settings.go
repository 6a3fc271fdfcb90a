package schema

import "time"

// Settings are what the answers of some queries depend on besides the events.
type Settings struct {
	// Window is the size of the windows of q5, q7 and q8, the gap of the
	// sessions of q11, and the processing time of q12.
	Window time.Duration
	// Slide is the time from one window of q5 to the next.
	Slide time.Duration
	// Reserve chooses Beam's rule of who wins an auction (q4, q6, q9): the
	// highest bid that reaches the reserve and comes before the auction
	// expires, even if it was made before the auction began. Otherwise it is
	// that of the SQL: the highest bid from the beginning to the expiry, both
	// included, whatever the reserve is.
	Reserve bool
}

// SQL are the settings of nexmark/nexmark.
func SQL() Settings { return Settings{Window: 10 * time.Second, Slide: 2 * time.Second} }

// Beam are the settings of Beam's default configuration.
func Beam() Settings {
	return Settings{Window: 10 * time.Second, Slide: 5 * time.Second, Reserve: true}
}

// Valid tells whether a bid can win an auction.
func (s *Settings) Valid(a *Auction, b *Bid) bool {
	if s.Reserve {
		return b.Price >= a.Reserve && b.DateTime < a.Expires
	}
	return a.DateTime <= b.DateTime && b.DateTime <= a.Expires
}
