package transform

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/state"
	"github.com/affluxdev/afflux/state/memory"
)

// clock is a context whose time moves when it is told to.
type clock struct {
	operator.Context
	now   time.Time
	reads int
	state int64
}

func (c *clock) Now() time.Time { c.reads++; return c.now }
func (c *clock) Count(name string, n int64) {
	if name == "state_ns" {
		c.state += n
	}
}

// slowTable takes a time for each look-up, and for each key of it and of a walk.
type slowTable struct {
	state.Table[int, int]
	ctx         *clock
	each, fixed time.Duration
	spent       time.Duration
}

func (s *slowTable) take(d time.Duration) {
	s.spent += d
	s.ctx.now = s.ctx.now.Add(d)
}

func (s *slowTable) Lookup(keys []int, hashes []uint64, out []*int) {
	s.take(s.fixed + time.Duration(len(keys))*s.each)
	s.Table.Lookup(keys, hashes, out)
}

func (s *slowTable) Range(cursor int, f func(uint64, int, *int) bool) int {
	return s.Table.Range(cursor, func(h uint64, k int, v *int) bool {
		s.take(s.each)
		return f(h, k, v)
	})
}

// TestStateTime compares the estimate with what tables have really taken, of
// which few look-ups are measured where they are quick.
func TestStateTime(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for name, s := range map[string]*slowTable{
		"in memory": {each: 8 * time.Nanosecond, fixed: 50 * time.Nanosecond},
		"on disk":   {each: 3 * time.Microsecond, fixed: 20 * time.Microsecond},
	} {
		s.Table, s.ctx = memory.NewTables[int, int]().New(), &clock{now: time.Unix(1000, 0)}
		g := &gauges{ctx: s.ctx}
		var keys [chunk]int
		var hashes [chunk]uint64
		var out [chunk]*int
		hasher, err := event.HasherOf[int]()
		if err != nil {
			t.Fatal(err)
		}
		for range 20_000 {
			n := 1 + rng.IntN(chunk)
			for i := range n {
				keys[i] = rng.IntN(1000)
				hashes[i] = hasher(&keys[i])
			}
			lookUp(g, s, keys[:n], hashes[:n], out[:n])
			s.ctx.now = s.ctx.now.Add(5 * time.Microsecond) // not in state
		}
		g.publishTime()
		if got := float64(s.ctx.state); math.Abs(got/float64(s.spent)-1) > 0.05 {
			t.Errorf("%s: an estimate of %v, and %v were taken", name, time.Duration(got), s.spent)
		}
		// Two readings, of 50 ns each.
		if cost := float64(s.ctx.reads) * 50 / float64(s.spent); cost > 0.003 {
			t.Errorf("%s: reading the clock costs %.2f %%", name, 100*cost)
		}
		if g.perKey <= 0 || g.access <= 0 {
			t.Errorf("%s: %v ns a key", name, g.access)
		}

		before := s.spent
		w := g.walk()
		s.Range(0, func(uint64, int, *int) bool {
			w.enter()
			s.ctx.now = s.ctx.now.Add(time.Microsecond) // the user's function
			w.leave()
			if rng.IntN(100) == 0 {
				w.emit(func() { s.ctx.now = s.ctx.now.Add(time.Millisecond) })
			}
			return true
		})
		w.done()
		if got, want := g.spent, float64(s.spent-before); math.Abs(got-want) > 0.01*want+2 {
			t.Errorf("%s: a walk of %v ns, and %v were taken", name, got, want)
		}
	}
}
