package kafka

import (
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// place names a partition.
type place struct {
	topic  string
	number int32
}

// partition is one partition that this reader reads. Topic, number, split,
// first and stop never change; the rest is guarded by shared.mu.
type partition struct {
	topic  string
	number int32
	split  int
	first  int64 // offset the run started at, -1 if the group decides
	stop   int64 // offset to end before, -1 for none

	next  int64     // offset after the last one that the engine has polled, -1 before any
	read  time.Time // timestamp of that one, zero before any
	low   int64     // beginning of the partition as last heard, -1 before any
	high  int64     // end of the partition as last heard
	heard time.Time // when that was
	cut   bool      // everything before stop is in the reader's hands
	ended bool      // everything before stop was polled
	lost  bool      // the group gave it to another member
}

// hear takes the beginning and the end that came with records. The records may
// have waited in the client: the end that was asked for meanwhile is the later
// one, and stays.
func (p *partition) hear(low, high int64, now time.Time) {
	p.low = max(p.low, low)
	if high >= p.high {
		p.high, p.heard = high, now
	}
}

// chunk is records of one partition, in order, that wait to be polled.
type chunk struct {
	p       *partition
	records []*kgo.Record
	last    bool // nothing before p.stop comes after them
}

// shared is what the engine's goroutine, the fetcher and the monitor of a
// reader have in common.
type shared struct {
	mu         sync.Mutex
	partitions map[place]*partition // those that are ours
	splits     map[place]int        // the split number of every partition ever seen
	counts     map[string]int       // partitions of each topic at the start
	resume     map[place]position   // where to go on, nil if the job starts afresh
	changed    bool                 // the set of partitions, since Splits was called
	assigned   bool                 // the group has said which partitions are ours, if any
	ready      []chunk              // the hand-over: one poll's worth
	failed     error                // why no more will come
	pressed    bool
	free       chan struct{} // says that ready was taken, or that pressure ended
}

func newShared(details kadm.TopicDetails) *shared {
	s := &shared{
		partitions: map[place]*partition{},
		splits:     map[place]int{},
		counts:     map[string]int{},
		free:       make(chan struct{}, 1),
	}
	for _, d := range details {
		s.counts[d.Topic] = len(d.Partitions)
	}
	return s
}

// release lets the fetcher look again. It never blocks.
func (s *shared) release() {
	select {
	case s.free <- struct{}{}:
	default:
	}
}

// hungry tells whether the fetcher should fetch.
func (s *shared) hungry() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.ready) == 0 && !s.pressed && s.failed == nil
}

// open returns the partitions that have not ended, sorted by split.
func (s *shared) open() []*partition {
	s.mu.Lock()
	defer s.mu.Unlock()
	var open []*partition
	for _, p := range s.partitions {
		if !p.ended {
			open = append(open, p)
		}
	}
	slices.SortFunc(open, func(a, b *partition) int { return a.split - b.split })
	return open
}
