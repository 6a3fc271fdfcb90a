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
	"github.com/affluxdev/afflux/state"
	"github.com/affluxdev/afflux/state/memory"
	"github.com/affluxdev/afflux/state/statetest"
	"github.com/affluxdev/afflux/window"
)

// snapshot is what an operator hands over.
func snapshot(t testing.TB, op operator.Operator) *statetest.Kept {
	t.Helper()
	k := &statetest.Kept{}
	if err := op.(operator.Stateful).Snapshot(k); err != nil {
		t.Fatal(err)
	}
	if err := k.Write(); err != nil {
		t.Fatal(err)
	}
	return k
}

// restored opens an operator with what was handed over.
func restored(t testing.TB, ctx operator.Context, op operator.Operator, from ...*statetest.Kept) operator.Operator {
	t.Helper()
	if err := op.Open(ctx); err != nil {
		t.Fatal(err)
	}
	index, parallelism := ctx.Subtask()
	if err := op.(operator.Stateful).Restore(statetest.Restored{Index: index, Parallelism: parallelism, From: from}); err != nil {
		t.Fatal(err)
	}
	return op
}

// place is a task of one of several subtasks.
type place struct {
	bench
	index, parallelism int
}

func (p *place) Subtask() (int, int) { return p.index, p.parallelism }

// reminder sets timers for texts: in event time, in the reverse of their order
// for one time, and in processing time.
type reminder struct {
	fired     []string
	watermark event.Time
}

func (f *reminder) Open(*transform.Scope[string, int64]) error { return nil }

func (f *reminder) Process(s *transform.Scope[string, int64], v *string) error {
	f.watermark = s.Watermark()
	kind, at := transform.EventTimer, s.Time()
	switch (*v)[0] {
	case 'p':
		kind, at = transform.ProcessingTimer, event.At(s.Now().Add(time.Duration(s.Time())))
	case 'd':
		s.DeleteTimer(kind, at)
		return nil
	}
	s.SetTimer(kind, at)
	return nil
}

func (f *reminder) OnTimer(s *transform.Scope[string, int64], at event.Time, kind transform.TimerKind) error {
	f.fired = append(f.fired, fmt.Sprint(s.Key(), " ", kind))
	return nil
}

func TestTimersAreRestored(t *testing.T) {
	for _, expected := range []bool{false, true} {
		t.Run(fmt.Sprint("snapshots are expected: ", expected), func(t *testing.T) { testTimers(t, expected) })
	}
}

func testTimers(t *testing.T, expected bool) {
	keyOf := func(v *string) string { return (*v)[1:] }
	make := func(f *reminder) operator.Operator {
		return transform.NewProcess[string, string, int64](keyOf, f, transform.InMemory(memory.NewBackend[string]), nil)
	}
	send := func(op operator.Operator, at event.Time, values ...string) {
		b := event.NewRecords[string](1)
		for _, v := range values {
			b.Append(v, at)
			b.Hashes = append(b.Hashes, event.HashString(keyOf(&v)))
		}
		if err := op.Process(b); err != nil {
			t.Fatal(err)
		}
	}
	advance := func(op operator.Operator, wm event.Time) {
		if err := op.Watermark(wm); err != nil {
			t.Fatal(err)
		}
	}
	ctx, f := &bench{now: time.Unix(1000, 0), snapshots: expected}, &reminder{}
	op := make(f)
	if err := op.Open(ctx); err != nil {
		t.Fatal(err)
	}
	send(op, 50, "ezebra", "eant", "emouse", "efox", "pant")
	send(op, 50, "dfox")
	advance(op, 20)
	kept := snapshot(t, op)
	// The first snapshot has to look the keys of timers up, and the next ones
	// know them: both must say the same, also after a recovery.
	for range 3 {
		ctx, f = &bench{now: time.Unix(1000, 0)}, &reminder{}
		op = restored(t, ctx, make(f), kept)
		if !ctx.alarm.Equal(time.Unix(1000, 50)) {
			t.Fatalf("the alarm is at %v", ctx.alarm)
		}
		send(op, 60, "ecat")
		if f.watermark != 20 {
			t.Fatalf("the watermark is %v", f.watermark)
		}
		send(op, 60, "dcat")
		kept = snapshot(t, op)
	}
	send(op, 50, "eant", "dmouse", "emouse") // one is there already, one is set anew
	advance(op, 20)                          // says nothing new
	if len(f.fired) > 0 {
		t.Fatalf("%q fired too early", f.fired)
	}
	advance(op, 50)
	ctx.now = time.Unix(1000, 50)
	if err := op.(operator.Waking).Woken(); err != nil {
		t.Fatal(err)
	}
	if want := []string{"zebra 0", "ant 0", "mouse 0", "ant 1"}; !slices.Equal(f.fired, want) {
		t.Errorf("fired %q, want %q", f.fired, want)
	}
	advance(op, event.MaxTime)
	if len(snapshotTexts(snapshot(t, op), "timers")) != 0 {
		t.Error("timers that have fired are kept")
	}
}

