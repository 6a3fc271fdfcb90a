package afflux

import (
	"fmt"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/graph"
	"github.com/affluxdev/afflux/internal/transform"
	"github.com/affluxdev/afflux/operator"
)

// Keyed is a stream divided by key: all records of a key go to one subtask, in
// the order in which they came from each sender.
type Keyed[K comparable, T any] struct {
	stream *Stream[T]
	name   string
	key    func(*T) K
	hasher func(event.Batch)
}

// KV is a key with a value.
type KV[K, V any] struct {
	Key   K `json:"key"`
	Value V `json:"value"`
}

// KeyBy divides the stream by what f returns: an integer, a string, a bool, a
// float, or an array or struct of these. f must be pure: it is called where the
// record is sent and again where it is received. The name is for messages.
func (s *Stream[T]) KeyBy[K comparable](name string, f func(*T) K) *Keyed[K, T] {
	h, err := hasherOf(name, f)
	if err != nil {
		s.job.fail(fmt.Errorf("key %q: %w", name, err))
	}
	return &Keyed[K, T]{stream: s, name: name, key: f, hasher: h}
}

// hasherOf fills the hash column of a batch. Keys of the common types are
// hashed in line.
func hasherOf[T any, K comparable](name string, key func(*T) K) (func(event.Batch), error) {
	var fill func(r *event.Records[T], hashes []uint64)
	switch f := any(key).(type) {
	case func(*T) uint64:
		fill = func(r *event.Records[T], hashes []uint64) {
			for i := range hashes {
				hashes[i] = event.HashUint64(f(&r.Values[i]))
			}
		}
	case func(*T) int64:
		fill = func(r *event.Records[T], hashes []uint64) {
			for i := range hashes {
				hashes[i] = event.HashUint64(uint64(f(&r.Values[i])))
			}
		}
	case func(*T) int:
		fill = func(r *event.Records[T], hashes []uint64) {
			for i := range hashes {
				hashes[i] = event.HashUint64(uint64(f(&r.Values[i])))
			}
		}
	case func(*T) string:
		fill = func(r *event.Records[T], hashes []uint64) {
			for i := range hashes {
				hashes[i] = event.HashString(f(&r.Values[i]))
			}
		}
	default:
		hash, err := event.HasherOf[K]()
		if err != nil {
			return nil, err
		}
		fill = func(r *event.Records[T], hashes []uint64) {
			for i := range hashes {
				k := key(&r.Values[i])
				hashes[i] = hash(&k)
			}
		}
	}
	return func(b event.Batch) {
		defer func() {
			if v := recover(); v != nil {
				panic(operator.Unwind{Err: fmt.Errorf("the key function %q: %w", name, operator.Panicked(v))})
			}
		}()
		fill(b.(*event.Records[T]), b.KeyHashes())
	}, nil
}

// Stream is the stream itself, divided by key: the next operator gets all
// records of a key in one subtask. It is for operators without state of the
// key, like a sink or a cache.
func (k *Keyed[K, T]) Stream() *Stream[T] {
	t := k.stream.partitioned(event.Hash, nil)
	t.hasher = k.hasher
	return t
}

func (k *Keyed[K, T]) input() graph.Input {
	in := k.stream.input()
	in.Partition, in.Router, in.Hasher, in.KeyText = event.Hash, nil, k.hasher, textOf(k.key)
	return in
}

func (k *Keyed[K, T]) node(name, kind string, outputs []event.Type, make func() operator.Operator, options []Option) *graph.Node {
	return k.stream.job.add(&graph.Node{Name: name, Kind: kind, Keyed: true, Inputs: []graph.Input{k.input()}, Outputs: outputs, Operator: make}, options)
}

// rollingNeeds is why rolling results depend on the order of records.
const rollingNeeds = "has a result for each record, of those of its key that came before it"

// Reduce combines the records of each key: f folds a record into the result so
// far, which begins as the first record. The result is emitted for each record.
func (k *Keyed[K, T]) Reduce[F ~func(acc, v *T)](name string, f F, options ...Option) *Stream[T] {
	key := k.key
	n := k.node(name, "reduce", []event.Type{event.TypeOf[T]()}, func() operator.Operator {
		return transform.NewRolling(key, reducing(f), func(_ K, a *reduced[T]) T { return a.value }, tables[K, reduced[T]](k.stream.job))
	}, options)
	n.Order.Needs = rollingNeeds
	return &Stream[T]{job: k.stream.job, node: n}
}

// Aggregate keeps an accumulator for each key and emits its result for each
// record.
func (k *Keyed[K, T]) Aggregate[A, R any](name string, a Aggregator[T, A, R], options ...Option) *Stream[KV[K, R]] {
	key := k.key
	if a.Add == nil || a.Result == nil {
		k.stream.job.fail(fmt.Errorf("aggregate %q: the aggregator needs Add and Result", name))
	}
	n := k.node(name, "aggregate", []event.Type{event.TypeOf[KV[K, R]]()}, func() operator.Operator {
		return transform.NewRolling(key, a.Add, func(k K, acc *A) KV[K, R] { return KV[K, R]{k, a.Result(acc)} }, tables[K, A](k.stream.job))
	}, options)
	n.Order.Needs = rollingNeeds
	return &Stream[KV[K, R]]{job: k.stream.job, node: n}
}

// reduced is the state of Reduce: set once the first record has come.
type reduced[T any] struct {
	set   bool
	value T
}

func reducing[T any](f func(acc, v *T)) func(*reduced[T], *T) {
	return func(a *reduced[T], v *T) {
		if !a.set {
			a.set, a.value = true, *v
			return
		}
		f(&a.value, v)
	}
}
