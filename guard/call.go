package guard

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
)

// Throttled is the error of a call that an outside system refused because it
// is too busy (HTTP 429 or 503). It says nothing against the record: the call
// is made again for as long as it takes, and the pressure travels upstream.
type Throttled struct {
	// After is how long the system asked to wait, 0 if it did not say.
	After time.Duration
	// Err is what it answered.
	Err error
}

// Error implements error.
func (t *Throttled) Error() string {
	if t.Err != nil {
		return "throttled: " + t.Err.Error()
	}
	return "throttled"
}

// Unwrap gives the answer of the system.
func (t *Throttled) Unwrap() error { return t.Err }

// Permanent marks an error that no further attempt can mend, like a record
// that the outside system does not know.
func Permanent(err error) error { return &permanent{err} }

type permanent struct{ err error }

func (p *permanent) Error() string { return p.err.Error() }
func (p *permanent) Unwrap() error { return p.err }

// Policy says how a call is repeated.
type Policy struct {
	// Retries is how often a failed call is made again; 0: never. Throttled
	// calls do not count.
	Retries int
	// Backoff is the wait before the first repetition; it doubles up to
	// MaxBackoff, with a jitter of 25 %. Default 50 ms and 5 s.
	Backoff, MaxBackoff time.Duration
	// Timeout bounds each attempt; 0: no bound.
	Timeout time.Duration
}

// Counters count what happened to the calls of an operator. They may be read
// and written by any goroutine.
type Counters struct{ Calls, Retries, Throttled, Timeouts atomic.Int64 }

// Caller makes calls under a policy. It is safe for concurrent use.
type Caller[U any] struct {
	policy   Policy
	retry    retrypolicy.RetryPolicy[U]
	Counters Counters
}

// NewCaller returns a caller.
func NewCaller[U any](p Policy) *Caller[U] {
	if p.Backoff <= 0 {
		p.Backoff = 50 * time.Millisecond
	}
	p.MaxBackoff = max(p.MaxBackoff, 2*p.Backoff)
	if p.MaxBackoff == 2*p.Backoff && p.Backoff < 5*time.Second {
		p.MaxBackoff = max(p.MaxBackoff, 5*time.Second)
	}
	c := &Caller[U]{policy: p}
	c.retry = retrypolicy.NewBuilder[U]().
		WithMaxRetries(-1). // the attempts are counted by Do: throttled ones are free
		WithBackoff(p.Backoff, p.MaxBackoff).
		WithJitterFactor(0.25).
		AbortIf(func(_ U, err error) bool { var f *permanent; return errors.As(err, &f) }).
		ReturnLastFailure().
		WithDelayFunc(func(e failsafe.ExecutionAttempt[U]) time.Duration {
			var t *Throttled
			if errors.As(e.LastError(), &t) && t.After > 0 {
				return t.After * 4 / 3 // no sooner than asked, whatever the jitter
			}
			return -1 // the backoff
		}).
		Build()
	return c
}

// Do calls f until it succeeds, fails for good, or ctx ends. A panic of f is
// the caller's to recover.
func (c *Caller[U]) Do(ctx context.Context, f func(ctx context.Context) (U, error)) (U, error) {
	failures := 0
	u, err := failsafe.With(c.retry).WithContext(ctx).Get(func() (U, error) {
		c.Counters.Calls.Add(1)
		u, err := c.attempt(ctx, f)
		var t *Throttled
		switch {
		case err == nil || ctx.Err() != nil:
			return u, err
		case errors.As(err, &t):
			c.Counters.Throttled.Add(1)
			return u, err
		}
		if failures++; failures > c.policy.Retries {
			return u, Permanent(err)
		}
		c.Counters.Retries.Add(1)
		return u, err
	})
	var p *permanent
	if errors.As(err, &p) {
		err = p.err
		if failures > 1 {
			err = fmt.Errorf("%w (after %d attempts)", err, failures)
		}
	}
	return u, err
}

func (c *Caller[U]) attempt(ctx context.Context, f func(ctx context.Context) (U, error)) (U, error) {
	if c.policy.Timeout <= 0 {
		return f(ctx)
	}
	cause := fmt.Errorf("no answer within %v", c.policy.Timeout)
	ctx, cancel := context.WithTimeoutCause(ctx, c.policy.Timeout, cause)
	defer cancel()
	u, err := f(ctx)
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		c.Counters.Timeouts.Add(1)
		err = fmt.Errorf("%w: %w", context.Cause(ctx), err)
	}
	return u, err
}
