package operatortest

import (
	"fmt"
	"testing"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/transform"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/state"
	"github.com/affluxdev/afflux/state/memory"
	"github.com/affluxdev/afflux/window"
)

// evenAndOdd gives an operator with two inputs the even integers by the first
// and the odd ones, as texts, by the second.
type evenAndOdd struct{ operator.Operator }

func (o evenAndOdd) Process(b event.Batch) error {
	in := b.(*event.Records[int])
	even, odd := event.NewRecords[int](1), event.NewRecords[string](1)
	for i, v := range in.Values {
		if v%2 == 0 {
			even.Append(v, in.Times[i])
			even.Hashes = append(even.Hashes, in.Hashes[i])
		} else {
			odd.Append(fmt.Sprint(v), in.Times[i])
			odd.Hashes = append(odd.Hashes, in.Hashes[i])
		}
	}
	ports := o.Operator.(operator.Ported)
	if err := ports.ProcessPort(0, even); err != nil {
		return err
	}
	for i := range even.Values { // the operator has no right to it any more
		even.Values[i], even.Times[i], even.Hashes[i] = -1, -1, 0
	}
	return ports.ProcessPort(1, odd)
}

func (o evenAndOdd) Snapshot(s state.Snapshot) error {
	return o.Operator.(operator.Stateful).Snapshot(s)
}

func (o evenAndOdd) Restore(r state.Restoration) error {
	return o.Operator.(operator.Stateful).Restore(r)
}

func (o evenAndOdd) Woken() error { return o.Operator.(operator.Waking).Woken() }

func TestWindowJoin(t *testing.T) {
	const size, keys = 50, 3
	number := func(s *string) (n int) { _, _ = fmt.Sscan(*s, &n); return n }
	key := func(v int) int { return v / 2 % keys } // an even one and the odd one after it have one key
	bad := func(a, b int) bool { return a%34 == 8 && b%34 == 9 }
	in := append(integers(), Row[int]{1001, 5000}, Row[int]{2000, 6000}) // each alone

	type id struct {
		window event.Time
		key    int
	}
	lefts, rights := map[id][]int{}, map[id][]int{}
	for _, r := range in {
		i := id{r.Time / size, key(r.Value)}
		if r.Value%2 == 0 {
			lefts[i] = append(lefts[i], r.Value)
		} else {
			rights[i] = append(rights[i], r.Value)
		}
	}
	var want []Row[string]
	refused := 0
	add := func(i id, text string) { want = append(want, Row[string]{text, (i.window+1)*size - 1}) }
	for i, list := range lefts {
		for _, a := range list {
			for _, b := range rights[i] {
				if bad(a, b) {
					refused++
				} else {
					add(i, fmt.Sprint(a, " ", b))
				}
			}
			if len(rights[i]) == 0 {
				add(i, fmt.Sprint(a, " -"))
			}
		}
	}
	for i, list := range rights {
		for _, b := range list {
			if len(lefts[i]) == 0 {
				add(i, fmt.Sprint("- ", b))
			}
		}
	}
	if refused == 0 {
		t.Fatal("no pair is refused: the test shows less than it should")
	}
	type sides = transform.Sides[int, string]
	type either = transform.Either[int, string]
	match := transform.Match[int, int, string, string]{KeepLeft: true, KeepRight: true, Pair: func(a *int, b *string) string {
		switch {
		case a == nil:
			return "- " + *b
		case b == nil:
			return fmt.Sprint(*a, " -")
		case bad(*a, number(b)):
			panic("boom")
		}
		return fmt.Sprint(*a, " ", *b)
	}}
	Test(t, Harness[int, string]{
		Input: in, Want: [][]Row[string]{want}, Policy: operator.Skip, Refused: refused,
		Hash: func(v *int) uint64 { return event.HashUint64(uint64(key(*v))) },
		New: func() operator.Operator {
			left, right := func(v *int) int { return key(*v) }, func(v *string) int { return key(number(v)) }
			return evenAndOdd{transform.NewWindowJoin(left, right, match,
				func(key func(*either) int, fold transform.Fold[either, sides], result transform.Result[int, sides, string]) operator.Operator {
					return transform.NewTriggered(window.Tumbling(size), window.Firing{}, key, fold, result,
						transform.InTables(func() state.Tables[int, transform.Cell[sides]] { return memory.NewTables[int, transform.Cell[sides]]() }))
				})}
		},
	})
}
