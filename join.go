package afflux

import (
	"fmt"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/graph"
	"github.com/affluxdev/afflux/operator"
)

// Joined is a pair of streams divided by keys of one type. Its methods join the
// records of a key: those whose times are close (Between), those of the right
// stream that were valid at the time of a left one (AsOf), or those of one
// window.
type Joined[K comparable, A, B any] struct {
	left  *Keyed[K, A]
	right *Keyed[K, B]
}

// Join pairs the stream with another one of the same job. Records meet when
// their keys are equal.
func (k *Keyed[K, A]) Join[B any](other *Keyed[K, B]) *Joined[K, A, B] {
	k.checkJob(other.stream.job, fmt.Sprintf("key %q is joined with key %q", k.name, other.name))
	return &Joined[K, A, B]{left: k, right: other}
}

func (k *Keyed[K, A]) checkJob(other *Job, what string) {
	if other != k.stream.job {
		k.stream.job.fail(fmt.Errorf("%s of another job: both streams must be of one job", what))
	}
}

// Pairs is the stream that a join of two streams emits, with the late records
// of both beside it. Late records are counted; unless these streams are used,
// they are dropped.
type Pairs[A, B, U any] struct {
	*Stream[U]
	left  *Stream[A]
	right *Stream[B]
}

// LateLeft is the stream of left records that came after the watermark had
// passed them.
func (p *Pairs[A, B, U]) LateLeft() *Stream[A] { return p.left }

// LateRight is the stream of right records that came after the watermark had
// passed them.
func (p *Pairs[A, B, U]) LateRight() *Stream[B] { return p.right }

// pairs adds an operator with both streams as inputs, 0 and 1, and the late
// records of each as side outputs, 1 and 2.
func (j *Joined[K, A, B]) pairs[U any](name, kind string, make func() operator.Operator, options []Option) *Pairs[A, B, U] {
	in := []graph.Input{j.left.input(), j.right.input()}
	in[1].Port = 1
	job := j.left.stream.job
	n := job.add(&graph.Node{
		Name: name, Kind: kind, Keyed: true, NeedsWatermarks: true, Inputs: in,
		Outputs:  []event.Type{event.TypeOf[U](), event.TypeOf[A](), event.TypeOf[B]()},
		Optional: []int{1, 2},
		Operator: make,
	}, options)
	return &Pairs[A, B, U]{
		Stream: &Stream[U]{job: job, node: n},
		left:   &Stream[A]{job: job, node: n, output: 1},
		right:  &Stream[B]{job: job, node: n, output: 2},
	}
}
