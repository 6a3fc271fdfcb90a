package pipeline

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// compiled compiles aggregates over the columns i, f, s, t, d.
func compiledAggregates(t *testing.T, calls ...string) (aggregates, *columns) {
	t.Helper()
	cols := newColumns([]column{{"i", kindInt}, {"f", kindFloat}, {"s", kindString}, {"t", kindTime}, {"d", kindDuration}})
	r := newReport("test", nil)
	var all aggregates
	for _, call := range calls {
		e := expression{text{spot: spot{&node{kind: scalarNode, text: call}}, value: call}}
		all = append(all, r.compileAggregate("x", &e, cols))
	}
	if err := r.err(); err != nil {
		t.Fatal(err)
	}
	return all, cols
}

// TestAggregatesAgainstBruteForce feeds random rows in random parts, merges the
// parts, and computes the same from the list of the rows.
func TestAggregatesAgainstBruteForce(t *testing.T) {
	all, cols := compiledAggregates(t, "count()", "count(i > 5)", "sum(i)", "sum(f * 2)", "min(s)", "max(t)", "avg(i)", "avg(f)",
		"quantile(f, 0.9)", "distinct(s)", "sum(d)", "avg(d)", "min(f)", "distinct(i * 2)")
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var rows []Row
		parts := make([]tally, 1+rng.IntN(4))
		for range 1 + rng.IntN(300) {
			row := Row{columns: cols, values: []any{rng.IntN(20) - 5, rng.Float64()*1e3 + 1, string(rune('a' + rng.IntN(8))),
				time.Unix(rng.Int64N(1e6), 0).UTC(), time.Duration(rng.Int64N(1e6))}}
			if rng.IntN(10) == 0 {
				row.values[4] = nil
			}
			rows = append(rows, row)
			args, err := all.arguments(&row, nil)
			if err != nil {
				t.Fatal(err)
			}
			all.add(&parts[rng.IntN(len(parts))], args)
		}
		var whole tally
		for i := range parts {
			all.merge(&whole, &parts[i])
		}
		checkAgainst(t, rows, all.result(&whole, nil))
		again := parts[0] // a part is not changed by what it was merged into
		if a, b := all.result(&again, nil), all.result(&parts[0], nil); !slices.Equal(a, b) {
			t.Fatal("a part has changed")
		}
	}
}

func checkAgainst(t *testing.T, rows []Row, got []any) {
	t.Helper()
	var over, sum, durations int
	var doubled, mean float64
	var floats []float64
	texts, numbers := map[string]bool{}, map[int]bool{}
	least, last := "z", time.Time{}
	var length time.Duration
	for _, r := range rows {
		i, f, s := r.values[0].(int), r.values[1].(float64), r.values[2].(string)
		if i > 5 {
			over++
		}
		sum += i
		doubled += f * 2
		mean += f
		floats = append(floats, f)
		texts[s], numbers[i*2] = true, true
		least = min(least, s)
		if at := r.values[3].(time.Time); at.After(last) {
			last = at
		}
		if d, ok := r.values[4].(time.Duration); ok {
			length += d
			durations++
		}
	}
	slices.Sort(floats)
	n := len(rows)
	var total, each any
	if durations > 0 {
		total, each = length, length/time.Duration(durations)
	}
	want := []any{n, over, sum, doubled, least, last, float64(sum) / float64(n), mean / float64(n), floats[int(0.9*float64(n-1))],
		len(texts), total, each, floats[0], len(numbers)}
	for i := range want {
		w, isFloat := want[i].(float64)
		g, ok := got[i].(float64)
		switch {
		case isFloat && ok && i == 8: // a sketch
			if math.Abs(g-w) > quantileAccuracy*w*1.001 {
				t.Fatalf("quantile %v, want %v within 1%%", g, w)
			}
		case isFloat && ok:
			if math.Abs(g-w) > 1e-9*math.Abs(w) {
				t.Fatalf("aggregate %d: %v, want %v", i, g, w)
			}
		case got[i] != want[i]:
			t.Fatalf("aggregate %d: %v, want %v", i, got[i], want[i])
		}
	}
}

func TestAggregatesOfNothing(t *testing.T) {
	all, _ := compiledAggregates(t, "count()", "sum(i)", "min(f)", "avg(f)", "quantile(i, 0.5)", "distinct(s)")
	want := []any{0, nil, nil, nil, nil, 0}
	if got := all.result(&tally{}, nil); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestManyDistinct goes from exact counting to the estimate.
func TestManyDistinct(t *testing.T) {
	for _, n := range []int{0, 1, exactDistinct, exactDistinct + 1, 50_000} {
		var a, b cardinality
		for i := range n {
			a.add(i)
			if i%2 == 0 {
				b.add(i)
			}
		}
		if err := b.merge(&a); err != nil {
			t.Fatal(err)
		}
		for _, c := range []*cardinality{&a, &b} {
			off := math.Abs(float64(c.count() - n))
			if n <= exactDistinct && off != 0 || off > 0.03*float64(n) {
				t.Errorf("%d values are counted as %d", n, c.count())
			}
		}
	}
}

// TestKeysAreDistinct looks for two keys of one text.
func TestKeysAreDistinct(t *testing.T) {
	raw := &keyFormulas{raw: true}
	tuple := &keyFormulas{}
	seen := map[string][]any{}
	add := func(prefix string, o *keyFormulas, values ...any) {
		s, err := o.text(values)
		if err != nil {
			t.Fatal(err)
		}
		if other, ok := seen[prefix+s]; ok {
			t.Errorf("%v and %v have the same key", values, other)
		}
		seen[prefix+s] = values
	}
	for _, v := range []any{nil, "", "\xff", "\xff\x00", "\xff\xff", "a"} {
		add("raw", raw, v)
	}
	single := []any{nil, true, false, 1, 1.0, "1", "", time.Unix(1, 0), time.Duration(1), []any{1}, map[string]any{"a": 1}, "n", "[1]"}
	for _, v := range single {
		add("", tuple, v)
		for _, w := range single {
			add("", tuple, v, w)
		}
	}
	zero, _ := tuple.text([]any{math.Copysign(0, -1)})
	if plain, _ := tuple.text([]any{0.0}); zero != plain {
		t.Error("minus zero and zero have different keys")
	}
}
