package statetest

import (
	"pgregory.net/rapid"
)

// successive takes one snapshot after the other, each of which may refer to files
// of the last complete one. Some are given up, before they are written or after,
// some are savepoints, some are written while the tables change, and now and then
// another subtask goes on from the last one.
func (a *subtask[K, S]) successive(r *rapid.T) {
	var last *Kept
	var want contents[K] // of last
	for range rapid.IntRange(1, 12).Draw(r, "snapshots") {
		// Mostly few changes, so that much is as it was.
		for range rapid.SampledFrom([]int{0, 0, 1, 1, 1, 2, 5}).Draw(r, "changes") {
			a.change(r)
		}
		k := &Kept{Earlier: last, ForSavepoint: rapid.IntRange(0, 5).Draw(r, "savepoint") == 0}
		now := a.snapshot(r, k)
		switch end := rapid.IntRange(0, 9).Draw(r, "end"); end {
		case 0:
			k.Drop()
			continue
		case 1, 2, 3:
			done := make(chan error, 1)
			go func() { done <- k.Write() }()
			a.change(r)
			a.change(r)
			if err := <-done; err != nil {
				r.Fatalf("Write: %v", err)
			}
		default:
			if err := k.Write(); err != nil {
				r.Fatalf("Write: %v", err)
			}
		}
		a.checkRestored(r, now, k)
		switch {
		case k.ForSavepoint:
			if n := k.Referred(); n > 0 {
				r.Fatalf("a savepoint refers to %d files", n)
			}
		case rapid.IntRange(0, 4).Draw(r, "aborted") > 0:
			last, want = k, now
		}
		if last != nil && rapid.IntRange(0, 9).Draw(r, "restart") == 0 {
			a.close(a.t)
			b := newSubtask(a.t, a.Snapshots, a.hash)
			b.tick = a.tick
			got, err := b.restore(Restored{Parallelism: 1, From: []*Kept{last}})
			if err != nil || !got.equal(want) {
				r.Fatalf("restored %v (%v), want %v", got, err, want)
			}
			*a, last = *b, nil
		}
	}
}
