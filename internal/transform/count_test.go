package transform_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/transform"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/window"
	"pgregory.net/rapid"
)

func TestCountsAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 12).Draw(t, "size")
		slide := rapid.IntRange(1, size).Draw(t, "slide")
		make := func() operator.Operator {
			return transform.NewCount(window.SlidingCount(size, slide), keyOf, collect, emitDescription, table[transform.Counted[[]int]]())
		}
		op, c := make(), &recorder{}
		if err := op.Open(c); err != nil {
			t.Fatal(err)
		}
		seen := map[string][]arrival{}
		var want []string
		last := func(k string, n int, timing window.Timing) {
			records := seen[k][max(0, len(seen[k])-n):]
			first := slices.MinFunc(records, func(a, b arrival) int { return cmp.Compare(a.at, b.at) }).at
			end := slices.MaxFunc(records, func(a, b arrival) int { return cmp.Compare(a.at, b.at) }).at + 1
			var ids []int
			for _, r := range records {
				ids = append(ids, r.id)
			}
			want = append(want, describe(k, window.Window{Start: first, End: end}, timing, ids))
		}
		id := 0
		for range rapid.IntRange(1, 10).Draw(t, "batches") {
			b := event.NewRecords[arrival](1)
			for range rapid.IntRange(1, 20).Draw(t, "records") {
				id++
				v := arrival{key: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "key"), id: id, at: event.Time(rapid.Int64Range(-9, 9).Draw(t, "time"))}
				b.Append(v, v.at)
				b.Hashes = append(b.Hashes, event.HashString(v.key))
				seen[v.key] = append(seen[v.key], v)
				if len(seen[v.key])%slide == 0 {
					last(v.key, size, window.OnTime)
				}
			}
			if err := op.Process(b); err != nil {
				t.Fatal(err)
			}
			if rapid.IntRange(0, 3).Draw(t, "recovery") == 0 {
				lost := event.NewRecords[arrival](1)
				lost.Append(arrival{key: "a"}, 0)
				lost.Hashes = append(lost.Hashes, event.HashString("a"))
				op = restart(t, c, op, make, lost)
			}
		}
		for k, all := range seen {
			if rest := len(all) % slide; rest > 0 {
				last(k, size-slide+rest, window.Early)
			}
		}
		if err := op.Finish(); err != nil {
			t.Fatal(err)
		}
		slices.Sort(want)
		if got := c.results(); !slices.Equal(got, want) {
			t.Fatalf("got\n %s\nwant\n %s", strings.Join(got, "\n "), strings.Join(want, "\n "))
		}
	})
}
