package connectortest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/affluxdev/afflux/connector"
)

// A job with checkpoints asks each reader for its positions between two polls,
// and a recovered job opens the same source with all of them. The kit does so at
// random moments of the reading, goes on a little, as a job does before it
// crashes, and opens the source again at another parallelism: what was read up to
// the positions and what is read after them must be every record once.

// resumeSteps are parallelisms of the attempts of one job.
var resumeSteps = [][]int{{1, 1, 1}, {2, 2, 2, 2}, {3, 1, 2}, {1, 3, 2, 1}}

// checkResume snapshots at random polls and goes on from there.
func checkResume[T any](tb testing.TB, h Source[T]) error {
	const n = 600
	for seed, steps := range resumeSteps {
		random := rand.New(rand.NewPCG(uint64(seed), 7))
		src := h.New(tb, n)
		seen := map[int]int{}
		var from *connector.Resume
		for i, parallelism := range steps {
			if h.skip(src, parallelism) {
				parallelism = 1
			}
			all, err := openAt(tb, &h, src, parallelism, roomy, from)
			if err != nil {
				return err
			}
			last := i == len(steps)-1
			if p, err := positioned(&h, all); err != nil || !p {
				return errors.Join(err, closeAll(all))
			}
			if last {
				err = readAll(all, src, seen, n)
			} else {
				from, err = readSome(all, random, seen, n, 2*n/len(steps))
			}
			if err := errors.Join(err, closeAll(all)); err != nil {
				return fmt.Errorf("attempt %d at parallelism %d of %v: %w", i, parallelism, steps, err)
			}
		}
	}
	return nil
}

// positioned tells whether the readers can be resumed.
func positioned[T any](h *Source[T], all []*reading[T]) (bool, error) {
	if h.Once {
		return false, nil
	}
	for _, r := range all {
		if _, ok := r.reader.(connector.Positioned); !ok {
			if h.Positioned {
				return false, fmt.Errorf("the reader does not implement connector.Positioned")
			}
			return false, nil
		}
	}
	return true, nil
}

// readSome polls readers in a random order until about want records have come,
// returns their positions and then reads on for a while, which does not count.
func readSome[T any](all []*reading[T], random *rand.Rand, seen map[int]int, n, want int) (*connector.Resume, error) {
	goal := len(seen) + random.IntN(want+1)
	take := func(key int) error {
		seen[key]++
		switch {
		case key < 0 || key >= n:
			return fmt.Errorf("a record with the key %d came, which was never there", key)
		case seen[key] > 1:
			return fmt.Errorf("record %d was read before the positions and again after them", key)
		}
		return nil
	}
	for len(seen) < min(goal, n) {
		r := all[random.IntN(len(all))]
		if err := r.poll(take); err != nil {
			return nil, err
		}
		if len(seen) == n {
			break
		}
		if err := waitIfIdle(all); err != nil {
			return nil, fmt.Errorf("after %d of %d records every reader is idle: %w", len(seen), n, err)
		}
	}
	at, err := positions(all)
	if err != nil {
		return nil, err
	}
	for range 10 {
		if err := all[random.IntN(len(all))].poll(func(int) error { return nil }); err != nil {
			return nil, err
		}
	}
	return at, nil
}

// waitIfIdle waits for a wake-up if every reader has said Idle or Done.
func waitIfIdle[T any](all []*reading[T]) error {
	ended := 0
	for _, r := range all {
		if r.done {
			ended++
		} else if r.polls == 0 || r.last.State != connector.Idle {
			return nil
		}
	}
	if ended == len(all) {
		return errors.New("there is no more to come")
	}
	if err := waitAny(all); err != nil {
		return err
	}
	for _, r := range all { // any of them may have been woken: none counts as idle before it was polled
		if !r.done {
			r.last.State = connector.Ready
		}
	}
	return nil
}

