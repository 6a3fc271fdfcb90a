package transform_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/transform"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/state/memory"
	"github.com/affluxdev/afflux/state/statetest"
	"github.com/affluxdev/afflux/window"
	"pgregory.net/rapid"
)

// arrival is a record of the tests; ids are unique.
type arrival struct {
	key string
	at  event.Time
	id  int
}

// recorder is the context of an operator: it keeps what is emitted and has a
// clock that is set by hand.
type recorder struct {
	operator.Context
	now   time.Time
	alarm time.Time
	got   []string
	late  []int
	count int64
}

func (c *recorder) Output(i int) operator.Output                { return recorded{c, i} }
func (c *recorder) Subtask() (int, int)                         { return 0, 1 }
func (c *recorder) Watermark(event.Time)                        {}
func (c *recorder) WakeAt(at time.Time)                         { c.alarm = at }
func (c *recorder) Now() time.Time                              { return c.now }
func (c *recorder) Gauge(string, float64, ...string)            {}
func (c *recorder) BatchCapacity(int) int                       { return 4 }
func (c *recorder) Reject(_ any, _ event.Time, err error) error { return err }
func (c *recorder) Count(name string, n int64) {
	if name == "late" {
		c.count += n
	}
}

// results takes what was emitted since the last call, sorted.
func (c *recorder) results() []string {
	slices.Sort(c.got)
	got := c.got
	c.got = nil
	return got
}

type recorded struct {
	c      *recorder
	output int
}

func (o recorded) Emit(b event.Batch) {
	switch r := b.(type) {
	case *event.Records[string]:
		o.c.got = append(o.c.got, r.Values...)
	case *event.Records[arrival]:
		for _, v := range r.Values {
			o.c.late = append(o.c.late, v.id)
		}
	}
	b.Reset()
}

// collect keeps the ids of records; sorted they say what a window had.
var collect = transform.Fold[arrival, []int]{
	Add:   func(a *[]int, v *arrival) { *a = append(*a, v.id) },
	Merge: func(into, from *[]int) { *into = append(*into, *from...) },
}

func describe(k string, w window.Window, t window.Timing, ids []int) string {
	return fmt.Sprintf("%s [%d,%d) %v %v", k, w.Start, w.End, t, slices.Sorted(slices.Values(ids)))
}

func emitDescription(k string, w window.Window, t window.Timing, a *[]int, emit func(string)) error {
	emit(describe(k, w, t, *a))
	return nil
}

func table[S any]() transform.Tables[string, S] {
	return transform.InTables(memory.NewTables[string, S])
}

func keyOf(v *arrival) string { return v.key }

// content is what a model knows about a window of a key.
type content struct {
	key   string
	w     window.Window
	ids   []int // for results: all, or since the last one
	fresh int   // records since the last result
	fired bool  // by the watermark
}

// model produces results by going through all windows at each step.
type model struct {
	firing    window.Firing
	watermark event.Time
	// enter adds a record to its windows that are kept and returns them.
	enter    func(m *model, v arrival) []*content
	contents []*content
	got      []string
	late     []int
}

func (m *model) fire(c *content, t window.Timing) {
	m.got = append(m.got, describe(c.key, c.w, t, c.ids))
	c.fresh = 0
	if m.firing.Discard {
		c.ids = nil
	}
}

func (m *model) kept(w window.Window) bool {
	return m.watermark != event.MaxTime && (w.End == event.MaxTime || w.End-1+event.Time(m.firing.Lateness) > m.watermark)
}

func (m *model) batch(records []arrival) {
	for _, v := range records {
		windows := m.enter(m, v)
		if len(windows) == 0 {
			m.late = append(m.late, v.id)
		}
		for _, c := range windows {
			c.ids, c.fresh = append(c.ids, v.id), c.fresh+1
			if n := m.firing.EarlyCount; n > 0 && c.fresh >= n && !c.w.Complete(m.watermark) {
				m.fire(c, window.Early)
			}
		}
	}
	for _, c := range m.contents {
		if c.fresh > 0 && c.w.Complete(m.watermark) {
			c.fired = true
			m.fire(c, window.Late)
		}
	}
}

func (m *model) advance(t event.Time) {
	m.watermark = t
	for _, c := range m.contents {
		if !c.fired && c.w.Complete(t) {
			c.fired = true
			if c.fresh > 0 || !m.firing.Discard {
				m.fire(c, window.OnTime)
			}
		}
	}
	m.contents = slices.DeleteFunc(m.contents, func(c *content) bool { return c.fired && !m.kept(c.w) })
}

func (m *model) tick() {
	for _, c := range m.contents {
		if c.fresh > 0 && !c.w.Complete(m.watermark) {
			m.fire(c, window.Early)
		}
	}
}

