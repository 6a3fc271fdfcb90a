package operatortest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/transform"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/state"
	"github.com/affluxdev/afflux/state/memory"
	"github.com/affluxdev/afflux/window"
)

// stages is an operator that folds records ahead of another one.
type stages struct {
	operator.Operator
	second operator.Operator
}

func (s stages) Snapshot(k state.Snapshot) error {
	return errors.Join(s.Operator.(operator.Stateful).Snapshot(k), s.second.(operator.Stateful).Snapshot(k))
}

func (s stages) Restore(r state.Restoration) error {
	return errors.Join(s.Operator.(operator.Stateful).Restore(r), s.second.(operator.Stateful).Restore(r))
}

func (s stages) Open(ctx operator.Context) error {
	if err := s.second.Open(ctx); err != nil {
		return err
	}
	return s.Operator.Open(ahead{ctx, s.second})
}

// ahead is the context of the first stage: it is the second that has outputs.
type ahead struct {
	operator.Context
	to operator.Operator
}

func (c ahead) Output(i int) operator.Output { return exchanged{c.to, i} }

func (c ahead) Watermark(t event.Time) {
	if err := c.to.Watermark(t); err != nil {
		panic(operator.Unwind{Err: err})
	}
}

// exchanged passes batches on like a keyed exchange.
type exchanged struct {
	to   operator.Operator
	port int
}

func (o exchanged) Emit(b event.Batch) {
	hashes := b.KeyHashes()
	switch r := b.(type) {
	case *event.Records[int]:
		for i := range hashes {
			hashes[i] = hash(&r.Values[i])
		}
	case *event.Records[transform.Partial[int, int]]:
		for i := range hashes {
			hashes[i] = event.HashUint64(uint64(r.Values[i].Key))
		}
	}
	if err := o.to.(operator.Ported).ProcessPort(o.port, b); err != nil {
		panic(operator.Unwind{Err: err})
	}
	b.Reset()
}

func TestCombine(t *testing.T) {
	fold := transform.Fold[int, int]{
		// What a record changes before it is refused must count once.
		Add:         func(s, v *int) { *s += 1000; boom(*v); *s += *v + 1 - 1000 },
		Merge:       func(into, from *int) { *into += *from },
		Commutative: true,
	}
	hashAll := func(b event.Batch) {
		hashes := b.KeyHashes()
		for i := range hashes {
			hashes[i] = hash(&b.(*event.Records[int]).Values[i])
		}
	}
	for _, a := range []window.Assigner{window.Tumbling(20), window.Sliding(30, 10), window.Sliding(25, 10)} {
		for _, always := range []bool{false, true} {
			t.Run(fmt.Sprint(a, always), func(t *testing.T) {
				Test(t, Harness[int, string]{Input: integers(), Want: sums(a), Hash: hash, Alone: true, Policy: operator.Skip, Refused: refused(), New: func() operator.Operator {
					return stages{
						transform.NewCombine(a, key, hashAll, fold, memory.NewTable[int, transform.Part[int]], always),
						transform.NewWindow(a, key, fold, transform.EachResult(func(k int, w window.Window, s *int) string { return fmt.Sprint(k, w, *s) }), transform.InTables(memory.NewTables[int, int])),
					}
				}})
			})
		}
	}
}

// sums adds up the integers in every window that they are in, refused ones as
// 1000.
func sums(a window.Assigner) [][]Row[string] {
	type cell struct {
		key int
		w   window.Window
	}
	cells := map[cell]int{}
	size, slide := int64(a.Size()), int64(a.Slide())
	for _, r := range integers() {
		add := r.Value + 1
		if bad(r.Value) {
			add = 1000
		}
		t := int64(r.Time)
		for start := t - t%slide; start > t-size; start -= slide {
			cells[cell{key(&r.Value), window.Window{Start: event.Time(start), End: event.Time(start + size)}}] += add
		}
	}
	var out []Row[string]
	for c, s := range cells {
		out = append(out, Row[string]{fmt.Sprint(c.key, c.w, s), c.w.End - 1})
	}
	return [][]Row[string]{out}
}
