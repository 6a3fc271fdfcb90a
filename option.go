package afflux

import (
	"fmt"

	"github.com/affluxdev/afflux/internal/graph"
	"github.com/affluxdev/afflux/operator"
)

// Option sets something for one operator.
type Option interface {
	apply(*graph.Node) error
	async() // an option of MapAsync too
}

type option func(*graph.Node) error

func (option) async() {}

func (f option) apply(n *graph.Node) error { return f(n) }

// both is an option for an operator and for a job.
type both struct {
	option
	jobOption
}

// Parallelism sets the number of subtasks of an operator; given to NewJob, the
// default for keyed operators and sources. Other operators have that of their
// input, so that they can be fused with it. The job's default is the number of
// processors.
func Parallelism(n int) interface {
	Option
	JobOption
} {
	var err error
	if n < 1 {
		err = fmt.Errorf("parallelism %d: it must be at least 1", n)
	}
	return both{
		option: func(node *graph.Node) error { node.Parallelism = n; return err },
		jobOption: func(j *Job) {
			if err != nil {
				j.fail(err)
			}
			j.cfg.Parallelism = n
		},
	}
}

// Unchained gives the operator a task of its own instead of fusing it with its
// input.
func Unchained() Option {
	return option(func(n *graph.Node) error { n.Unchained = true; return nil })
}

// AnyOrder says that the results of an operator are good enough in whatever
// order the records of a key come. Without it, an operator whose results depend
// on that order is rejected where something upstream can change it: Rebalance,
// operators of unequal parallelism, Unordered, or branches that meet again.
func AnyOrder() Option {
	return option(func(n *graph.Node) error { n.Order.Any = true; return nil })
}

// Policy is what happens with a record that a function of the user refuses, by
// an error or a panic, or that a connector cannot decode.
type Policy = operator.OnError

// The policies. Fail is the default.
const (
	// Fail ends the job with the error and the operator's name.
	Fail = operator.Fail
	// Skip drops the record and counts it.
	Skip = operator.Skip
	// DeadLetter keeps the record, with the reason, in the sink that
	// Job.DeadLetters has set.
	DeadLetter = operator.DeadLetter
)

// OnError sets the policy of an operator.
func OnError(p Policy) Option {
	return option(func(n *graph.Node) error {
		if p > DeadLetter {
			return fmt.Errorf("OnError(%d): there is no such policy", p)
		}
		n.OnError = p
		return nil
	})
}