// snapshotTexts finds keys of the tests above in a piece.
func snapshotTexts(k *statetest.Kept, name string) (found []string) {
	for _, p := range k.Pieces() {
		for _, text := range []string{"zebra", "ant", "mouse", "fox", "cat"} {
			if p.Name == name && strings.Contains(string(p.Data), text) {
				found = append(found, text)
			}
		}
	}
	return found
}

// rules counts by a broadcast state.
type rules struct {
	known *state.BroadcastMap[string, int]
	seen  []int
}

func (f *rules) Open(s *transform.Scope[struct{}, int64]) error {
	f.known = state.NewBroadcastMap[string, int](s.Store(), "rules")
	return nil
}

func (f *rules) OnTimer(*transform.Scope[struct{}, int64], event.Time, transform.TimerKind) error {
	return nil
}

type rule struct{ *rules }

func (f rule) Process(_ *transform.Scope[struct{}, int64], v *string) error {
	f.known.Set(*v, len(*v))
	return nil
}

type ruled struct{ *rules }

func (f ruled) Process(_ *transform.Scope[struct{}, int64], v *string) error {
	n, _ := f.known.Get(*v)
	f.seen = append(f.seen, n)
	return nil
}

func TestBroadcastStateGoesToAllSubtasks(t *testing.T) {
	make := func(f *rules) operator.Operator {
		return transform.NewPorted(f, transform.InMemory(memory.NewBackend[struct{}]), nil, transform.NewPlainPort(ruled{f}), transform.NewBroadcastPort(rule{f}))
	}
	send := func(op operator.Operator, port int, v string) {
		b := event.NewRecords[string](1)
		b.Append(v, 0)
		if err := op.(operator.Ported).ProcessPort(port, b); err != nil {
			t.Fatal(err)
		}
	}
	kept := []*statetest.Kept{}
	for i := range 2 {
		op := make(&rules{})
		if err := op.Open(&place{index: i, parallelism: 2}); err != nil {
			t.Fatal(err)
		}
		send(op, 1, "some rule")
		kept = append(kept, snapshot(t, op))
	}
	for _, parallelism := range []int{1, 2, 5} {
		for i := range parallelism {
			f := &rules{}
			op := restored(t, &place{index: i, parallelism: parallelism}, make(f), kept...)
			send(op, 0, "some rule")
			if !slices.Equal(f.seen, []int{9}) {
				t.Errorf("subtask %d of %d has %v", i, parallelism, f.seen)
			}
		}
	}
}

// stepping is a generator of watermarks that says by how much the time was
// divided, and remembers it.
type stepping struct{ step event.Time }

func (g *stepping) Batch(event.Batch) event.Time {
	g.step++
	return event.MinTime
}
func (g *stepping) Period(time.Time) event.Time { return g.step }
func (g *stepping) Snapshot(s state.Snapshot) error {
	s.Blob("step", []byte{byte(g.step)})
	return nil
}
func (g *stepping) Restore(r state.Restoration) error {
	return r.Everyone("step", func(_ int, data []byte) error { g.step = event.Time(data[0]); return nil })
}

// heard is a task that keeps the last watermark.
type heard struct {
	bench
	watermark event.Time
}

func (c *heard) Watermark(t event.Time) { c.watermark = t }

func TestGeneratorsAreRestored(t *testing.T) {
	ctx, g := &heard{bench: bench{now: time.Unix(1000, 0)}}, &stepping{}
	op := transform.NewGenerateTimes(nil, g, time.Second)
	if err := op.Open(ctx); err != nil {
		t.Fatal(err)
	}
	for range 7 {
		if err := op.Process(event.NewRecords[int](1)); err != nil {
			t.Fatal(err)
		}
	}
	ctx = &heard{bench: bench{now: time.Unix(1000, 0)}}
	op = restored(t, ctx, transform.NewGenerateTimes(nil, &stepping{}, time.Second), snapshot(t, op))
	ctx.now = ctx.alarm
	if ctx.alarm.IsZero() {
		t.Fatal("the generator is not asked any more")
	}
	if err := op.(operator.Waking).Woken(); err != nil {
		t.Fatal(err)
	}
	if ctx.watermark != 7 {
		t.Errorf("the watermark is %v", ctx.watermark)
	}
}

