package afflux_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/connector/memory"
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/window"
	"pgregory.net/rapid"
)

// hit is a record of the tests of skew.
type hit struct {
	Page string
	At   event.Time
	Size int
}

func page(v *hit) string      { return v.Page }
func hitAt(v *hit) event.Time { return v.At }

// total is an accumulator with a map, which parts must not share.
type total struct {
	sizes map[int]int
}

func sizesText(t *total) string {
	var s []string
	for _, k := range slices.Sorted(maps.Keys(t.sizes)) {
		s = append(s, fmt.Sprint(k, "x", t.sizes[k]))
	}
	return strings.Join(s, " ")
}

func sizesSeen() afflux.Aggregator[hit, afflux.Prepared[total], string] {
	return afflux.Initialized(func(t *total) { t.sizes = map[int]int{} }, afflux.Aggregator[hit, total, string]{
		Add: func(t *total, v *hit) {
			if v.Size == 7 {
				panic("seven")
			}
			t.sizes[v.Size]++
		},
		Merge: func(into, from *total) {
			for s, n := range from.sizes {
				into.sizes[s] += n
			}
		},
		Result:      sizesText,
		Commutative: true,
	})
}

// plan is how a window job is run.
type plan struct {
	name    string
	options []afflux.Option
	salts   int
}

var plans = []plan{
	{name: "always", options: []afflux.Option{afflux.PreAggregate(true)}},
	{name: "where it pays"},
	{name: "salted 2", salts: 2},
	{name: "salted 5", salts: 5},
}

// hitsBy runs one aggregate over windows.
func hitsBy[A any](t testing.TB, p plan, parallelism int, hits []hit, bound time.Duration, d window.Definition, a afflux.Aggregator[hit, A, string]) (map[string]string, int64, int64) {
	j := afflux.NewJob("t", afflux.Parallelism(parallelism), afflux.Buffers(2, 512))
	out := memory.Sink[window.Result[string, string]]()
	w := afflux.From(j, "hits", memory.Source(hits), afflux.Parallelism(1)).
		EventTime(hitAt, afflux.OutOfOrder(bound)).
		KeyBy("page", page).
		Window(d)
	if p.salts > 0 {
		w = w.Salted(p.salts)
	}
	w.Aggregate("sizes", a, append([]afflux.Option{afflux.OnError(afflux.Skip)}, p.options...)...).To("out", out)
	r, err := j.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Wait(); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, v := range out.Values() {
		k := fmt.Sprint(v.Key, " ", v.Start, " ", v.End)
		if _, twice := got[k]; twice {
			t.Fatalf("%s has two results", k)
		}
		got[k] = v.Value
	}
	var late, skipped int64
	for _, o := range r.Snapshot().Operators {
		for _, s := range o.Subtasks {
			if o.Name == "sizes" {
				late, skipped = late+s.Late, skipped+s.Skipped
			} else if s.Skipped > 0 {
				t.Fatalf("%q has skipped records in place of the aggregate", o.Name)
			}
		}
	}
	return got, late, skipped
}

// drawHits are out of order by at most bound, one page is hot.
func drawHits(t *rapid.T, most int, bound time.Duration) []hit {
	n := rapid.IntRange(1, most).Draw(t, "records")
	pages := rapid.IntRange(1, 2*n).Draw(t, "pages")
	hot := rapid.IntRange(0, 95).Draw(t, "hot")
	seed := rapid.Uint64().Draw(t, "seed")
	next := func(n int) int { // much faster than a draw for each record
		seed = seed*6364136223846793005 + 1442695040888963407
		return int(seed >> 33 % uint64(n))
	}
	type delayed struct {
		hit
		seen event.Time
	}
	all := make([]delayed, n)
	for i := range all {
		at := event.Time(next(int(time.Minute)))
		p := "hot"
		if next(100) >= hot {
			p = fmt.Sprint("page ", next(pages))
		}
		all[i] = delayed{hit{p, at, next(12)}, at + event.Time(next(int(bound)+1))}
	}
	slices.SortStableFunc(all, func(a, b delayed) int { return cmp.Compare(a.seen, b.seen) })
	out := make([]hit, n)
	for i := range all {
		out[i] = all[i].hit
	}
	return out
}