// positions asks all readers, in a copy that they cannot change any more.
func positions[T any](all []*reading[T]) (*connector.Resume, error) {
	owner := map[string]int{}
	at := &connector.Resume{}
	for _, r := range all {
		var splits []connector.Split
		err := within("Positions", func() (err error) {
			splits, err = r.reader.(connector.Positioned).Positions()
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("Positions of subtask %d: %w", r.sub.index, err)
		}
		for _, s := range splits {
			if other, ok := owner[s.ID]; ok {
				return nil, fmt.Errorf("the split %q is listed by subtask %d and by subtask %d", s.ID, other, r.sub.index)
			}
			owner[s.ID] = r.sub.index
			at.Splits = append(at.Splits, connector.Split{ID: s.ID, Position: bytes.Clone(s.Position)})
		}
	}
	return at, nil
}

// checkEnded takes the positions when everything was read: nothing may come
// again, and a live source goes on with what is new.
func checkEnded[T any](tb testing.TB, h Source[T]) error {
	const n = 100
	src := h.New(tb, n)
	all, err := open(tb, &h, src, 2, roomy)
	if err != nil {
		return err
	}
	if p, err := positioned(&h, all); err != nil || !p {
		return errors.Join(err, closeAll(all))
	}
	seen := map[int]int{}
	err = readAll(all, src, seen, n)
	var at *connector.Resume
	if err == nil {
		at, err = positions(all)
	}
	if err := errors.Join(err, closeAll(all)); err != nil {
		return err
	}
	if all, err = openAt(tb, &h, src, 1, roomy, at); err != nil {
		return err
	}
	if h.More != nil && !src.Describe().Bounded {
		h.More(tb, n, 30)
		err = readAll(all, src, seen, n+30)
	} else {
		err = readAll(all, src, seen, n)
	}
	if err := errors.Join(err, closeAll(all)); err != nil {
		return fmt.Errorf("after everything was read: %w", err)
	}
	return nil
}

// checkNewSplits resumes without positions: every split is new.
func checkNewSplits[T any](tb testing.TB, h Source[T]) error {
	const n = 100
	src := h.New(tb, n)
	all, err := openAt(tb, &h, src, 2, roomy, &connector.Resume{})
	if err != nil {
		return fmt.Errorf("resumed without positions: %w", err)
	}
	if p, err := positioned(&h, all); err != nil || !p {
		return errors.Join(err, closeAll(all))
	}
	return errors.Join(readAll(all, src, map[int]int{}, n), closeAll(all))
}

// checkRefused resumes a source that cannot be read again in the middle.
func checkRefused[T any](tb testing.TB, h Source[T]) error {
	if !h.Once {
		return nil
	}
	src := h.New(tb, 100)
	all, err := open(tb, &h, src, 1, roomy)
	if err != nil {
		return err
	}
	at, err := readSome(all, rand.New(rand.NewPCG(1, 1)), map[int]int{}, 100, 20)
	if err := errors.Join(err, closeAll(all)); err != nil {
		return err
	}
	if all, err = openAt(tb, &h, src, 1, roomy, at); err == nil {
		return errors.Join(errors.New("input that cannot be read again is resumed without an error"), closeAll(all))
	}
	return nil
}

// checkDamaged resumes at positions that no reader has given: that is an error
// of Open or of a Poll, not a panic and not another place.
func checkDamaged[T any](tb testing.TB, h Source[T]) error {
	src := h.New(tb, 20)
	all, err := open(tb, &h, src, 1, roomy)
	if err != nil {
		return err
	}
	if p, err := positioned(&h, all); err != nil || !p {
		return errors.Join(err, closeAll(all))
	}
	at, err := readSome(all, rand.New(rand.NewPCG(1, 1)), map[int]int{}, 20, 20)
	if err := errors.Join(err, closeAll(all)); err != nil {
		return err
	}
	for i := range at.Splits {
		damaged := &connector.Resume{Splits: append([]connector.Split(nil), at.Splits...)}
		damaged.Splits[i].Position = bytes.Repeat([]byte{0xff}, 37)
		if err := resumeDamaged(tb, &h, src, damaged); err != nil {
			return fmt.Errorf("split %q: %w", at.Splits[i].ID, err)
		}
	}
	return nil
}

func resumeDamaged[T any](tb testing.TB, h *Source[T], src connector.Source[T], at *connector.Resume) error {
	sub := newSubtask(0)
	c := sub.connect(1)
	c.Resume = at
	var reader connector.Reader[T]
	err := within("Open", func() (err error) {
		reader, err = src.Open(tb.Context(), c)
		return err
	})
	if err != nil {
		return nil //nolint:nilerr // to refuse it is what is asked for
	}
	r := newReading(h, sub, reader, roomy)
	refused := false
	for range 100 {
		if err := r.poll(func(int) error { return nil }); err != nil {
			refused = true
			break
		}
		if r.done {
			break
		}
		if r.last.State == connector.Idle {
			if err := sub.waitUntil(context.Background(), r.last.After); err != nil {
				break
			}
		}
	}
	err = closeAll([]*reading[T]{r})
	if !refused && err == nil {
		err = fmt.Errorf("a damaged position was taken up without an error")
	}
	return err
}
