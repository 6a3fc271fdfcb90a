package afflux

import (
	"fmt"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/graph"
	"github.com/affluxdev/afflux/internal/transform"
	"github.com/affluxdev/afflux/operator"
)

// Stream is a stream of records of type T: the output of an operator. Its
// methods add operators to the job. A stream may be used several times; each
// use gets every record. The copies are shallow, also those of Broadcast: what
// slices, maps and pointers of a record point to is shared, and must not be
// changed by operators after such a branch.
type Stream[T any] struct {
	job       *Job
	node      *graph.Node
	output    int
	partition event.Partition
	router    event.Router
	hasher    func(event.Batch)
	sides     *sides // of a process function
}

// From begins a stream with a source.
func From[T any](j *Job, name string, source connector.Source[T], options ...Option) *Stream[T] {
	n := j.add(&graph.Node{Name: name, Kind: "source", Outputs: []event.Type{event.TypeOf[T]()}, Source: connector.DriveSource(source)}, options)
	return &Stream[T]{job: j, node: n}
}

// Job is the job that the stream belongs to.
func (s *Stream[T]) Job() *Job { return s.job }

// input is the arrow from this stream to the next operator.
func (s *Stream[T]) input() graph.Input {
	return graph.Input{From: s.node.ID, Output: s.output, Partition: s.partition, Router: s.router, Hasher: s.hasher}
}

// then adds an operator with one input and one output.
func then[T, U any](s *Stream[T], name, kind string, make func() operator.Operator, options []Option) *Stream[U] {
	n := s.job.add(&graph.Node{Name: name, Kind: kind, Inputs: []graph.Input{s.input()}, Outputs: []event.Type{event.TypeOf[U]()}, Operator: make}, options)
	return &Stream[U]{job: s.job, node: n}
}

// Map turns each record into one of another type.
func (s *Stream[T]) Map[U any](name string, f func(*T) U, options ...Option) *Stream[U] {
	return then[T, U](s, name, "map", func() operator.Operator { return transform.NewMap(f) }, options)
}

// TryMap is Map with a function that can fail.
func (s *Stream[T]) TryMap[U any](name string, f func(*T) (U, error), options ...Option) *Stream[U] {
	return then[T, U](s, name, "map", func() operator.Operator { return transform.NewTryMap(f) }, options)
}

// Update changes each record in place, without a copy.
func (s *Stream[T]) Update[F ~func(*T)](name string, f F, options ...Option) *Stream[T] {
	return then[T, T](s, name, "map", func() operator.Operator { return transform.NewUpdate(f) }, options)
}

// TryUpdate is Update with a function that can fail.
func (s *Stream[T]) TryUpdate[F ~func(*T) error](name string, f F, options ...Option) *Stream[T] {
	return then[T, T](s, name, "map", func() operator.Operator { return transform.NewTryUpdate(f) }, options)
}

// Filter keeps the records that f accepts.
func (s *Stream[T]) Filter[F ~func(*T) bool](name string, f F, options ...Option) *Stream[T] {
	return then[T, T](s, name, "filter", func() operator.Operator { return transform.NewFilter(f) }, options)
}

// TryFilter is Filter with a function that can fail.
func (s *Stream[T]) TryFilter[F ~func(*T) (bool, error)](name string, f F, options ...Option) *Stream[T] {
	return then[T, T](s, name, "filter", func() operator.Operator { return transform.NewTryFilter(f) }, options)
}

// FlatMap turns each record into any number of others: f calls emit for each.
// emit may wait for credit, so there is no limit to how many. f must not keep
// emit. When f fails, what it has emitted before stays.
func (s *Stream[T]) FlatMap[U any](name string, f func(v *T, emit func(U)) error, options ...Option) *Stream[U] {
	return then[T, U](s, name, "flat_map", func() operator.Operator { return transform.NewFlatMap(f) }, options)
}

// Union joins streams of one type. There is no order between them; each keeps
// its own.
func (s *Stream[T]) Union(name string, others ...*Stream[T]) *Stream[T] {
	inputs := []graph.Input{s.input()}
	for _, o := range others {
		if o.job != s.job {
			s.job.fail(fmt.Errorf("union %q joins streams of two jobs", name))
		}
		inputs = append(inputs, o.input())
	}
	n := s.job.pass(name, "union", event.TypeOf[T](), inputs, nil)
	return &Stream[T]{job: s.job, node: n}
}

// Split sends each record to one of n streams: f returns which, from 0 to n-1.
// All of them must be read, since nothing is dropped.
func (s *Stream[T]) Split[F ~func(*T) int](name string, n int, f F, options ...Option) []*Stream[T] {
	if n < 1 {
		s.job.fail(fmt.Errorf("split %q has %d outputs: at least 1 is needed", name, n))
	}
	types := make([]event.Type, n)
	for i := range types {
		types[i] = event.TypeOf[T]()
	}
	node := s.job.add(&graph.Node{Name: name, Kind: "split", Inputs: []graph.Input{s.input()}, Outputs: types,
		Operator: func() operator.Operator { return transform.NewSplit(n, f) }}, options)
	out := make([]*Stream[T], n)
	for i := range out {
		out[i] = &Stream[T]{job: s.job, node: node, output: i}
	}
	return out
}

// Rebalance deals the records out in turn to the subtasks of the next operator.
func (s *Stream[T]) Rebalance() *Stream[T] { return s.partitioned(event.Rebalance, nil) }

// Broadcast sends every record to every subtask of the next operator.
func (s *Stream[T]) Broadcast() *Stream[T] { return s.partitioned(event.Broadcast, nil) }

// PartitionBy lets f choose the subtask of the next operator, from 0 to n-1,
// for each record.
func (s *Stream[T]) PartitionBy[F ~func(v *T, n int) int](f F) *Stream[T] {
	return s.partitioned(event.Custom, func(b event.Batch, sel []int32, n int) error {
		r := b.(*event.Records[T])
		for i := range r.Values {
			sel[i] = int32(f(&r.Values[i], n))
		}
		return nil
	})
}

func (s *Stream[T]) partitioned(p event.Partition, r event.Router) *Stream[T] {
	t := *s
	t.partition, t.router, t.hasher = p, r, nil
	return &t
}

// To ends the stream in a sink.
func (s *Stream[T]) To(name string, sink connector.Sink[T], options ...Option) {
	s.job.add(&graph.Node{Name: name, Kind: "sink", Inputs: []graph.Input{s.input()}, Sink: connector.DriveSink(sink)}, options)
}
