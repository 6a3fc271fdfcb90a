package connectortest

import (
	"errors"
	"fmt"
	"testing"
)

// crash is how an attempt ends in a check of Recover.
type crash struct {
	name     string
	from, to int  // parallelism of the attempts
	prepare  bool // crash after Prepare, otherwise before
	commit   bool // crash after Commit
	zombie   bool // the old writers go on after Recover
	repeated bool // Recover is called twice, as when the new attempt crashes at once
}

var crashes = []crash{
	{name: "before the first Prepare", from: 2, to: 2},
	{name: "between Prepare and Commit", from: 2, to: 2, prepare: true},
	{name: "between Prepare and Commit, recovered twice", from: 1, to: 1, prepare: true, repeated: true},
	{name: "between Prepare and Commit, from parallelism 3 to 1", from: 3, to: 1, prepare: true},
	{name: "between Prepare and Commit, from parallelism 1 to 3", from: 1, to: 3, prepare: true, repeated: true},
	{name: "after Commit", from: 2, to: 2, prepare: true, commit: true, repeated: true},
	{name: "with writers that go on", from: 2, to: 2, prepare: true, zombie: true},
	{name: "before the first Prepare, with writers that go on", from: 1, to: 1, zombie: true},
}

// checkRecover crashes at every moment of a checkpoint, recovers, and goes on:
// what was prepared stands once, all else is gone.
func checkRecover[T any](tb testing.TB, h Sink[T]) error {
	for _, c := range crashes {
		if err := checkCrash(tb, &h, c); err != nil {
			return fmt.Errorf("a crash %s: %w", c.name, err)
		}
	}
	return nil
}

func checkCrash[T any](tb testing.TB, h *Sink[T], c crash) error {
	old, err := begin(tb, h, c.from)
	if err != nil || old == nil {
		return err
	}
	p, err := old.until(c)
	if err != nil || p != nil && !p.twoPhase() { // what is written stands: nothing to recover
		return errors.Join(err, finish(old.all, false))
	}
	if p == nil && !h.TwoPhase {
		return finish(old.all, false)
	}
	if !c.zombie {
		if err := finish(old.all, false); err != nil {
			return err
		}
	}
	now := *old
	now.pending = nil
	for range 2 {
		if err = now.recover(tb, p, c.to); err != nil || !c.repeated {
			break
		}
	}
	if p != nil {
		now.stands(p)
	}
	if err == nil {
		err = now.compare(tb, "after Recover", true)
	}
	if c.zombie {
		old.next += 10_000
		old.haunt()
		if err == nil {
			err = now.compare(tb, "after writers of an earlier attempt went on", true)
		}
	}
	if err == nil {
		err = now.goOn(tb, c.to)
	}
	if c.zombie {
		for _, w := range old.all { // it may complain
			err = errors.Join(err, within("Close", func() error { _ = w.writer.Close(); return nil }))
		}
	}
	if err != nil {
		return err
	}
	return now.compare(tb, "in the end", true)
}

// until runs an attempt up to its crash; it returns what the checkpoint that is
// recovered from has, nil if there is none.
func (a *attempt[T]) until(c crash) (p *prepared, err error) {
	if err = a.put(50); err != nil || !c.prepare {
		return nil, err
	}
	if p, err = a.prepare(); err != nil {
		return nil, err
	}
	if err = errors.Join(p.wait(), a.put(20)); err != nil || !c.commit {
		return p, err
	}
	return p, a.commit(p)
}

// haunt goes on writing, preparing and committing, as far as it gets.
func (a *attempt[T]) haunt() {
	a.visible = map[int]bool{} // of no interest
	for range 2 {
		if err := a.put(20); err != nil {
			return
		}
		p, err := a.prepare()
		if err != nil {
			return
		}
		if p.wait() != nil || a.commit(p) != nil {
			return
		}
	}
}

// goOn opens the writers of the new attempt and takes two checkpoints.
func (a *attempt[T]) goOn(tb testing.TB, parallelism int) error {
	sink := a.sink
	if a.h.skip(sink, parallelism) {
		parallelism = 1
	}
	if err := a.open(tb, parallelism); err != nil {
		return err
	}
	return errors.Join(a.checkpoints(tb, 2), finish(a.all, false))
}
