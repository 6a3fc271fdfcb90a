package connectortest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/affluxdev/afflux/connector"
)

// A job with checkpoints opens writers with Subtask.Checkpoints, calls Prepare at
// each barrier, Durable and Commit by other goroutines, and Recover before it
// opens the writers of the next attempt. A crash is a Close without Flush, or no
// Close at all: then the writers of the old attempt are a zombie that goes on
// after another attempt has recovered.

// attempt is one attempt of a job with checkpoints.
type attempt[T any] struct {
	h    *Sink[T]
	sink connector.Sink[T]
	read func(testing.TB) []T
	all  []*writing[T]
	// next is the next key to write, shared by the attempts of a job.
	next int
	// visible are the keys that were committed, or are visible without.
	visible map[int]bool
	// pending are the keys that were written since the last Prepare.
	pending []int
}

// begin opens the first attempt; it is nil if the sink's writers do not prepare.
func begin[T any](tb testing.TB, h *Sink[T], parallelism int) (*attempt[T], error) {
	sink, read := h.New(tb)
	if h.skip(sink, parallelism) {
		parallelism = 1
	}
	a := &attempt[T]{h: h, sink: sink, read: read, visible: map[int]bool{}}
	if err := a.open(tb, parallelism); err != nil {
		return nil, err
	}
	if _, ok := a.all[0].writer.(connector.Preparer); !ok {
		if err := finish(a.all, false); err != nil {
			return nil, err
		}
		if h.TwoPhase {
			return nil, errors.New("the writer does not implement connector.Preparer")
		}
		return nil, nil
	}
	return a, nil
}

func (a *attempt[T]) open(tb testing.TB, parallelism int) (err error) {
	a.all, err = openWith(tb, a.h, a.sink, parallelism, true)
	return err
}

// put has each writer take n records.
func (a *attempt[T]) put(n int) error {
	for _, w := range a.all {
		if err := w.put(a.next, a.next+n); err != nil {
			return err
		}
		for range n {
			a.pending = append(a.pending, a.next)
			a.next++
		}
	}
	return nil
}

// prepared is what the writers gave at one checkpoint.
type prepared struct {
	handles [][][]byte // of each writer
	durable []func(context.Context) error
	keys    []int
}

