package afflux_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/connector/memory"
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/state/pebble"
	"github.com/affluxdev/afflux/window"
)

// trip is a record of the right side of joins, of another size than a stay.
type trip struct {
	stay
	Note string
}

func drawTrips(t *rapid.T, span, bound time.Duration) []trip {
	var out []trip
	for _, v := range drawStays(t, span, bound) {
		out = append(out, trip{v, fmt.Sprint("trip ", v.ID)})
	}
	return out
}

// together are the pairs of one window, -1 for a missing side.
type together struct{ user, left, right int }

func pairOf(a *stay, b *trip) together {
	p := together{-1, -1, -1}
	if a != nil {
		p.user, p.left = a.User, a.ID
	}
	if b != nil {
		p.user, p.right = b.User, b.ID
		if want := fmt.Sprint("trip ", b.ID); b.Note != want {
			panic("a trip has the note " + b.Note)
		}
	}
	return p
}

// meeting is a window of a user with the records of both sides.
type meeting struct {
	user        int
	start, end  event.Time
	left, right []int
}

// meetings puts two inputs into windows: into those of each record, or, where
// of is nil, into sessions.
func meetings(left []stay, right []trip, of func(time.Time) [][2]time.Time, gap time.Duration) []meeting {
	const isRight = 1 << 20
	all := slices.Clone(left)
	for _, v := range right {
		v.ID += isRight
		all = append(all, v.stay)
	}
	var bags []bag
	if of != nil {
		bags = inWindows(all, of)
	} else {
		bags = inSessions(all, gap)
	}
	var out []meeting
	for _, b := range bags {
		m := meeting{user: b.user, start: b.start, end: b.end}
		for _, f := range strings.Fields(strings.Trim(b.ids, "[]")) {
			var id int
			_, _ = fmt.Sscan(f, &id)
			if id >= isRight {
				m.right = append(m.right, id-isRight)
			} else {
				m.left = append(m.left, id)
			}
		}
		out = append(out, m)
	}
	return out
}

// texts are what meetings say, sorted.
func texts(list []meeting) []string {
	out := make([]string, len(list))
	for i, m := range list {
		slices.Sort(m.left)
		slices.Sort(m.right)
		out[i] = fmt.Sprint(m.user, m.start, m.end, m.left, m.right)
	}
	slices.Sort(out)
	return out
}

// pairsOf multiplies out.
func pairsOf(list []meeting, keepLeft, keepRight bool) []string {
	var out []string
	add := func(user, a, b int) { out = append(out, fmt.Sprint(together{user, a, b})) }
	for _, m := range list {
		for _, a := range m.left {
			for _, b := range m.right {
				add(m.user, a, b)
			}
			if len(m.right) == 0 && keepLeft {
				add(m.user, a, -1)
			}
		}
		if len(m.left) == 0 && keepRight {
			for _, b := range m.right {
				add(m.user, -1, b)
			}
		}
	}
	slices.Sort(out)
	return out
}

// joinOf begins a job that joins windows.
func joinOf(parallelism int, left []stay, right []trip, d window.Definition, bound time.Duration, options ...afflux.WindowOption) (*afflux.Job, *afflux.JoinedWindows[int, stay, trip]) {
	j := afflux.NewJob("t", afflux.Parallelism(parallelism), afflux.Buffers(2, 256))
	a := afflux.From(j, "stays", memory.Source(left), afflux.Parallelism(1)).EventTime(when, afflux.OutOfOrder(bound)).KeyBy("user", user)
	b := afflux.From(j, "trips", memory.Source(right), afflux.Parallelism(1)).
		EventTime(func(v *trip) event.Time { return v.At }, afflux.OutOfOrder(bound)).
		KeyBy("traveller", func(v *trip) int { return v.User })
	return j, a.Join(b).Window(d, options...)
}

func idsOf[T any](values []T, id func(T) int) []int {
	out := make([]int, len(values))
	for i, v := range values {
		out[i] = id(v)
	}
	return out
}

func stayID(v stay) int { return v.ID }
func tripID(v trip) int { return v.ID }

func meetingOf(r *afflux.JoinWindow[int, stay, trip]) meeting {
	return meeting{r.Key, r.Start, r.End, idsOf(r.Left, stayID), idsOf(r.Right, tripID)}
}