// A subtask goes on from its own watermark, and from the lowest one where the
// records are divided anew.
func TestAssignedTimesGoOn(t *testing.T) {
	var kept []*statetest.Kept
	send := func(op operator.Operator, at event.Time) {
		b := event.NewRecords[int](1)
		b.Append(0, at)
		if err := op.Process(b); err != nil {
			t.Fatal(err)
		}
	}
	for i, at := range []event.Time{500, 300} {
		op := transform.NewAssignTimes(nil, 10)
		if err := op.Open(&place{index: i, parallelism: 2}); err != nil {
			t.Fatal(err)
		}
		send(op, at)
		kept = append(kept, snapshot(t, op))
	}
	for _, c := range []struct {
		index, parallelism int
		want               event.Time
	}{{0, 2, 489}, {1, 2, 289}, {0, 1, 289}, {2, 3, 289}} {
		ctx := &heardPlace{place: place{index: c.index, parallelism: c.parallelism}}
		op := restored(t, ctx, transform.NewAssignTimes(nil, 10), kept...)
		send(op, 100)
		if ctx.watermark != c.want {
			t.Errorf("subtask %d of %d: the watermark is %d, want %d", c.index, c.parallelism, ctx.watermark, c.want)
		}
	}
}

type heardPlace struct {
	place
	watermark event.Time
}

func (c *heardPlace) Watermark(t event.Time) { c.watermark = t }

// The window of all time has a result at the time of its last record.
func TestGlobalResultKeepsItsTime(t *testing.T) {
	make := func() operator.Operator {
		return transform.NewTriggered(window.Global(), window.Firing{}, keyOf, collect, emitDescription, table[transform.Cell[[]int]]())
	}
	ctx, op := &bench{}, make()
	if err := op.Open(ctx); err != nil {
		t.Fatal(err)
	}
	b := event.NewRecords[arrival](1)
	for id, at := range []event.Time{10, 50, 20} {
		b.Append(arrival{"a", at, id}, at)
		b.Hashes = append(b.Hashes, event.HashString("a"))
	}
	if err := op.Process(b); err != nil {
		t.Fatal(err)
	}
	op = restored(t, ctx, make(), snapshot(t, op))
	if err := op.Watermark(event.MaxTime); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(ctx.lastEmit, []event.Time{50}) {
		t.Errorf("results at %v", ctx.lastEmit)
	}
}

// State of other windows under the same name would be taken for what it is not.
func TestOtherWindowsAreRefused(t *testing.T) {
	for name, c := range map[string][2]operator.Operator{
		"window": {
			transform.NewWindow(window.Tumbling(10), keyOf, collect, transform.EachResult(func(string, window.Window, *[]int) int { return 0 }), table[[]int]()),
			transform.NewWindow(window.Tumbling(20), keyOf, collect, transform.EachResult(func(string, window.Window, *[]int) int { return 0 }), table[[]int]()),
		},
		"triggered": {
			transform.NewTriggered(window.Sliding(20, 10), window.Firing{}, keyOf, collect, emitDescription, table[transform.Cell[[]int]]()),
			transform.NewTriggered(window.Sliding(20, 10), window.Firing{Discard: true}, keyOf, collect, emitDescription, table[transform.Cell[[]int]]()),
		},
		"session": {
			transform.NewSession(window.Session(10), window.Firing{}, keyOf, collect, emitDescription, table[transform.Activity[[]int]]()),
			transform.NewSession(window.Session(20), window.Firing{}, keyOf, collect, emitDescription, table[transform.Activity[[]int]]()),
		},
		"count": {
			transform.NewCount(window.Count(10), keyOf, collect, emitDescription, table[transform.Counted[[]int]]()),
			transform.NewCount(window.Count(20), keyOf, collect, emitDescription, table[transform.Counted[[]int]]()),
		},
	} {
		for _, op := range c {
			if err := op.Open(&bench{}); err != nil {
				t.Fatal(err)
			}
		}
		err := c[1].(operator.Stateful).Restore(statetest.Restored{Parallelism: 1, From: []*statetest.Kept{snapshot(t, c[0])}})
		if err == nil || !strings.Contains(err.Error(), "another name") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
