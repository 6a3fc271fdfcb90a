package transform

import (
	"reflect"
	"slices"

	"github.com/affluxdev/afflux/state"
)

// callsName is the blob of what is on the way in an Async, in the order of the
// records where that counts: records with calls that have not returned or wait
// for their turn, which are made again, and results that were at hand.
const callsName = "calls"

const (
	askedRun  = 0 // records
	resultRun = 1
)

// Snapshot implements operator.Stateful.
func (o *Async[T, U]) Snapshot(s state.Snapshot) error {
	calls := slices.Concat(o.queue, o.under)
	if len(calls) == 0 {
		return nil
	}
	w := newRunWriter(reflect.TypeFor[T](), reflect.TypeFor[U]())
	for _, c := range calls {
		var err error
		if len(c.in) > 0 {
			err = addRun(w, askedRun, c.in, c.times)
		} else {
			err = addRun(w, resultRun, c.out, c.times)
		}
		if err != nil {
			return err
		}
	}
	s.Blob(callsName, w.data)
	return nil
}

// Restore implements operator.Stateful. The watermark that follows is not passed
// on before the results of what is restored.
func (o *Async[T, U]) Restore(r state.Restoration) error {
	index, parallelism := o.ctx.Subtask()
	err := r.Everyone(callsName, func(subtask int, data []byte) error {
		if subtask%parallelism != index {
			return nil
		}
		return o.restoreCalls(data)
	})
	if err == nil && o.Holding() {
		o.ctx.Wake()
	}
	return err
}

func (o *Async[T, U]) restoreCalls(data []byte) error {
	r, err := newRunReader(data, reflect.TypeFor[T](), reflect.TypeFor[U]())
	if err != nil {
		return err
	}
	for {
		kind, _, ok, err := r.next()
		if err != nil || !ok {
			return err
		}
		if kind == askedRun {
			in, times, err := readRun[T](r)
			if err != nil {
				return err
			}
			for from := 0; from < len(in); from += o.cfg.Bulk {
				to := min(from+o.cfg.Bulk, len(in))
				c := o.take(in[from:to], times[from:to])
				if len(o.waiting) > 0 || o.flying >= o.cfg.InFlight {
					o.waiting = append(o.waiting, c)
				} else {
					o.launch(c)
				}
			}
			continue
		}
		out, times, err := readRun[U](r)
		if err != nil {
			return err
		}
		c := o.next()
		c.out, c.times, c.ready = out, times, true
		o.weigh(c, 0)
		if o.cfg.Unordered { // it was not when the snapshot was taken
			o.queue = append(o.queue, c)
		}
	}
}