func TestWindowJoinAgainstBruteForce(t *testing.T) {
	const bound = 5 * time.Hour
	berlin := location(t, "Europe/Berlin")
	for _, c := range []struct {
		definition window.Definition
		of         func(time.Time) [][2]time.Time
		gap        time.Duration
	}{
		{window.Tumbling(6 * time.Hour), slidingModel(6*time.Hour, 6*time.Hour), 0},
		{window.Sliding(6*time.Hour, 4*time.Hour), slidingModel(6*time.Hour, 4*time.Hour), 0},
		{window.Days(berlin), inDays(berlin), 0},
		{window.Session(3 * time.Hour), nil, 3 * time.Hour},
	} {
		t.Run(c.definition.String(), func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				span := time.Duration(rapid.SampledFrom([]int64{1, 11 * 24}).Draw(rt, "hours")) * time.Hour
				left, right := drawStays(rt, span, bound), drawTrips(rt, span, bound)
				model := meetings(left, right, c.of, c.gap)
				p := rapid.SampledFrom([]int{1, 2, 5}).Draw(rt, "parallelism")
				j, w := joinOf(p, left, right, c.definition, bound)
				inner, outerLeft, outerRight, full := memory.Sink[together](), memory.Sink[together](), memory.Sink[together](), memory.Sink[together]()
				all := memory.Sink[meeting]()
				w.Inner("inner", pairOf).To("inner-out", inner)
				w.Left("left", pairOf).To("left-out", outerLeft)
				w.Right("right", pairOf).To("right-out", outerRight)
				w.Full("full", pairOf).To("full-out", full)
				apply := w.Apply("apply", func(r *afflux.JoinWindow[int, stay, trip], emit func(meeting)) error {
					if r.Timing != window.OnTime {
						return errors.New(r.Timing.String())
					}
					emit(meetingOf(r))
					return nil
				})
				apply.To("apply-out", all)
				lateLeft, lateRight := memory.Sink[stay](), memory.Sink[trip]()
				apply.LateLeft().To("late-left", lateLeft)
				apply.LateRight().To("late-right", lateRight)
				if err := j.Run(t.Context()); err != nil {
					rt.Fatal(err)
				}
				if n := len(lateLeft.Values()) + len(lateRight.Values()); n > 0 {
					rt.Fatalf("parallelism %d: %d late", p, n)
				}
				if got, want := texts(all.Values()), texts(model); !slices.Equal(got, want) {
					rt.Fatalf("parallelism %d: got\n%v\nwant\n%v", p, got, want)
				}
				for kind, x := range map[string]struct {
					got  []together
					want []string
				}{
					"inner": {inner.Values(), pairsOf(model, false, false)},
					"left":  {outerLeft.Values(), pairsOf(model, true, false)},
					"right": {outerRight.Values(), pairsOf(model, false, true)},
					"full":  {full.Values(), pairsOf(model, true, true)},
				} {
					var got []string
					for _, v := range x.got {
						got = append(got, fmt.Sprint(v))
					}
					slices.Sort(got)
					if !slices.Equal(got, x.want) {
						rt.Fatalf("parallelism %d: the %s join has\n%v\nwant\n%v", p, kind, got, x.want)
					}
				}
			})
		})
	}
}

