package transform

import (
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/state"
)

// chunk is how many records are looked up at a time: enough for their cache
// misses to overlap, few enough for the scratch to stay in the first cache.
const chunk = 256

// Fold is how records are folded into an accumulator of type A. Functions must
// not keep their arguments.
type Fold[T, A any] struct {
	Add func(*A, *T)
	// AddAll, if set, is Add for at most 256: accumulators[i] gets values[i]. If
	// it panics it must not have changed any of them.
	AddAll func(accumulators []*A, values []T)
	// Merge adds what from holds to into, without sharing memory with it and
	// without changing from.
	Merge func(into, from *A)
	// Commutative folds give the same result in whatever order records are
	// added and parts are merged.
	Commutative bool
}

// keyed is the state of a keyed operator: one accumulator for each key.
type keyed[K comparable, T, A any] struct {
	position
	tables tables[K, A]
	key    func(*T) K
	keys   [chunk]K
	accs   [chunk]*A
}

// find looks up the accumulators of records [from,to), at most a chunk. The
// keys are computed again from the records; their hashes came with them.
func (o *keyed[K, T, A]) find(table state.Table[K, A], in *event.Records[T], from, to int) {
	n := to - from
	values := in.Values[from:to]
	keys := o.keys[:n]
	for i := range values {
		keys[i] = o.key(&values[i])
	}
	lookUp(&o.tables.gauges, table, keys, in.Hashes[from:to], o.accs[:n])
}

// add folds records [from,to) into the accumulators that find has set, up to
// a record whose fold panics.
func (o *keyed[K, T, A]) add(in *event.Records[T], from, to, base int, add func(*A, *T), all func([]*A, []T)) (done int, err error) {
	defer func() {
		if v := recover(); v != nil {
			caught(v, &err)
			done = o.pos
		}
	}()
	values := in.Values[from:to]
	accs := o.accs[from-base : to-base]
	o.pos = from
	if all != nil && addedAll(all, accs, values) {
		return to, nil
	}
	for i := range values {
		o.pos = from + i
		add(accs[i], &values[i])
	}
	return to, nil
}

// addedAll reports false when a record made all panic: Add then finds which.
func addedAll[T, A any](all func([]*A, []T), accs []*A, values []T) (ok bool) {
	defer func() {
		if v := recover(); v != nil {
			var err error
			caught(v, &err)
		}
	}()
	all(accs, values)
	return true
}