// model is what the windows of hits must have, by plain loops.
func model(hits []hit, size, slide time.Duration) map[string]string {
	type cell struct {
		page       string
		start, end event.Time
	}
	cells := map[cell]*total{}
	for i := range hits {
		v := &hits[i]
		for start := v.At - v.At%event.Time(slide); start > v.At-event.Time(size); start -= event.Time(slide) {
			c := cell{v.Page, start, start + event.Time(size)}
			if cells[c] == nil {
				cells[c] = &total{map[int]int{}}
			}
			if v.Size != 7 {
				cells[c].sizes[v.Size]++
			}
		}
	}
	out := map[string]string{}
	for c, t := range cells {
		out[fmt.Sprint(c.page, " ", c.start, " ", c.end)] = sizesText(t)
	}
	return out
}

func TestPreAggregatesAreTheSame(t *testing.T) {
	const bound = 3 * time.Second
	for _, p := range plans {
		t.Run(p.name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				hits := drawHits(rt, 3000, bound)
				size := time.Duration(rapid.IntRange(1, 20).Draw(rt, "size")) * time.Second
				slide := size
				if rapid.Bool().Draw(rt, "sliding") {
					slide = min(size, time.Duration(rapid.IntRange(1, 20).Draw(rt, "slide"))*time.Second)
				}
				parallelism := rapid.SampledFrom([]int{1, 2, 5}).Draw(rt, "parallelism")
				want, refused := model(hits, size, slide), int64(0)
				for _, v := range hits {
					if v.Size == 7 {
						refused++
					}
				}
				got, late, skipped := hitsBy(t, p, parallelism, hits, bound, window.Sliding(size, slide), sizesSeen())
				if late != 0 || skipped != refused || !maps.Equal(got, want) {
					rt.Fatalf("parallelism %d: %d late, %d of %d refused, got\n%v\nwant\n%v", parallelism, late, skipped, refused, got, want)
				}
			})
		})
	}
}

// Late records are counted one by one, and all of the others are in a result.
func TestPreAggregatesCountLateRecords(t *testing.T) {
	a := afflux.Aggregator[hit, int, string]{
		Add:         func(n *int, _ *hit) { *n++ },
		Merge:       func(into, from *int) { *into += *from },
		Result:      func(n *int) string { return fmt.Sprint(*n) },
		Commutative: true,
	}
	for _, p := range plans {
		t.Run(p.name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				hits := drawHits(rt, 3000, 10*time.Second)
				parallelism := rapid.SampledFrom([]int{1, 2, 5}).Draw(rt, "parallelism")
				got, late, _ := hitsBy(t, p, parallelism, hits, time.Second, window.Tumbling(2*time.Second), a)
				sum := late
				for _, v := range got {
					var n int64
					if _, err := fmt.Sscan(v, &n); err != nil {
						rt.Fatal(err)
					}
					sum += n
				}
				if sum != int64(len(hits)) {
					rt.Fatalf("%d records in windows or late, of %d", sum, len(hits))
				}
			})
		})
	}
}

// operatorsOf runs a window over a hot key and returns the records that each
// operator got.
func operatorsOf(t *testing.T, build func(w *afflux.Windowed[int, int]) *afflux.Stream[window.Result[int, int64]]) map[string][]int64 {
	t.Helper()
	j := afflux.NewJob("t", afflux.Parallelism(4))
	values := make([]int, 100_000)
	for i := range values {
		values[i] = i
	}
	out := memory.Sink[window.Result[int, int64]]()
	build(afflux.From(j, "numbers", memory.Source(values), afflux.Parallelism(1)).
		EventTime(func(v *int) event.Time { return event.Time(*v) }, afflux.InOrder()).
		KeyBy("hot", func(v *int) int {
			if *v%50 > 0 {
				return 0 // 98 %
			}
			return *v
		}).
		Window(window.Tumbling(20_000))).To("out", out)
	r, err := j.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Wait(); err != nil {
		t.Fatal(err)
	}
	got := map[int]int64{}
	for _, v := range out.Values() {
		got[v.Key] += v.Value
	}
	if len(got) != 2000 || got[0] != 98_001 {
		t.Errorf("%d keys, the hot one has %d records", len(got), got[0])
	}
	in := map[string][]int64{}
	for _, o := range r.Snapshot().Operators {
		for _, s := range o.Subtasks {
			in[o.Name] = append(in[o.Name], s.RecordsIn)
		}
	}
	return in
}

