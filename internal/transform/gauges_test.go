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
	"github.com/affluxdev/afflux/window"
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
type slowTable[S any] struct {
	state.Table[int, S]
	ctx         *clock
	each, fixed time.Duration
	spent       time.Duration
}

func (s *slowTable[S]) take(d time.Duration) {
	s.spent += d
	s.ctx.now = s.ctx.now.Add(d)
}

func (s *slowTable[S]) Lookup(keys []int, hashes []uint64, out []*S) {
	s.take(s.fixed + time.Duration(len(keys))*s.each)
	s.Table.Lookup(keys, hashes, out)
}

func (s *slowTable[S]) Get(key *int, hash uint64) *S {
	s.take(s.fixed + s.each)
	return s.Table.Get(key, hash)
}

func (s *slowTable[S]) Range(cursor int, f func(uint64, int, *S) bool) int {
	return s.Table.Range(cursor, func(h uint64, k int, v *S) bool {
		s.take(s.each)
		return f(h, k, v)
	})
}

// slowTables makes one of them, and no other.
type slowTables[S any] struct {
	state.Tables[int, S]
	one *slowTable[S]
}

func (s slowTables[S]) New() state.Table[int, S] { return s.one }

func (s slowTables[S]) open(operator.Context) (state.Tables[int, S], error) { return s, nil }

func slow[S any](ctx *clock) slowTables[S] {
	all := memory.NewTables[int, S]()
	return slowTables[S]{all, &slowTable[S]{Table: all.New(), ctx: ctx, each: 3 * time.Microsecond, fixed: time.Microsecond}}
}

// slowOutput takes a time for each batch, as one that waits for credit does.
type slowOutput struct{ ctx *clock }

func (o slowOutput) Emit(b event.Batch) {
	o.ctx.now = o.ctx.now.Add(5 * time.Millisecond)
	b.Reset()
}

// The rest of what operators ask of a context.
func (c *clock) Output(i int) operator.Output {
	if i > 0 {
		return nil
	}
	return slowOutput{c}
}
func (c *clock) Watermark(event.Time)             {}
func (c *clock) WakeAt(time.Time)                 {}
func (c *clock) BatchCapacity(int) int            { return 100 }
func (c *clock) Gauge(string, float64, ...string) {}

// TestStateTime compares the estimate with what tables have really taken, of
// which few look-ups are measured where they are quick.
func TestStateTime(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for name, s := range map[string]*slowTable[int]{
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

// TestStateTimeOfFirings has results made for many keys by operators that fire
// early, late, at the end, and ahead of a watermark: what their tables take for that
// is state, and what the function and the outputs take is not.
func TestStateTimeOfFirings(t *testing.T) {
	const keys = 2000
	fold := Fold[int, int]{Add: func(a, v *int) { *a += *v }, Merge: func(a, b *int) { *a += *b }}
	key := func(v *int) int { return *v }
	type fired struct {
		name  string
		op    operator.Operator
		g     *gauges
		spent *time.Duration
		fire  func() error
	}
	var all []fired
	ctx := &clock{now: time.Unix(1000, 0)}
	results := 0
	result := func(_ int, _ window.Window, _ window.Timing, acc *int, emit func(int)) error {
		results++
		ctx.now = ctx.now.Add(10 * time.Microsecond) // the user's function
		emit(*acc)
		return nil
	}
	records := func() *event.Records[int] {
		b := event.NewRecords[int](keys)
		hasher, err := event.HasherOf[int]()
		if err != nil {
			t.Fatal(err)
		}
		for i := range keys {
			b.Append(i, 1)
			b.Hashes = append(b.Hashes, hasher(&i))
		}
		return b
	}
	early := window.Firing{Early: time.Second, Lateness: time.Hour}
	{
		tables := slow[Cell[int]](ctx)
		op := NewTriggered(window.Tumbling(time.Second), early, key, fold, result, tables.open).(*Triggered[int, int, int, int])
		all = append(all, fired{"early windows", op, &op.tables.gauges, &tables.one.spent, op.Woken})
	}
	{
		tables := slow[Cell[int]](ctx)
		op := NewTriggered(window.Tumbling(time.Second), early, key, fold, result, tables.open).(*Triggered[int, int, int, int])
		all = append(all, fired{"windows", op, &op.tables.gauges, &tables.one.spent, func() error { return op.Watermark(event.At(time.Unix(5, 0))) }})
	}
	{
		tables := slow[Activity[int]](ctx)
		op := NewSession(window.Session(time.Second), early, key, fold, result, tables.open).(*Session[int, int, int, int])
		all = append(all, fired{"early sessions", op, &op.tables.gauges, &tables.one.spent, op.Woken})
	}
	{
		tables := slow[Counted[int]](ctx)
		op := NewCount(window.Count(5), key, fold, result, tables.open).(*Count[int, int, int, int])
		all = append(all, fired{"counts that are not full", op, &op.tables.gauges, &tables.one.spent, op.Finish})
	}
	for _, c := range all {
		if err := c.op.Open(ctx); err != nil {
			t.Fatal(err)
		}
		if err := c.op.Process(records()); err != nil {
			t.Fatal(err)
		}
		ctx.now = ctx.now.Add(time.Minute)
		results = 0
		spent, told := *c.spent, c.g.spent
		if err := c.fire(); err != nil {
			t.Fatal(err)
		}
		took, got := float64(*c.spent-spent), c.g.spent-told
		if results != keys || took < keys*3000 || math.Abs(got-took) > 0.01*took {
			t.Errorf("%s: %d results: an estimate of %v, and %v were taken", c.name, results, time.Duration(got), time.Duration(took))
		}
	}
}
