package operatortest

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/state/statetest"
)

// attempt is an operator from one recovery to the next: its subtasks, at any
// parallelism.
type attempt[T any, U comparable] struct {
	h     *Harness[T, U]
	rng   *rand.Rand
	tasks []*fakeTask[U]
	ops   []operator.Operator
	in    *event.Records[T]
}

// recovered takes snapshots at random steps, goes on for a while, forgets what
// has happened since, and begins again from the snapshot with new instances,
// which are as many as before or not. What an operator does not hand over is
// lost; what it hands over must not change while it goes on.
func recovered[T any, U comparable](h Harness[T, U], seed uint64) error {
	a := &attempt[T, U]{h: &h, rng: rand.New(rand.NewPCG(seed, 11)), in: event.NewRecords[T](4)}
	rows := make([][]Row[U], len(h.Want))
	refused, divided := 0, false
	if err := a.begin(1, nil, event.MinTime, event.MinTime); err != nil {
		return err
	}
	collect := func() {
		for _, c := range a.tasks {
			for i, o := range c.outputs {
				rows[i] = append(rows[i], o.got...)
				o.got = nil
			}
			refused += c.refused
			c.refused = 0
		}
	}
	for at := 0; at < len(h.Input); {
		var err error
		if at, err = a.step(at); err != nil {
			return errors.Join(err, a.close())
		}
		if a.rng.IntN(4) > 0 {
			continue
		}
		collect()
		if err := a.recover(at); err != nil {
			return err
		}
		divided = divided || len(a.tasks) > 1
	}
	if err := a.end(); err != nil {
		return errors.Join(err, a.close())
	}
	collect()
	if err := a.close(); err != nil {
		return fmt.Errorf("Close: %w", err)
	}
	return h.compare(rows, h.Ordered && !divided, refused)
}

// begin opens subtasks, from snapshots if there are some.
func (a *attempt[T, U]) begin(parallelism int, from []*statetest.Kept, announced, passed event.Time) error {
	a.tasks, a.ops = nil, nil
	for i := range parallelism {
		c := newTask[U](a.rng.Uint64(), len(a.h.Want), a.h.Policy)
		c.index, c.parallelism, c.free, c.watermark = i, parallelism, a.h.OwnWatermarks, passed
		op := a.h.New()
		a.tasks, a.ops = append(a.tasks, c), append(a.ops, op)
		if err := op.Open(c); err != nil {
			return fmt.Errorf("Open: %w", err)
		}
		if from == nil {
			continue
		}
		if s, ok := op.(operator.Stateful); ok {
			if err := s.Restore(statetest.Restored{Index: i, Parallelism: parallelism, From: from}); err != nil {
				return fmt.Errorf("Restore: %w", err)
			}
		}
		for _, o := range c.outputs {
			if len(o.got) > 0 {
				return errors.New("Restore emits records")
			}
		}
		if err := advance(*a.h, c, op, announced); err != nil {
			return err
		}
	}
	return nil
}

// step passes a batch, and perhaps a watermark, from a place in the input on,
// and returns the next place.
func (a *attempt[T, U]) step(at int) (int, error) {
	n := min(1+a.rng.IntN(7)*a.rng.IntN(20), len(a.h.Input)-at)
	divided := make([][]Row[T], len(a.tasks))
	for _, r := range a.h.Input[at : at+n] {
		to := a.rng.IntN(len(a.tasks))
		if a.h.Hash != nil {
			to = event.SubtaskOf(event.KeyGroup(a.h.Hash(&r.Value)), len(a.tasks))
		}
		divided[to] = append(divided[to], r)
	}
	at += n
	for i, rows := range divided {
		c, op := a.tasks[i], a.ops[i]
		if len(rows) > 0 {
			if err := feed(*a.h, c, op, a.in, rows); err != nil {
				return at, fmt.Errorf("Process: %w", err)
			}
		}
		if err := between(c, op); err != nil {
			return at, err
		}
		// Watermarks of subtasks need not be the same: a barrier may overtake them.
		if at < len(a.h.Input) && a.rng.IntN(3) == 0 {
			if err := advance(*a.h, c, op, lowest(a.h.Input[at:])-1); err != nil {
				return at, err
			}
		}
	}
	return at, nil
}

// recover ends the attempt some steps later, and begins another one as of now.
func (a *attempt[T, U]) recover(at int) error {
	announced, passed := event.MaxTime, event.MaxTime
	kept := make([]*statetest.Kept, len(a.ops))
	for i, op := range a.ops {
		c := a.tasks[i]
		announced, passed = min(announced, c.announced), min(passed, c.watermark)
		kept[i] = &statetest.Kept{}
		if s, ok := op.(operator.Stateful); ok {
			if err := s.Snapshot(kept[i]); err != nil {
				return errors.Join(fmt.Errorf("Snapshot: %w", err), a.close())
			}
		}
		for _, o := range c.outputs {
			if len(o.got) > 0 {
				return errors.Join(errors.New("Snapshot emits records"), a.close())
			}
		}
	}
	written := make(chan error, 1)
	write := func() {
		var all error
		for _, k := range kept {
			all = errors.Join(all, k.Write())
		}
		written <- all
	}
	late := a.rng.IntN(2) == 0
	if !late {
		go write()
	}
	var err error
	for range a.rng.IntN(4) {
		if at < len(a.h.Input) && err == nil {
			at, err = a.step(at)
		}
	}
	if late {
		write()
	}
	if err = errors.Join(err, <-written, a.faults()); err != nil {
		return errors.Join(err, a.close())
	}
	if err := a.close(); err != nil {
		return fmt.Errorf("Close: %w", err)
	}
	parallelism := 1
	if !a.h.Alone {
		parallelism += a.rng.IntN(3)
	}
	return a.begin(parallelism, kept, announced, passed)
}

// end ends the input.
func (a *attempt[T, U]) end() error {
	for i, c := range a.tasks {
		if err := advance(*a.h, c, a.ops[i], event.MaxTime); err != nil {
			return err
		}
		if err := a.ops[i].Finish(); err != nil {
			return fmt.Errorf("Finish: %w", err)
		}
		if err := c.ended(); err != nil {
			return err
		}
	}
	return a.faults()
}

func (a *attempt[T, U]) faults() (err error) {
	for _, c := range a.tasks {
		err = errors.Join(err, errors.Join(c.faults...))
	}
	return err
}

func (a *attempt[T, U]) close() (err error) {
	for _, op := range a.ops {
		err = errors.Join(err, op.Close())
	}
	return err
}