func TestPreAggregatesAreSeen(t *testing.T) {
	sum := func(n []int64) (s int64) {
		for _, v := range n {
			s += v
		}
		return s
	}
	count := afflux.Count[int]()
	t.Run("where it pays", func(t *testing.T) {
		in := operatorsOf(t, func(w *afflux.Windowed[int, int]) *afflux.Stream[window.Result[int, int64]] {
			return w.Aggregate("count", count).Stream
		})
		if in["count (combine)"] == nil || sum(in["count"]) > 20_000 {
			t.Errorf("records by operator: %v", in)
		}
	})
	t.Run("never", func(t *testing.T) {
		in := operatorsOf(t, func(w *afflux.Windowed[int, int]) *afflux.Stream[window.Result[int, int64]] {
			return w.Aggregate("count", count, afflux.PreAggregate(false)).Stream
		})
		if in["count (combine)"] != nil || sum(in["count"]) != 100_000 {
			t.Errorf("records by operator: %v", in)
		}
	})
	t.Run("not commutative", func(t *testing.T) {
		other := count
		other.Commutative = false
		in := operatorsOf(t, func(w *afflux.Windowed[int, int]) *afflux.Stream[window.Result[int, int64]] {
			return w.Aggregate("count", other).Stream
		})
		if in["count (combine)"] != nil {
			t.Errorf("records by operator: %v", in)
		}
	})
	t.Run("salted", func(t *testing.T) {
		in := operatorsOf(t, func(w *afflux.Windowed[int, int]) *afflux.Stream[window.Result[int, int64]] {
			return w.Salted(4).Aggregate("count", count).Stream
		})
		if stage := in["count (salted)"]; len(stage) != 4 || slices.Max(stage) > 30_000 || sum(in["count"]) > 20_000 {
			t.Errorf("records by operator: %v", in)
		}
	})
}

func TestPreAggregateMistakes(t *testing.T) {
	type windowed = *afflux.Windowed[string, hit]
	count := afflux.Count[hit]()
	for want, build := range map[string]func(w windowed, s windowed){
		"Salted(1): it must be from 2 to 64": func(w, _ windowed) { w.Salted(1) },
		`"n" cannot be salted`:               func(_, s windowed) { s.Salted(2).Aggregate("n", count) },
		`"n" cannot pre-aggregate`: func(_, s windowed) {
			s.Aggregate("n", count, afflux.PreAggregate(true)).To("out", memory.Sink[window.Result[string, int64]]())
		},
		`"n" is salted and takes no`: func(w, _ windowed) { w.Salted(2).Aggregate("n", count, afflux.PreAggregate(true)) },
		`the late records of "n" are read`: func(w, _ windowed) {
			r := w.Salted(2).Aggregate("n", count)
			r.To("out", memory.Sink[window.Result[string, int64]]())
			r.Late().To("late", memory.Sink[hit]())
		},
	} {
		j := afflux.NewJob("t")
		k := afflux.From(j, "hits", memory.Source([]hit{})).EventTime(hitAt, afflux.InOrder()).KeyBy("page", page)
		build(k.Window(window.Tumbling(time.Second)), k.Window(window.Session(time.Second)))
		if err := j.Run(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// TestWhoCanBeSalted has what the diagnosis goes by when it offers Salted and
// PreAggregate.
func TestWhoCanBeSalted(t *testing.T) {
	j := afflux.NewJob("t", afflux.Parallelism(2))
	hits := afflux.From(j, "hits", memory.Source([]hit{{Page: "a"}})).EventTime(hitAt, afflux.InOrder()).KeyBy("page", page)
	sum := func(acc, v *hit) { acc.Size += v.Size }
	count, tumbling := afflux.Count[hit](), window.Tumbling(time.Second)
	none := memory.Sink[window.Result[string, int64]]
	hits.Reduce("rolling reduce", sum).To("a", memory.Sink[hit]())
	hits.Aggregate("rolling", count).To("b", memory.Sink[afflux.KV[string, int64]]())
	hits.Window(window.Session(time.Second)).Aggregate("session", count).To("c", none())
	hits.Window(tumbling).Aggregate("window", count).To("d", none())
	hits.Window(tumbling).Reduce("window reduce", sum).To("e", memory.Sink[hit]())
	hits.Window(tumbling).Aggregate("folded", count, afflux.PreAggregate(true)).To("f", none())
	hits.Window(tumbling).Salted(2).Aggregate("salted", count).To("g", none())
	r, err := j.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Wait(); err != nil {
		t.Fatal(err)
	}
	var saltable, foldable []string
	for _, o := range r.Snapshot().Operators {
		if o.Saltable {
			saltable = append(saltable, o.Name)
		}
		if o.Foldable {
			foldable = append(foldable, o.Name)
		}
	}
	if want := []string{"window", "window reduce", "folded"}; !slices.Equal(saltable, want) {
		t.Errorf("can be salted: %q, want %q", saltable, want)
	}
	if want := []string{"window", "window reduce"}; !slices.Equal(foldable, want) {
		t.Errorf("can be folded: %q, want %q", foldable, want)
	}
}