// prepare calls Prepare of every writer.
func (a *attempt[T]) prepare() (*prepared, error) {
	p := &prepared{keys: a.pending, handles: make([][][]byte, len(a.all))}
	a.pending = nil
	for i, w := range a.all {
		var got connector.Prepared
		err := within("Prepare", func() (err error) {
			got, err = w.writer.(connector.Preparer).Prepare()
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("Prepare of subtask %d: %w", i, err)
		}
		if got.Handle != nil {
			p.handles[i] = [][]byte{got.Handle}
		}
		if got.Durable != nil {
			p.durable = append(p.durable, got.Durable)
		}
	}
	return p, nil
}

// wait calls Durable. The handles are taken over afterwards, as the engine does.
func (p *prepared) wait() error {
	for _, durable := range p.durable {
		if err := within("Durable", func() error { return durable(context.Background()) }); err != nil {
			return fmt.Errorf("waiting for Durable: %w", err)
		}
	}
	for i, hs := range p.handles {
		for k, h := range hs {
			p.handles[i][k] = bytes.Clone(h)
		}
	}
	return nil
}

func (p *prepared) twoPhase() bool { return len(p.flat()) > 0 }

// flat returns the handles of all writers.
func (p *prepared) flat() (all [][]byte) {
	for _, hs := range p.handles {
		all = append(all, hs...)
	}
	return all
}

// commit commits what each writer prepared at these checkpoints.
func (a *attempt[T]) commit(at ...*prepared) error {
	for i, w := range a.all {
		var hs [][]byte
		for _, p := range at {
			hs = append(hs, p.handles[i]...)
		}
		err := within("Commit", func() error { return w.writer.(connector.Preparer).Commit(context.Background(), hs) })
		if err != nil {
			return fmt.Errorf("Commit of subtask %d: %w", i, err)
		}
	}
	for _, p := range at {
		a.stands(p)
	}
	return nil
}

// stands notes that what was prepared must be visible from now on.
func (a *attempt[T]) stands(p *prepared) {
	for _, k := range p.keys {
		a.visible[k] = true
	}
}

// compare checks that the output has what is visible, once each, and nothing
// else if exact.
func (a *attempt[T]) compare(tb testing.TB, when string, exact bool) error {
	seen := map[int]int{}
	got := a.read(tb)
	for i := range got {
		k := a.h.Key(&got[i])
		seen[k]++
		switch {
		case seen[k] > 1:
			return fmt.Errorf("%s: the output has record %d more than once", when, k)
		case exact && !a.visible[k]:
			return fmt.Errorf("%s: the output has record %d, which was not committed", when, k)
		}
	}
	for k := range a.visible {
		if seen[k] == 0 {
			return fmt.Errorf("%s: the output lacks record %d (it has %d of %d)", when, k, len(seen), len(a.visible))
		}
	}
	return nil
}

// recover does what a new attempt does before it opens its writers.
func (a *attempt[T]) recover(tb testing.TB, p *prepared, next int) error {
	r, ok := a.sink.(connector.Recoverer)
	if !ok {
		return errors.New("the writers return handles, but the sink does not implement connector.Recoverer")
	}
	rec := connector.Recovery{Job: jobName, Operator: operatorName, Next: next}
	if p != nil {
		rec.Prepared, rec.Parallelism = p.flat(), len(p.handles)
	}
	return within("Recover", func() error { return r.Recover(tb.Context(), rec) })
}

// checkPrepare runs three checkpoints, each of which commits while the writers
// go on.
func checkPrepare[T any](tb testing.TB, h Sink[T]) error {
	for parallelism := 1; parallelism <= 2; parallelism++ {
		a, err := begin(tb, &h, parallelism)
		if err != nil || a == nil {
			return err
		}
		if err := errors.Join(a.checkpoints(tb, 3), finish(a.all, false)); err != nil {
			return fmt.Errorf("at parallelism %d: %w", parallelism, err)
		}
		if err := a.compare(tb, "after Close", false); err != nil {
			return err
		}
	}
	return nil
}

func (a *attempt[T]) checkpoints(tb testing.TB, n int) error {
	for range n {
		if err := a.put(60); err != nil {
			return err
		}
		p, err := a.prepare()
		if err != nil {
			return err
		}
		if err := errors.Join(a.put(15), p.wait()); err != nil {
			return err
		}
		if !p.twoPhase() {
			if a.h.TwoPhase {
				return errors.New("Prepare returned no handle for 60 records")
			}
			a.stands(p)
		} else if err := a.compare(tb, "before Commit", true); err != nil {
			return err
		}
		done := make(chan error, 1)
		go func() { done <- a.commit(p) }()
		err = a.put(25) // a.visible belongs to the other goroutine meanwhile
		if err := errors.Join(err, <-done); err != nil {
			return err
		}
		if err := a.commit(p); err != nil {
			return fmt.Errorf("again: %w", err)
		}
		if err := a.compare(tb, "after Commit", p.twoPhase()); err != nil {
			return err
		}
	}
	p, err := a.prepare()
	if err != nil {
		return err
	}
	return errors.Join(p.wait(), a.commit(p))
}

// checkNothingPrepared prepares when nothing was written, often.
func checkNothingPrepared[T any](tb testing.TB, h Sink[T]) error {
	a, err := begin(tb, &h, 1)
	if err != nil || a == nil {
		return err
	}
	for range 20 {
		p, err := a.prepare()
		if err == nil {
			err = errors.Join(p.wait(), a.commit(p))
		}
		if err != nil {
			return errors.Join(err, finish(a.all, false))
		}
	}
	if err := finish(a.all, false); err != nil {
		return err
	}
	return a.compare(tb, "after checkpoints of nothing", true)
}

// checkGivenUp commits two checkpoints at once: the first was given up.
func checkGivenUp[T any](tb testing.TB, h Sink[T]) error {
	a, err := begin(tb, &h, 2)
	if err != nil || a == nil {
		return err
	}
	run := func() error {
		if err := a.put(40); err != nil {
			return err
		}
		first, err := a.prepare()
		if err != nil {
			return err
		}
		if err := a.put(40); err != nil {
			return err
		}
		second, err := a.prepare()
		if err != nil {
			return err
		}
		if err := errors.Join(first.wait(), second.wait(), a.commit(first, second)); err != nil {
			return err
		}
		return a.compare(tb, "after a checkpoint that follows one given up", true)
	}
	return errors.Join(run(), finish(a.all, false))
}