// Whatever is late, no record of either side is lost: discarding results and
// late records make up the input.
func TestWindowJoinOnTimeAndLateAreAll(t *testing.T) {
	for _, d := range []window.Definition{window.Tumbling(6 * time.Hour), window.Session(3 * time.Hour), window.Global()} {
		t.Run(d.String(), func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				const span = 4 * 24 * time.Hour
				left, right := drawStays(rt, span, 30*time.Hour), drawTrips(rt, span, 30*time.Hour)
				bound := time.Duration(rapid.Int64Range(0, int64(40*time.Hour)).Draw(rt, "bound"))
				options := []afflux.WindowOption{afflux.Discard(), afflux.AllowedLateness(time.Duration(rapid.SampledFrom([]int64{0, 3}).Draw(rt, "lateness")) * time.Hour)}
				if n := rapid.IntRange(0, 4).Draw(rt, "early"); n > 0 {
					options = append(options, afflux.EarlyCount(n))
				}
				p := rapid.SampledFrom([]int{1, 2, 5}).Draw(rt, "parallelism")
				j, w := joinOf(p, left, right, d, bound, options...)
				all, lateLeft, lateRight := memory.Sink[meeting](), memory.Sink[stay](), memory.Sink[trip]()
				apply := w.Apply("apply", func(r *afflux.JoinWindow[int, stay, trip], emit func(meeting)) error {
					emit(meetingOf(r))
					return nil
				})
				apply.To("apply-out", all)
				apply.LateLeft().To("late-left", lateLeft)
				apply.LateRight().To("late-right", lateRight)
				if err := j.Run(t.Context()); err != nil {
					rt.Fatal(err)
				}
				lefts, rights := idsOf(lateLeft.Values(), stayID), idsOf(lateRight.Values(), tripID)
				for _, m := range all.Values() {
					lefts, rights = append(lefts, m.left...), append(rights, m.right...)
				}
				slices.Sort(lefts)
				slices.Sort(rights)
				wantLeft, wantRight := slices.Sorted(slices.Values(idsOf(left, stayID))), slices.Sorted(slices.Values(idsOf(right, tripID)))
				if !slices.Equal(lefts, wantLeft) || !slices.Equal(rights, wantRight) {
					rt.Fatalf("parallelism %d: left %v, want %v; right %v, want %v", p, lefts, wantLeft, rights, wantRight)
				}
			})
		})
	}
}

// The last result of a key and window has all pairs, those of late records too.
func TestWindowJoinWithLateness(t *testing.T) {
	at := func(minute int) event.Time { return event.At(clock(9, minute)) }
	var left []stay
	left = append(left, stay{1, at(10), 1})
	for i := range 1000 { // completes the first hour
		left = append(left, stay{2, event.At(clock(10, 30)), 100 + i})
	}
	left = append(left, stay{1, at(20), 2})
	right := []trip{{stay{1, at(15), 7}, "trip 7"}}
	join := func(options ...afflux.WindowOption) (results []meeting, late []stay) {
		j, w := joinOf(1, left, right, window.Tumbling(time.Hour), 0, options...)
		out, lateOut := memory.Sink[meeting](), memory.Sink[stay]()
		r := w.Apply("apply", func(r *afflux.JoinWindow[int, stay, trip], emit func(meeting)) error {
			if r.Key == 1 {
				emit(meetingOf(r))
			}
			return nil
		})
		r.To("out", out)
		r.LateLeft().To("late", lateOut)
		if err := j.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		return out.Values(), lateOut.Values()
	}
	results, late := join(afflux.AllowedLateness(3 * time.Hour))
	if len(results) == 0 || len(late) > 0 {
		t.Fatalf("results %v, late %v", results, late)
	}
	if m := results[len(results)-1]; !slices.Equal(m.left, []int{1, 2}) || !slices.Equal(m.right, []int{7}) {
		t.Errorf("the last result has %v", m)
	}
	// Its own trip holds the watermark back until it has ended.
	results, late = join()
	if n := len(results); n != 1 || len(late)+len(results[0].left) != 2 || len(results[0].right) != 1 {
		t.Errorf("without lateness: results %v, late %v", results, late)
	}
}

func TestWindowJoinIsRefused(t *testing.T) {
	j, w := joinOf(1, nil, nil, window.Count(3), 0)
	w.Inner("inner", pairOf).To("out", memory.Sink[together]())
	if err := j.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "a join needs windows of time") {
		t.Errorf("got %v", err)
	}
	j, w = joinOf(1, nil, nil, window.Tumbling(time.Hour), 0, afflux.Early(time.Second), afflux.Discard())
	w.Full("full", pairOf).To("out", memory.Sink[together]())
	if err := j.Run(t.Context()); err == nil || !strings.Contains(err.Error(), `join "full": with Discard a pair is lost`) {
		t.Errorf("got %v", err)
	}
}

