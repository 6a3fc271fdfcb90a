package pebble

import (
	"bytes"
	"context"
	"sync"

	engine "github.com/cockroachdb/pebble/v2"
)

// Tables that cover the same keys make each look-up longer by a little, and merging
// them writes all of the state once more, of which the next checkpoint has a copy.
// Pebble merges when there are many, whether anybody reads or not. So besides, they
// are merged when the look-ups since the last time have cost about as much as
// merging would have: the cost is then never more than twice what it would be if
// one knew what comes (the rule for renting or buying skis, after Karlin, Manasse,
// Rudolph and Sleator, "Competitive snoopy caching", 1988).

// lookCost is what a look-up in one table more costs, as bytes that are merged
// in the same time: about 1.4 microseconds, at 46 nanoseconds a byte of short
// entries.
const lookCost = 32

// tidyEvery is how many look-ups there are between two looks at the tables.
const tidyEvery = 16 << 10

// rent is what look-ups have cost since tables were merged, in bytes.
type rent struct{ paid int64 }

// pay adds look-ups in so many tables each, of all that have so many bytes
// together, and tells whether merging them is due.
func (r *rent) pay(looks, tables int, size int64) bool {
	if tables < 2 {
		r.paid = 0
		return false
	}
	r.paid += int64(looks) * int64(tables-1) * lookCost
	if r.paid < size {
		return false
	}
	r.paid = 0
	return true
}

// tidying merges the tables of a database. It belongs to the task, and merges on a
// goroutine of its own, which ends in stop.
type tidying struct {
	db    *engine.DB
	rent  rent
	looks int

	merging chan struct{} // closed when that is over, nil before the first time
	cancel  context.CancelFunc
	work    sync.WaitGroup
}

// looked notes look-ups. Now and then it looks at the tables: then ok is true, and
// size is how many bytes they have together.
func (t *tidying) looked(n int) (size int64, ok bool) {
	if t.looks += n; t.looks < tidyEvery {
		return 0, false
	}
	looks := t.looks
	t.looks = 0
	tables := 0
	m := t.db.Metrics()
	for i := range m.Levels {
		tables += int(m.Levels[i].Sublevels)
		size += m.Levels[i].TablesSize
	}
	if t.idle() && t.rent.pay(looks, tables, size) {
		t.merge()
	}
	return size, true
}

// idle tells whether no tables are being merged.
func (t *tidying) idle() bool {
	select {
	case <-t.merging:
		t.merging = nil
	default:
	}
	return t.merging == nil
}

// lastName is after all names.
var lastName = bytes.Repeat([]byte{0xff}, 64)

func (t *tidying) merge() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	t.merging, t.cancel = done, cancel
	t.work.Go(func() {
		defer close(done)
		defer cancel()
		// A disk that fails is noticed by those who need what is on it.
		_ = t.db.Compact(ctx, []byte{}, lastName, false)
	})
}

// stop gives up what has not begun. What has begun ends when the database is closed.
func (t *tidying) stop() {
	if t.cancel != nil {
		t.cancel()
	}
	t.work.Wait()
}
