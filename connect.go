package afflux

import (
	"fmt"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/graph"
	"github.com/affluxdev/afflux/internal/transform"
	"github.com/affluxdev/afflux/operator"
)

// Connected is a pair of keyed streams for a process function of both.
type Connected[K comparable, A, B any] struct {
	left  *Keyed[K, A]
	right *Keyed[K, B]
}

// Connect pairs the stream with another one of the same job, for a function
// with states and timers that both share: records of one key meet in the
// states of that key. There is no order between the two streams.
func (k *Keyed[K, A]) Connect[B any](other *Keyed[K, B]) *Connected[K, A, B] {
	k.checkJob(other.stream.job, fmt.Sprintf("key %q is connected with key %q", k.name, other.name))
	return &Connected[K, A, B]{left: k, right: other}
}

// PairProcessor is a Processor of two streams. It may have OnTimer, like
// TimerProcessor.
type PairProcessor[K comparable, A, B, U any] interface {
	// Open is called once, before any record, to declare states.
	Open(ctx *OpenContext) error
	// ProcessLeft handles a record of the left stream, as Processor.Process does.
	ProcessLeft(ctx *ProcessContext[K, U], v *A) error
	// ProcessRight handles a record of the right stream.
	ProcessRight(ctx *ProcessContext[K, U], v *B) error
}

// Process calls a function of the user for each record of both streams, with
// states and timers of the record's key. make returns the PairProcessor of one
// subtask.
func (c *Connected[K, A, B]) Process[U any, P PairProcessor[K, A, B, U]](name string, make func() P, options ...Option) *Stream[U] {
	left, right, j, sides := c.left, c.right, c.left.stream.job, &sides{}
	in := []graph.Input{left.input(), right.input()}
	in[1].Port = 1
	n := j.add(&graph.Node{
		Name: name, Kind: "co_process", Keyed: true, Inputs: in, Outputs: []event.Type{event.TypeOf[U]()},
		Operator: func() operator.Operator {
			p := make()
			f := newProgram[K, U](name, p)
			return transform.NewPorted(f, backends[K](j), sides.names,
				transform.NewKeyedPort(left.key, receiver[K, A, U]{&f.ctx, p.ProcessLeft}),
				transform.NewKeyedPort(right.key, receiver[K, B, U]{&f.ctx, p.ProcessRight}))
		},
	}, options)
	n.Order.Needs = processNeeds
	return &Stream[U]{job: j, node: n, sides: sides}
}
