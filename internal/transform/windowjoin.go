package transform

import (
	"errors"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/state"
	"github.com/affluxdev/afflux/window"
)

// Either is a record of one of the two inputs of a join. It points into the
// batch that the record came in, so it is valid for the call only.
type Either[A, B any] struct {
	left  *A
	right *B // if left is nil
}

// Sides is what one key has in a window: the records of the two inputs.
type Sides[A, B any] struct {
	Left  []A
	Right []B
}

// Match makes what is emitted for a key and window.
type Match[K comparable, A, B, U any] struct {
	// Pair is called for each pair of a left and a right record.
	Pair func(a *A, b *B) U
	// KeepLeft and KeepRight have Pair called also for records of a side that
	// the other one has none for, which is nil then.
	KeepLeft, KeepRight bool
	// All is used instead of Pair, if it is set.
	All Result[K, Sides[A, B], U]
}

// WindowJoin joins the records of a key and window. It turns the records of
// both inputs into those of one, for an operator that knows of windows and
// nothing of joins.
type WindowJoin[K comparable, A, B, U any] struct {
	inner operator.Operator
	match Match[K, A, B, U]
	task  joinTask[A, B]
	both  *event.Records[Either[A, B]]

	// Of the pairs that are being made:
	sides    *Sides[A, B]
	row, col int
	calling  bool // the function of the user
	made     int
}

// NewWindowJoin returns the operator with the inputs 0 and 1, and the side
// outputs 1 and 2 for late records of each. inner makes the operator that
// divides into windows what comes from both inputs.
func NewWindowJoin[K comparable, A, B, U any](left func(*A) K, right func(*B) K, m Match[K, A, B, U],
	inner func(func(*Either[A, B]) K, Fold[Either[A, B], Sides[A, B]], Result[K, Sides[A, B], U]) operator.Operator) operator.Operator {
	o := &WindowJoin[K, A, B, U]{match: m}
	key := func(v *Either[A, B]) K {
		if v.left != nil {
			return left(v.left)
		}
		return right(v.right)
	}
	fold := Fold[Either[A, B], Sides[A, B]]{
		Add: func(s *Sides[A, B], v *Either[A, B]) {
			if v.left != nil {
				s.Left = append(s.Left, *v.left)
			} else {
				s.Right = append(s.Right, *v.right)
			}
		},
		Merge: func(into, from *Sides[A, B]) {
			into.Left = append(into.Left, from.Left...)
			into.Right = append(into.Right, from.Right...)
		},
	}
	result := o.pairs
	if m.All != nil {
		result = o.all
	}
	o.inner = inner(key, fold, result)
	return o
}

// Open implements operator.Operator.
func (o *WindowJoin[K, A, B, U]) Open(ctx operator.Context) error {
	o.both = event.NewRecords[Either[A, B]](chunk)
	o.task.open(ctx)
	return o.inner.Open(&o.task)
}

// Process implements operator.Operator. A join has two inputs: ProcessPort is
// called instead.
func (o *WindowJoin[K, A, B, U]) Process(event.Batch) error {
	return errors.New("a join was given a batch without the number of its input")
}

// ProcessPort implements operator.Ported. Times and hashes stay those of the
// input; only the values become others.
func (o *WindowJoin[K, A, B, U]) ProcessPort(port int, b event.Batch) error {
	both := o.both
	if port == 0 {
		in := b.(*event.Records[A])
		for i := range in.Values {
			both.Values = append(both.Values, Either[A, B]{left: &in.Values[i]})
		}
		both.Times, both.Hashes = in.Times, in.Hashes
	} else {
		in := b.(*event.Records[B])
		for i := range in.Values {
			both.Values = append(both.Values, Either[A, B]{right: &in.Values[i]})
		}
		both.Times, both.Hashes = in.Times, in.Hashes
	}
	err := o.inner.Process(both)
	clear(both.Values)
	both.Values, both.Times, both.Hashes = both.Values[:0], nil, nil
	return err
}

// Watermark implements operator.Operator.
func (o *WindowJoin[K, A, B, U]) Watermark(t event.Time) error { return o.inner.Watermark(t) }

// Woken implements operator.Waking.
func (o *WindowJoin[K, A, B, U]) Woken() error {
	if w, ok := o.inner.(operator.Waking); ok {
		return w.Woken()
	}
	return nil
}

// Snapshot implements operator.Stateful: all is kept by the operator within.
func (o *WindowJoin[K, A, B, U]) Snapshot(s state.Snapshot) error {
	return o.inner.(operator.Stateful).Snapshot(s)
}

// Restore implements operator.Stateful.
func (o *WindowJoin[K, A, B, U]) Restore(r state.Restoration) error {
	return o.inner.(operator.Stateful).Restore(r)
}

// Finish implements operator.Operator.
func (o *WindowJoin[K, A, B, U]) Finish() error { return o.inner.Finish() }

// Close implements operator.Operator.
func (o *WindowJoin[K, A, B, U]) Close() error { return o.inner.Close() }

// all makes the results of a key and window by the function for all of them.
func (o *WindowJoin[K, A, B, U]) all(k K, w window.Window, t window.Timing, s *Sides[A, B], emit func(U)) (err error) {
	defer func() { caught(recover(), &err) }()
	return o.match.All(k, w, t, s, emit)
}

// Pair is what a dead letter holds when the function for a pair has failed. One
// side may be missing.
type Pair[A, B any] struct {
	Left  *A `json:"left,omitzero"`
	Right *B `json:"right,omitzero"`
}

// pairs makes the results of a key and window pair by pair, so that only the
// pairs of one batch are in memory. A pair that is refused does not keep the
// others back.
func (o *WindowJoin[K, A, B, U]) pairs(_ K, w window.Window, _ window.Timing, s *Sides[A, B], emit func(U)) error {
	if len(s.Left) == 0 && !o.match.KeepRight || len(s.Right) == 0 && !o.match.KeepLeft {
		return nil
	}
	o.sides, o.row, o.col = s, 0, 0
	defer func() { o.sides = nil }()
	for {
		err := o.emitPairs(emit)
		if err == nil {
			return nil
		}
		a, b := o.pair()
		if err := o.task.Reject(Pair[A, B]{Left: a, Right: b}, w.End-1, err); err != nil {
			return err
		}
		o.col++
	}
}

// pair is the current one.
func (o *WindowJoin[K, A, B, U]) pair() (a *A, b *B) {
	if o.row < len(o.sides.Left) {
		a = &o.sides.Left[o.row]
	}
	if o.col < len(o.sides.Right) {
		b = &o.sides.Right[o.col]
	}
	return a, b
}

// emitPairs goes on with the pairs until one is refused.
func (o *WindowJoin[K, A, B, U]) emitPairs(emit func(U)) (err error) {
	defer func() {
		if v := recover(); v != nil {
			if !o.calling {
				panic(v)
			}
			o.calling = false
			caught(v, &err)
		}
	}()
	rows, cols := max(len(o.sides.Left), 1), max(len(o.sides.Right), 1)
	for ; o.row < rows; o.row, o.col = o.row+1, 0 {
		for ; o.col < cols; o.col++ {
			if o.made++; o.made%chunk == 0 {
				o.task.Yield()
			}
			a, b := o.pair()
			o.calling = true
			u := o.match.Pair(a, b)
			o.calling = false
			emit(u)
		}
	}
	return nil
}
