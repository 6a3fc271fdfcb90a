package metric

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/affluxdev/afflux/event"
)

const (
	// trackedKeys is how many keys a sketch counts.
	trackedKeys = 32
	// perSample is how many records one sample stands for, at most: each batch
	// has one at least.
	perSample = 1024
	// memory is how many samples are remembered: at twice as many, what was
	// counted is halved.
	remembered = 1 << 13
	// reportable is the part of the records, 1/reportable, that a key must have
	// for its text to be made.
	reportable = 64
	// reportedKeys is how many keys are told of an arrow.
	reportedKeys = 8
	// MaxKeyText bounds the text of a key, in bytes.
	MaxKeyText = 64
)

// HotKey is one of the keys with the most records of a keyed arrow.
type HotKey struct {
	// Key is its text, cut to MaxKeyText bytes.
	Key string `json:"key"`
	// Share of the records of late, from 0 to 1; Error is how far it may be off.
	Share float64 `json:"share"`
	Error float64 `json:"error"`
}

// KeySketch counts the hottest keys of what one subtask sends on a keyed arrow,
// by Space-Saving (Metwally, Agrawal and El Abbadi 2005) over a sample of
// records. Keys are told apart by their hashes. One goroutine calls Observe; any
// may call HotKeys.
type KeySketch struct {
	text   func(b event.Batch, i int) string
	random uint64

	mu      sync.Mutex
	n       int
	hashes  [trackedKeys]uint64
	counts  [trackedKeys]int64 // records, at most errors too many
	errors  [trackedKeys]int64
	named   [trackedKeys]bool
	texts   [trackedKeys]string
	total   int64 // records
	samples int64
}

// NewKeySketch returns an empty sketch. text formats the key of record i of a
// batch; it is called for hot keys only.
func NewKeySketch(text func(b event.Batch, i int) string) *KeySketch { return &KeySketch{text: text} }

// Observe looks at a sample of a batch whose key hashes have been filled. A nil
// sketch does nothing.
func (s *KeySketch) Observe(b event.Batch) {
	if s == nil || !s.mu.TryLock() { // rather lose a sample than wait for a reader
		return
	}
	hashes := b.KeyHashes()
	for from := 0; from < len(hashes); from += perSample {
		n := min(perSample, len(hashes)-from)
		// At random: keys may come in turn.
		s.random = s.random*6364136223846793005 + 1442695040888963407
		i := from + int(s.random>>32*uint64(n)>>32)
		at := s.count(hashes[i], int64(n))
		if !s.named[at] && (s.counts[at]-s.errors[at])*reportable >= s.total {
			s.named[at], s.texts[at] = true, cutKey(s.text(b, i))
		}
	}
	s.mu.Unlock()
}

// count adds n records to a key and returns its counter.
func (s *KeySketch) count(hash uint64, n int64) (at int) {
	s.total += n
	if s.samples++; s.samples >= 2*remembered {
		s.halve()
	}
	lowest := 0
	for i, h := range s.hashes[:s.n] {
		if h == hash {
			s.counts[i] += n
			return i
		}
		if s.counts[i] < s.counts[lowest] {
			lowest = i
		}
	}
	if s.n < trackedKeys {
		at = s.n
		s.n++
	} else { // the key takes over the lowest counter, which may be its own
		at = lowest
		s.errors[at] = s.counts[at]
		s.named[at], s.texts[at] = false, ""
	}
	s.hashes[at] = hash
	s.counts[at] += n
	return at
}

// halve forgets: skew that begins late must show.
func (s *KeySketch) halve() {
	s.samples /= 2
	s.total /= 2
	for i := range s.n {
		s.counts[i] /= 2
		s.errors[i] = (s.errors[i] + 1) / 2
	}
}

func cutKey(s string) string {
	if len(s) > MaxKeyText {
		s = s[:MaxKeyText]
	}
	return strings.Clone(strings.ToValidUTF8(s, ""))
}

// HotKeys merges the sketches of the subtasks that send on an arrow; nil ones
// are left out. The hottest key comes first.
func HotKeys(sketches []*KeySketch) []HotKey {
	type merged struct {
		text         string
		lower, upper int64 // records
	}
	keys := map[uint64]*merged{}
	var total, samples, unseen int64 // unseen: what a key may have that no sketch counts
	for _, s := range sketches {
		if s == nil {
			continue
		}
		s.mu.Lock()
		total += s.total
		samples += s.samples
		rest := int64(0)
		if s.n == trackedKeys {
			rest = slices.Min(s.counts[:])
		}
		unseen += rest
		for i := range s.n {
			m := keys[s.hashes[i]]
			if m == nil {
				m = &merged{}
				keys[s.hashes[i]] = m
			}
			m.lower += s.counts[i] - s.errors[i]
			m.upper += s.counts[i] - rest
			if s.named[i] {
				m.text = s.texts[i]
			}
		}
		s.mu.Unlock()
	}
	var out []HotKey
	for _, m := range keys {
		m.upper = min(m.upper+unseen, total)
		if m.lower*reportable < total {
			continue
		}
		share := float64(m.lower+m.upper) / 2 / float64(total)
		// Two standard deviations for the sample.
		chance := 2 * math.Sqrt(share*(1-share)/float64(samples))
		out = append(out, HotKey{Key: m.text, Share: share, Error: float64(m.upper-m.lower)/2/float64(total) + chance})
	}
	slices.SortFunc(out, func(a, b HotKey) int { return cmp.Or(cmp.Compare(b.Share, a.Share), cmp.Compare(a.Key, b.Key)) })
	return out[:min(len(out), reportedKeys)]
}