// play runs a random script against an operator and its model.
func play(t *rapid.T, firing window.Firing, make func() operator.Operator, m *model, span int64) {
	m.firing, m.watermark = firing, event.MinTime
	c, op := &recorder{now: time.Unix(1000, 0)}, make()
	if err := op.Open(c); err != nil {
		t.Fatal(err)
	}
	check := func(step string) {
		slices.Sort(m.got)
		if got := c.results(); !slices.Equal(got, m.got) {
			t.Fatalf("%s: got\n %s\nwant\n %s", step, strings.Join(got, "\n "), strings.Join(m.got, "\n "))
		}
		m.got = nil
	}
	id, base := 0, event.Time(0)
	draw := func() *event.Records[arrival] {
		b := event.NewRecords[arrival](1)
		for range rapid.IntRange(1, 20).Draw(t, "records") {
			id++
			v := arrival{key: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "key"), id: id,
				at: base + event.Time(rapid.Int64Range(-span, span).Draw(t, "time"))}
			b.Append(v, v.at)
			b.Hashes = append(b.Hashes, event.HashString(v.key))
		}
		return b
	}
	for range rapid.IntRange(1, 25).Draw(t, "steps") {
		switch rapid.SampledFrom([]string{"batch", "batch", "batch", "watermark", "watermark", "tick", "recovery"}).Draw(t, "step") {
		case "batch":
			b := draw()
			m.batch(slices.Clone(b.Values))
			if err := op.Process(b); err != nil {
				t.Fatal(err)
			}
			check("after a batch")
		case "watermark":
			base += event.Time(rapid.Int64Range(0, span).Draw(t, "advance"))
			wm := max(m.watermark, base-event.Time(rapid.Int64Range(0, span).Draw(t, "bound")))
			m.advance(wm)
			if err := op.Watermark(wm); err != nil {
				t.Fatal(err)
			}
			check(fmt.Sprintf("after watermark %d", wm))
		case "tick":
			if firing.Early == 0 {
				continue
			}
			c.now = c.now.Add(firing.Early)
			m.tick()
			if err := op.(operator.Waking).Woken(); err != nil {
				t.Fatal(err)
			}
			check("after a tick")
		case "recovery":
			lost := draw()
			op = restart(t, c, op, make, lost)
			if m.watermark > event.MinTime {
				if err := op.Watermark(m.watermark); err != nil {
					t.Fatal(err)
				}
			}
			check("after a recovery")
		}
	}
	m.advance(event.MaxTime)
	if err := op.Watermark(event.MaxTime); err != nil {
		t.Fatal(err)
	}
	check("at the end")
	slices.Sort(m.late)
	slices.Sort(c.late)
	if !slices.Equal(c.late, m.late) || c.count != int64(len(m.late)) {
		t.Fatalf("late are %v, %d counted; want %v", c.late, c.count, m.late)
	}
	if err := op.Finish(); err != nil {
		t.Fatal(err)
	}
}

// restart takes a snapshot of an operator, which goes on with a batch that is
// lost, and returns another one that begins with the snapshot.
func restart(t *rapid.T, c *recorder, op operator.Operator, make func() operator.Operator, lost event.Batch) operator.Operator {
	k, was := &statetest.Kept{}, *c
	if err := op.(operator.Stateful).Snapshot(k); err != nil {
		t.Fatal(err)
	}
	was.got, was.late = slices.Clone(c.got), slices.Clone(c.late)
	if err := op.Process(lost); err != nil {
		t.Fatal(err)
	}
	if w, ok := op.(operator.Waking); ok {
		c.now = c.now.Add(time.Hour)
		if err := w.Woken(); err != nil {
			t.Fatal(err)
		}
	}
	if err := op.Watermark(event.MaxTime); err != nil {
		t.Fatal(err)
	}
	if err := k.Write(); err != nil {
		t.Fatal(err)
	}
	if err := op.Close(); err != nil {
		t.Fatal(err)
	}
	*c = was
	c.alarm = time.Time{}
	op = make()
	if err := op.Open(c); err != nil {
		t.Fatal(err)
	}
	if err := op.(operator.Stateful).Restore(statetest.Restored{Parallelism: 1, From: []*statetest.Kept{k}}); err != nil {
		t.Fatal(err)
	}
	return op
}

func drawFiring(t *rapid.T) (f window.Firing) {
	f.Lateness = time.Duration(rapid.SampledFrom([]int64{0, 0, 3, 50}).Draw(t, "lateness"))
	if rapid.Bool().Draw(t, "early") {
		f.Early = time.Second
	}
	f.EarlyCount = rapid.SampledFrom([]int{0, 0, 1, 3}).Draw(t, "early count")
	f.Discard = rapid.Bool().Draw(t, "discard")
	return f
}

