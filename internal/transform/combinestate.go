package transform

import (
	"reflect"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/state"
)

// partialsName is the blob of the partial results that a Combine holds. They
// are bounded like the operator (combineBytes), and for keys of all subtasks.
const partialsName = "partials"

// heldPartial is a partial result with the hash of its key.
type heldPartial[K comparable, A any] struct {
	Hash    uint64
	Partial Partial[K, A]
}

// Snapshot implements operator.Stateful.
func (o *Combine[K, T, A]) Snapshot(s state.Snapshot) error {
	if o.held == 0 {
		return nil
	}
	w := newRunWriter(reflect.TypeFor[heldPartial[K, A]]())
	var values []heldPartial[K, A]
	var times []event.Time
	for i := range o.panes {
		p := &o.panes[i]
		values, times = values[:0], times[:0]
		p.table.Range(0, func(hash uint64, key K, part *Part[A]) bool {
			values = append(values, heldPartial[K, A]{hash, Partial[K, A]{key, part.acc, part.records}})
			times = append(times, p.at)
			return true
		})
		if err := addRun(w, 0, values, times); err != nil {
			return err
		}
	}
	s.Blob(partialsName, w.data)
	return nil
}

// Restore implements operator.Stateful.
func (o *Combine[K, T, A]) Restore(r state.Restoration) error {
	index, parallelism := o.ctx.Subtask()
	return r.Everyone(partialsName, func(subtask int, data []byte) error {
		if subtask%parallelism != index {
			return nil
		}
		return o.restorePartials(data)
	})
}

func (o *Combine[K, T, A]) restorePartials(data []byte) error {
	r, err := newRunReader(data, reflect.TypeFor[heldPartial[K, A]]())
	if err != nil {
		return err
	}
	for {
		if _, _, ok, err := r.next(); err != nil || !ok {
			return err
		}
		values, times, err := readRun[heldPartial[K, A]](r)
		if err != nil {
			return err
		}
		for i := range values {
			p := o.paneAt(times[i])
			if p == nil {
				return errRuns // nothing is late before the first watermark
			}
			had := p.table.Len()
			v := &values[i]
			o.keys[0] = v.Partial.Key
			hash := [1]uint64{v.Hash}
			p.table.Lookup(o.keys[:1], hash[:], o.parts[:1])
			o.fold.Merge(&o.parts[0].acc, &v.Partial.Acc)
			o.parts[0].records += v.Partial.Records
			o.held += p.table.Len() - had
		}
	}
}