// On a disk, with no memory for state, the result is the same.
func TestWindowJoinOnDisk(t *testing.T) {
	const n = 300
	start := event.At(clock(0, 0))
	var left []stay
	var right []trip
	for i := range n {
		at := start + event.Time(i)*event.Time(7*time.Minute)
		left = append(left, stay{i % 7, at, i})
		right = append(right, trip{stay{i % 5, at + event.Time(i%3)*event.Time(time.Hour), i}, fmt.Sprint("trip ", i)})
	}
	for _, c := range []struct {
		definition window.Definition
		of         func(time.Time) [][2]time.Time
		gap        time.Duration
	}{
		{window.Tumbling(6 * time.Hour), slidingModel(6*time.Hour, 6*time.Hour), 0},
		{window.Sliding(6*time.Hour, 4*time.Hour), slidingModel(6*time.Hour, 4*time.Hour), 0},
		{window.Session(time.Hour), nil, time.Hour},
	} {
		for _, p := range []int{1, 3} {
			t.Run(fmt.Sprint(c.definition, " ", p), func(t *testing.T) {
				d, err := pebble.In(t.TempDir(), pebble.MinMemory)
				if err != nil {
					t.Fatal(err)
				}
				j, w := joinOf(p, left, right, c.definition, 3*time.Hour)
				j.Set(afflux.StateOnDisk(crowded{d}))
				out := memory.Sink[together]()
				w.Full("full", pairOf).To("out", out)
				if err := j.Run(t.Context()); err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, v := range out.Values() {
					got = append(got, fmt.Sprint(v))
				}
				slices.Sort(got)
				if want := pairsOf(meetings(left, right, c.of, c.gap), true, true); !slices.Equal(got, want) {
					t.Errorf("%d pairs, want %d", len(got), len(want))
				}
			})
		}
	}
}

// A pair that is refused goes to the dead letters with both records, and keeps
// no other pair back.
func TestWindowJoinDeadLetters(t *testing.T) {
	at := event.At(clock(9, 0))
	left := []stay{{1, at, 1}, {1, at, 2}, {1, at, 3}}
	right := []trip{{stay{1, at, 1}, "trip 1"}, {stay{1, at, 2}, "trip 2"}}
	j, w := joinOf(1, left, right, window.Tumbling(time.Hour), 0)
	out, letters := memory.Sink[together](), memory.Sink[event.DeadLetter]()
	j.DeadLetters("letters", letters)
	w.Inner("inner", func(a *stay, b *trip) together {
		if a.ID == 2 && b.ID == 2 {
			panic("oops")
		}
		return pairOf(a, b)
	}, afflux.OnError(afflux.DeadLetter)).To("out", out)
	w.Apply("apply", func(r *afflux.JoinWindow[int, stay, trip], emit func(together)) error {
		emit(together{})
		panic("no result")
	}, afflux.OnError(afflux.DeadLetter)).To("apply-out", memory.Sink[together]())
	if err := j.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(out.Values()); n != 5 {
		t.Errorf("%d pairs, want the 5 of 6 that are good", n)
	}
	var got []string
	for _, l := range letters.Values() {
		got = append(got, l.Operator+" "+l.Record)
		if !strings.Contains(l.Reason, "panic: ") {
			t.Errorf("the reason is %q", l.Reason)
		}
	}
	slices.Sort(got)
	want := []string{
		`apply {"key":1,"start":1772355600000000000,"end":1772359200000000000,"value":""}`,
		`inner {"left":{"User":1,"At":1772355600000000000,"ID":2},"right":{"User":1,"At":1772355600000000000,"ID":2,"Note":"trip 2"}}`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("dead letters:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// A sink that panics below a join is not a fault of the pair.
func TestPanicBelowAWindowJoinIsNotItsOwn(t *testing.T) {
	var left []stay
	var right []trip
	for i := range 100 {
		left, right = append(left, stay{1, 5, i}), append(right, trip{stay{1, 5, i}, fmt.Sprint("trip ", i)})
	}
	j, w := joinOf(1, left, right, window.Tumbling(time.Hour), 0)
	w.Inner("inner", func(a *stay, b *trip) int { return a.ID }, afflux.OnError(afflux.Skip)).To("out", faultySink{faulty{"Write"}})
	if err := j.Run(t.Context()); err == nil || !strings.HasPrefix(err.Error(), `operator "out": panic: oops in Write`) {
		t.Errorf("got %v", err)
	}
}
