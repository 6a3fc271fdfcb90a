package connectortest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/affluxdev/afflux/connector"
)

var roomy = connector.Limit{Records: 64, Bytes: 32 << 10}

func checkDescribe[T any](tb testing.TB, h Source[T]) error {
	d := h.New(tb, 10).Describe()
	if d.Kind == "" || d.Target == "" {
		return fmt.Errorf("Describe has no Kind or no Target: %+v", d)
	}
	if d.MaxParallelism < 0 {
		return fmt.Errorf("MaxParallelism is %d", d.MaxParallelism)
	}
	return nil
}

// readThrough reads n records of a source and closes it.
func readThrough[T any](tb testing.TB, h *Source[T], src connector.Source[T], n, parallelism int, limit connector.Limit) error {
	all, err := open(tb, h, src, parallelism, limit)
	if err != nil {
		return err
	}
	err = readAll(all, src, map[int]int{}, n)
	return errors.Join(err, closeAll(all))
}

func checkOnce[T any](tb testing.TB, h Source[T], parallelism int) error {
	for _, n := range []int{1, 1000} {
		if err := readThrough(tb, &h, h.New(tb, n), n, parallelism, roomy); err != nil {
			return fmt.Errorf("%d records: %w", n, err)
		}
	}
	return nil
}

func checkRecordLimit[T any](tb testing.TB, h Source[T]) error {
	for _, limit := range []int{1, 7} {
		if err := readThrough(tb, &h, h.New(tb, 100), 100, 1, connector.Limit{Records: limit, Bytes: 1 << 20}); err != nil {
			return fmt.Errorf("limit %d: %w", limit, err)
		}
	}
	return nil
}

func checkByteLimit[T any](tb testing.TB, h Source[T]) error {
	for _, limit := range []int64{1, 1000} {
		if err := readThrough(tb, &h, h.New(tb, 1000), 1000, 1, connector.Limit{Records: 1 << 20, Bytes: limit}); err != nil {
			return fmt.Errorf("limit %d: %w", limit, err)
		}
	}
	return nil
}

func checkMore[T any](tb testing.TB, h Source[T]) error {
	if h.More == nil {
		return nil
	}
	src := h.New(tb, 50)
	all, err := open(tb, &h, src, 1, roomy)
	if err != nil {
		return err
	}
	return errors.Join(pollMore(tb, h, all[0]), closeAll(all))
}

func pollMore[T any](tb testing.TB, h Source[T], r *reading[T]) error {
	seen := map[int]int{}
	take := func(key int) error {
		if seen[key]++; seen[key] > 1 {
			return fmt.Errorf("record %d came twice", key)
		}
		return nil
	}
	until := func(n int) error {
		for len(seen) < n {
			if err := r.poll(take); err != nil {
				return err
			}
			switch r.last.State {
			case connector.Done:
				return fmt.Errorf("the reader is Done after %d of %d records", len(seen), n)
			case connector.Idle:
				if len(seen) == n {
					return nil
				}
				if err := r.sub.waitUntil(context.Background(), r.last.After); err != nil {
					return fmt.Errorf("idle after %d of %d records: %w", len(seen), n, err)
				}
			}
		}
		return nil
	}
	if err := until(50); err != nil {
		return err
	}
	if err := r.untilIdle(take); err != nil {
		return err
	}
	h.More(tb, 50, 30)
	if err := r.sub.waitUntil(context.Background(), r.last.After); err != nil {
		return fmt.Errorf("records arrived while the reader was idle, but %w", err)
	}
	return until(80)
}

// untilIdle polls until the reader says Idle, and forgets earlier wake-ups.
func (r *reading[T]) untilIdle(take func(int) error) error {
	for range 1000 {
		select {
		case <-r.sub.wake:
		default:
		}
		if err := r.poll(take); err != nil {
			return err
		}
		if r.last.State == connector.Idle {
			return nil
		}
	}
	return fmt.Errorf("a reader with nothing to read is never Idle")
}

func checkBad[T any](tb testing.TB, h Source[T]) error {
	if h.Bad == nil {
		return nil
	}
	const n, bad = 100, 9
	src := h.Bad(tb, n, bad)
	all, err := open(tb, &h, src, 2, roomy)
	if err != nil {
		return err
	}
	err = errors.Join(readAll(all, src, map[int]int{}, n), closeAll(all))
	if err != nil {
		return err
	}
	got := 0
	for _, r := range all {
		got += len(r.sub.rejected)
		for _, rej := range r.sub.rejected {
			if rej.Origin == "" {
				return fmt.Errorf("input was rejected without its origin: %w", rej.Reason)
			}
			if len(rej.Payload) == 0 {
				return fmt.Errorf("input was rejected without its payload: %w", rej.Reason)
			}
		}
	}
	if got != bad {
		return fmt.Errorf("%d inputs were rejected, %d were bad", got, bad)
	}
	return nil
}

func checkRefuse[T any](tb testing.TB, h Source[T]) error {
	if h.Bad == nil {
		return nil
	}
	all, err := open(tb, &h, h.Bad(tb, 100, 9), 1, roomy)
	if err != nil {
		return err
	}
	r := all[0]
	r.sub.refuse = errors.New("the user wants the job to fail")
	take := func(int) error { return nil }
	for err == nil && !r.done {
		err = r.poll(take)
		if err == nil && r.last.State == connector.Idle {
			err = r.sub.waitUntil(context.Background(), r.last.After)
		}
	}
	if closed := closeAll(all); closed != nil {
		return closed
	}
	if !errors.Is(err, r.sub.refuse) {
		return fmt.Errorf("after Reject returned an error, Poll returned %v", err) //nolint:errorlint // err may be nil
	}
	if len(r.sub.rejected) != 1 {
		return fmt.Errorf("after Reject returned an error it was called again, %d times in all", len(r.sub.rejected))
	}
	return nil
}

func checkReaderClose[T any](tb testing.TB, h Source[T]) error {
	for polls := range 4 {
		for parallelism := 1; parallelism <= 2; parallelism++ {
			all, err := open(tb, &h, h.New(tb, 200), parallelism, connector.Limit{Records: 5, Bytes: 1 << 10})
			if err != nil {
				return err
			}
			for range polls {
				for _, r := range all {
					if err = errors.Join(err, r.poll(func(int) error { return nil })); err != nil {
						break
					}
				}
			}
			if err := errors.Join(err, closeAll(all)); err != nil {
				return fmt.Errorf("Close after %d polls: %w", polls, err)
			}
		}
	}
	return nil
}
