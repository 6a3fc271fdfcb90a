package guard

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var errFlaky = errors.New("flaky")

// failing fails its first n calls with err.
func failing(n int, err error) (func(context.Context) (int, error), *int) {
	calls := new(int)
	return func(context.Context) (int, error) {
		if *calls++; *calls <= n {
			return 0, err
		}
		return 42, nil
	}, calls
}

func TestDo(t *testing.T) {
	for name, c := range map[string]struct {
		policy   Policy
		failures int
		err      error
		calls    int
		want     error
	}{
		"success at once":               {Policy{}, 0, nil, 1, nil},
		"no retry by default":           {Policy{}, 1, errFlaky, 1, errFlaky},
		"retried until it succeeds":     {Policy{Retries: 3}, 3, errFlaky, 4, nil},
		"retried in vain":               {Policy{Retries: 3}, 9, errFlaky, 4, errFlaky},
		"permanent is not retried":      {Policy{Retries: 3}, 9, Permanent(errFlaky), 1, errFlaky},
		"throttled costs no retry":      {Policy{}, 20, &Throttled{}, 21, nil},
		"throttled and told how long":   {Policy{}, 3, &Throttled{After: time.Minute, Err: errFlaky}, 4, nil},
		"wrapped throttling is noticed": {Policy{}, 2, errors.Join(errFlaky, &Throttled{}), 3, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := c
				f, calls := failing(c.failures, c.err)
				began := time.Now()
				caller := NewCaller[int](c.policy)
				v, err := caller.Do(t.Context(), f)
				if *calls != c.calls || !errors.Is(err, c.want) || (err == nil) != (c.want == nil) || err == nil && v != 42 {
					t.Errorf("%d calls, %d, %v", *calls, v, err)
				}
				if n := caller.Counters.Calls.Load(); n != int64(c.calls) {
					t.Errorf("%d calls were counted", n)
				}
				var th *Throttled
				if errors.As(c.err, &th) {
					if n := caller.Counters.Throttled.Load(); n != int64(c.failures) {
						t.Errorf("%d throttled calls were counted", n)
					}
					if th.After > 0 && time.Since(began) < 3*th.After {
						t.Errorf("three waits of %v took %v", th.After, time.Since(began))
					}
				}
			})
		})
	}
}

func TestBackoffDoublesUpToItsLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _ := failing(6, errFlaky)
		began := time.Now()
		c := NewCaller[int](Policy{Retries: 6, Backoff: 100 * time.Millisecond, MaxBackoff: 400 * time.Millisecond})
		if _, err := c.Do(t.Context(), f); err != nil {
			t.Fatal(err)
		}
		// 100, 200, and 400 four times, each with a jitter of a quarter.
		if took, sum := time.Since(began), 1900*time.Millisecond; took < sum*3/4 || took > sum*5/4 {
			t.Errorf("six waits took %v", took)
		}
	})
}

func TestTimeoutOfAnAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewCaller[int](Policy{Retries: 2, Timeout: time.Second})
		_, err := c.Do(t.Context(), func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, ctx.Err() })
		if err == nil || !strings.Contains(err.Error(), "no answer within 1s") || !strings.Contains(err.Error(), "after 3 attempts") {
			t.Errorf("got %v", err)
		}
		if n := c.Counters.Timeouts.Load(); n != 3 {
			t.Errorf("%d timeouts were counted", n)
		}
	})
}

func TestCancelEndsTheWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		c := NewCaller[int](Policy{})
		done := make(chan error)
		go func() {
			_, err := c.Do(ctx, func(context.Context) (int, error) { return 0, &Throttled{After: time.Hour} })
			done <- err
		}()
		synctest.Wait()
		began := time.Now()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) || time.Since(began) > 0 {
			t.Errorf("ended %v after the cancelling with %v", time.Since(began), err)
		}
	})
}

// TestOneCallerForMany has two calls that fail in turns: neither pays for the
// other's attempts.
func TestOneCallerForMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewCaller[int](Policy{Retries: 3})
		done := make(chan error)
		for range 50 {
			go func() {
				f, _ := failing(3, errFlaky)
				_, err := c.Do(t.Context(), f)
				done <- err
			}()
		}
		for range 50 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
}

func TestThrottledSaysWhy(t *testing.T) {
	for want, err := range map[string]*Throttled{"throttled": {}, "throttled: flaky": {Err: errFlaky}} {
		if err.Error() != want || err.Err != nil && !errors.Is(err, errFlaky) {
			t.Errorf("got %q, want %q", err, want)
		}
	}
}
