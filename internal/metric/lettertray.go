package metric

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"
)

// LetterTray keeps the last dead letters of a job and counts their reasons. It
// is safe for concurrent use; the zero value is empty.
type LetterTray struct {
	mu     sync.Mutex
	total  int64
	counts map[letterKind]*int64
	other  int64
	ring   []DeadLetter // at most MaxDeadLetters
	at     int          // the oldest, once the ring is full
	text   []byte

	spare  float64 // how many may be kept now
	filled time.Time
}

type letterKind struct{ operator, reason string }

// Count takes a record that an operator refused at a time, and tells whether it
// is to be kept, with Keep. origin is the part of the reason that names the
// record's place, if there is one.
func (t *LetterTray) Count(operator, reason, origin string, at time.Time) (keep bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.total++
	t.text = appendGroup(t.text[:0], reason, origin)
	n := t.counts[letterKind{operator, string(t.text)}]
	switch {
	case n != nil:
	case len(t.counts) < MaxDeadLetterReasons:
		n, keep = new(int64), true
		if t.counts == nil {
			t.counts = map[letterKind]*int64{}
		}
		t.counts[letterKind{strings.Clone(operator), string(t.text)}] = n
	default:
		n = &t.other
	}
	*n++
	if d := at.Sub(t.filled); d > 0 {
		t.spare, t.filled = min(t.spare+d.Seconds()*deadLettersPerSecond, MaxDeadLetters), at
	}
	if t.spare >= 1 {
		t.spare--
		keep = true
	}
	return keep
}

// Keep keeps a letter in the place of the oldest one. Its texts are cut.
func (t *LetterTray) Keep(d DeadLetter) {
	d.Reason, d.Value = cutText(d.Reason, MaxDeadLetterReason), cutText(d.Value, MaxDeadLetterValue)
	d.Origin = cutText(d.Origin, MaxDeadLetterReason)
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.ring) < MaxDeadLetters {
		t.ring = append(t.ring, d)
		return
	}
	t.ring[t.at] = d
	t.at = (t.at + 1) % MaxDeadLetters
}

// Read returns what is kept.
func (t *LetterTray) Read() DeadLetters {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := DeadLetters{Total: t.total, Reasons: make([]DeadLetterReason, 0, len(t.counts)+1), Last: make([]DeadLetter, 0, len(t.ring))}
	for k, n := range t.counts {
		out.Reasons = append(out.Reasons, DeadLetterReason{Operator: k.operator, Reason: strings.ToValidUTF8(k.reason, ""), Count: *n})
	}
	if t.other > 0 {
		out.Reasons = append(out.Reasons, DeadLetterReason{Reason: OtherReason, Count: t.other})
	}
	slices.SortFunc(out.Reasons, func(a, b DeadLetterReason) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Operator, b.Operator), cmp.Compare(a.Reason, b.Reason))
	})
	for i := range t.ring {
		out.Last = append(out.Last, t.ring[(t.at+len(t.ring)-1-i)%len(t.ring)])
	}
	return out
}

// cutText bounds a text, and gives up the memory that it was a part of.
func cutText(s string, most int) string {
	if len(s) > most {
		s = s[:most]
	}
	return strings.ToValidUTF8(strings.Clone(s), "")
}

// told are the words after which a number tells what was wrong, and is not a
// part of the record.
var told = []string{"HTTP ", "HTTP status ", "status ", "status code ", "code "}

// Redacted is a reason without its origin and what differs from record to record,
// as reasons are counted by.
func Redacted(reason, origin string) string {
	return strings.ToValidUTF8(string(appendGroup(nil, reason, origin)), "")
}

// appendGroup appends a reason without its variable parts: its origin, what is
// in double quotes or backquotes, and numbers that are not a status.
func appendGroup(dst []byte, reason, origin string) []byte {
	begin := len(dst)
	for i := 0; i < len(reason) && len(dst)-begin < MaxDeadLetterReason; {
		rest := reason[i:]
		switch c := rest[0]; {
		case origin != "" && strings.HasPrefix(rest, origin):
			i += len(origin)
			i += len(reason[i:]) - len(strings.TrimLeft(reason[i:], ": "))
		case c == '"' || c == '`':
			n := quoted(rest)
			if n < 0 {
				return append(dst, c, '.', '.', '.')
			}
			dst = append(dst, c, '.', '.', '.', c)
			i += n
		case c >= '0' && c <= '9':
			n := 0
			for n < len(rest) && (rest[n] >= '0' && rest[n] <= '9' || rest[n] == '.' && n+1 < len(rest) && rest[n+1] >= '0' && rest[n+1] <= '9') {
				n++
			}
			if slices.ContainsFunc(told, func(word string) bool { return strings.HasSuffix(reason[:i], word) }) {
				dst = append(dst, rest[:n]...)
			} else {
				dst = append(dst, 'N')
			}
			i += n
		default:
			dst = append(dst, c)
			i++
		}
	}
	if len(dst)-begin > MaxDeadLetterReason {
		dst = dst[:begin+MaxDeadLetterReason]
	}
	return dst
}

// quoted is the length of the quoted text that s begins with, -1 if it has no
// end.
func quoted(s string) int {
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && s[0] == '"':
			i++
		case s[i] == s[0]:
			return i + 1
		}
	}
	return -1
}
