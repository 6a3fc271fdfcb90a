package bench

import (
	"sync"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/state"
)

// counters are those of the subtasks of a job, to be read when it has ended.
type counters struct {
	mu  sync.Mutex
	all []*counting
}

func (c *counters) add() *counting {
	c.mu.Lock()
	defer c.mu.Unlock()
	one := &counting{}
	c.all = append(c.all, one)
	return one
}

// counting counts the records of each key, and looks at the clock at each.
type counting struct {
	counts  *state.Value[int64]
	n       int
	began   time.Time
	last    time.Duration
	longest time.Duration
}

// Open implements afflux.Processor.
func (c *counting) Open(ctx *afflux.OpenContext) error {
	c.counts = ctx.Value[int64]("count")
	c.began = time.Now()
	return nil
}

// settled is how many records of a subtask have come when all keys have.
const settled = hotKeys / parallel * 3 / 2

// Process implements afflux.Processor.
func (c *counting) Process(_ *afflux.ProcessContext[uint64, Small], _ *Small) error {
	*c.counts.Upsert()++
	now := time.Since(c.began)
	if c.n++; c.n > settled {
		c.longest = max(c.longest, now-c.last)
	}
	c.last = now
	return nil
}

// fillAll has each of a million keys once in a million records of all sources,
// in no order.
func fillAll(values []Small, times []event.Time, first, stream int) {
	times = times[:len(values)]
	for j := range values {
		i := first + j
		values[j] = Small{Key: uint64(i*parallel+stream) * 314_159 % hotKeys, Val: int64(i & 1023), TS: int64(i)}
		times[j] = event.Time(i)
	}
}
