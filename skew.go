package afflux

import (
	"fmt"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/graph"
	"github.com/affluxdev/afflux/internal/transform"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/state/memory"
	"github.com/affluxdev/afflux/window"
)

// PreAggregate says whether a window folds records into partial results ahead
// of the exchange. Without it, an Aggregate whose aggregator is Commutative does
// where it is fused with its input, and only as long as that costs less than to
// send the records. It is seen in the graph as an operator "name (combine)".
//
// PreAggregate(true) always folds, whatever it costs; it is also a promise that
// the order of the records of a key does not matter, for a Reduce and for other
// aggregators. PreAggregate(false) always sends the records.
//
// It is for windows of event time that have one result, and whose Late stream
// is not read: late records that were folded are counted, but cannot be told
// apart any more. No result comes later by it.
func PreAggregate(on bool) Option {
	return option(func(n *graph.Node) error {
		n.PreAggregate = graph.Never
		if on {
			n.PreAggregate = graph.Always
		}
		return nil
	})
}

// maxSalts bounds the subtasks that a hot key is divided among.
const maxSalts = 64

// Salted divides the records of each key among n subtasks, 2 to 64, which fold
// them into partial results; one more subtask for each key merges these. It is
// for keys that are too hot for one processor. The results are the same, if the
// order of the records of a key does not matter. The first stage is seen in the
// graph as "name (salted)".
//
// It is for the Aggregate and the Reduce of windows of event time that have one
// result, and whose Late stream is not read.
func (w *Windowed[K, T]) Salted(n int) *Windowed[K, T] {
	if n < 2 || n > maxSalts {
		w.keyed.stream.job.fail(fmt.Errorf("key %q: Salted(%d): it must be from 2 to %d", w.keyed.name, n, maxSalts))
	}
	s := *w
	s.salts = n
	return &s
}

// combine gives a window operator its combiner.
func (w *Windowed[K, T]) combine(n *graph.Node, c *graph.Combiner) {
	if w.salts > 0 && n.PreAggregate != graph.WherePays {
		w.keyed.stream.job.fail(fmt.Errorf("%q is salted and takes no PreAggregate: its first stage folds records already", n.Name))
	}
	n.Combine = c
}

// combiner describes how records are folded ahead of the window operator.
func combiner[K comparable, T, A any](w *Windowed[K, T], a window.Assigner, fold transform.Fold[T, A]) *graph.Combiner {
	k := w.keyed
	hasher, err := hasherOf(k.name, func(p *transform.Partial[K, A]) K { return p.Key })
	if err != nil {
		return nil // KeyBy has reported it
	}
	in := k.stream.input()
	in.Partition, in.Router = event.Forward, nil
	c := &graph.Combiner{
		Suffix: " (combine)", Input: in, Commutative: fold.Commutative,
		Partial: event.TypeOf[transform.Partial[K, A]](), Hasher: hasher,
		Operator: func(always bool) operator.Operator {
			return transform.NewCombine(a, k.key, k.hasher, fold, memory.NewTable[K, transform.Part[A]], always)
		},
	}
	if w.salts > 0 {
		c.Suffix, c.Input.Partition, c.Input.Hasher = " (salted)", event.Hash, salted(k.hasher, w.salts)
	}
	return c
}

// salted makes a hasher that sends the records of a key to n subtasks in turn.
// It moves the hashes of a key to key groups that are evenly apart, so that they
// have different subtasks where there are enough.
func salted(hash func(event.Batch), n int) func(event.Batch) {
	step := ^uint64(0)/uint64(n) + 1
	return func(b event.Batch) {
		hash(b)
		times := b.EventTimes()
		if len(times) == 0 {
			return
		}
		// Senders share this function, so where it begins follows from the
		// batch: a batch of one record must not always have the same salt.
		salt := event.HashUint64(uint64(times[0])) % uint64(n)
		hashes := b.KeyHashes()
		for i := range hashes {
			hashes[i] += salt * step
			if salt++; salt == uint64(n) {
				salt = 0
			}
		}
	}
}