// slotted is a model of windows that are the same for all keys; of returns
// those of an event time.
func slotted(of func(event.Time) []window.Window) func(*model, arrival) []*content {
	return func(m *model, v arrival) (out []*content) {
		for _, w := range of(v.at) {
			if !m.kept(w) {
				continue
			}
			i := slices.IndexFunc(m.contents, func(c *content) bool { return c.key == v.key && c.w == w })
			if i < 0 {
				i = len(m.contents)
				m.contents = append(m.contents, &content{key: v.key, w: w})
			}
			out = append(out, m.contents[i])
		}
		return out
	}
}

func TestTriggeredWindowsAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Int64Range(1, 40).Draw(t, "size")
		slide := rapid.Int64Range(1, size).Draw(t, "slide")
		if rapid.Bool().Draw(t, "tumbling") {
			slide = size
		}
		offset := rapid.Int64Range(0, 10).Draw(t, "offset")
		of := func(at event.Time) (out []window.Window) {
			for s := int64(at) - size + 1; s <= int64(at); s++ {
				if (s-offset)%slide == 0 {
					out = append(out, window.Window{Start: event.Time(s), End: event.Time(s + size)})
				}
			}
			return out
		}
		f := drawFiring(t)
		a := window.Sliding(time.Duration(size), time.Duration(slide), window.Offset(time.Duration(offset)))
		play(t, f, func() operator.Operator {
			return transform.NewTriggered(a, f, keyOf, collect, emitDescription, table[transform.Cell[[]int]]())
		}, &model{enter: slotted(of)}, 60)
	})
}

func TestGlobalWindowAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := drawFiring(t)
		all := []window.Window{{Start: event.MinTime, End: event.MaxTime}}
		play(t, f, func() operator.Operator {
			return transform.NewTriggered(window.Global(), f, keyOf, collect, emitDescription, table[transform.Cell[[]int]]())
		}, &model{enter: slotted(func(event.Time) []window.Window { return all })}, 60)
	})
}

func TestSessionsAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := drawFiring(t)
		gap := event.Time(rapid.Int64Range(1, 20).Draw(t, "gap"))
		enter := func(m *model, v arrival) []*content {
			joined := &content{key: v.key, w: window.Window{Start: v.at, End: v.at + gap}}
			var near []*content
			for _, c := range m.contents {
				if c.key == v.key && c.w.Start < v.at+gap && v.at < c.w.End {
					near = append(near, c)
				}
			}
			if len(near) == 0 && !m.kept(joined.w) {
				return nil
			}
			for _, c := range near {
				joined.w.Start, joined.w.End = min(joined.w.Start, c.w.Start), max(joined.w.End, c.w.End)
				joined.ids, joined.fresh = append(joined.ids, c.ids...), joined.fresh+c.fresh
			}
			m.contents = slices.DeleteFunc(m.contents, func(c *content) bool { return slices.Contains(near, c) })
			m.contents = append(m.contents, joined)
			return []*content{joined}
		}
		play(t, f, func() operator.Operator {
			return transform.NewSession(window.Session(time.Duration(gap)), f, keyOf, collect, emitDescription, table[transform.Activity[[]int]]())
		}, &model{enter: enter}, 60)
	})
}

func TestRecordAtTheEndOfTime(t *testing.T) {
	for name, op := range map[string]operator.Operator{
		"window": transform.NewWindow(window.Tumbling(time.Hour), keyOf, collect,
			transform.EachResult(func(k string, w window.Window, a *[]int) string { return fmt.Sprint(*a) }), table[[]int]()),
		"triggered": transform.NewTriggered(window.Tumbling(time.Hour), window.Firing{Lateness: time.Hour}, keyOf, collect,
			func(_ string, _ window.Window, _ window.Timing, a *[]int, emit func(string)) error {
				emit(fmt.Sprint(*a))
				return nil
			}, table[transform.Cell[[]int]]()),
		"session": transform.NewSession(window.Session(time.Hour), window.Firing{}, keyOf, collect,
			func(_ string, _ window.Window, _ window.Timing, a *[]int, emit func(string)) error {
				emit(fmt.Sprint(*a))
				return nil
			}, table[transform.Activity[[]int]]()),
	} {
		c := &recorder{}
		if err := op.Open(c); err != nil {
			t.Fatal(err)
		}
		b := event.NewRecords[arrival](1)
		for id, at := range []event.Time{event.MaxTime, 0, event.MaxTime, event.MinTime} {
			b.Append(arrival{"a", at, id}, at)
			b.Hashes = append(b.Hashes, event.HashString("a"))
		}
		if err := op.Process(b); err != nil {
			t.Fatal(err)
		}
		if err := op.Watermark(event.MaxTime); err != nil {
			t.Fatal(err)
		}
		if got := c.results(); !slices.Equal(got, []string{"[0 2]", "[1]", "[3]"}) {
			t.Errorf("%s: results are %v", name, got)
		}
	}
}
