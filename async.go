package afflux

import (
	"context"
	"fmt"
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/guard"
	"github.com/affluxdev/afflux/internal/graph"
	"github.com/affluxdev/afflux/internal/transform"
	"github.com/affluxdev/afflux/operator"
)

// AsyncOption sets something of a MapAsync, MapBulk or Lookup operator; every
// Option is one too.
type AsyncOption interface{ async() }

type asyncOption func(*transform.AsyncConfig) error

func (asyncOption) async() {}

// InFlight sets how many calls each subtask may have on the way; default 100.
// At the limit the operator takes no more input, which presses upstream.
func InFlight(n int) AsyncOption {
	return asyncOption(func(c *transform.AsyncConfig) error {
		if n < 1 {
			return fmt.Errorf("InFlight(%d): it must be at least 1", n)
		}
		c.InFlight = n
		return nil
	})
}

// InFlightBytes sets how much memory records with calls on the way, and results
// that wait for those before them, may take in each subtask before no further
// call is made; default 64 MiB. One call is always made.
func InFlightBytes(n int64) AsyncOption {
	return asyncOption(func(c *transform.AsyncConfig) error {
		if n < 1 {
			return fmt.Errorf("InFlightBytes(%d): it must be positive", n)
		}
		c.Bytes = n
		return nil
	})
}

// Timeout bounds each attempt of a call; default 10 s.
func Timeout(d time.Duration) AsyncOption {
	return asyncOption(func(c *transform.AsyncConfig) error {
		if d <= 0 {
			return fmt.Errorf("Timeout(%v): it must be positive", d)
		}
		c.Policy.Timeout = d
		return nil
	})
}

// Retry makes a failed call again up to n times, after 50 ms doubling up to
// 5 s, with jitter. Calls refused with guard.Throttled are made again without
// limit: they say nothing against the record.
func Retry(n int) AsyncOption { return RetryBackoff(n, 0, 0) }

// RetryBackoff is Retry with the first and the longest wait.
func RetryBackoff(n int, first, longest time.Duration) AsyncOption {
	return asyncOption(func(c *transform.AsyncConfig) error {
		if n < 0 || first < 0 || longest < first {
			return fmt.Errorf("a retry of %d times after %v to %v makes no sense", n, first, longest)
		}
		c.Policy.Retries, c.Policy.Backoff, c.Policy.MaxBackoff = n, first, longest
		return nil
	})
}

// Unordered emits results as they come. By default they keep the order of
// their records. Watermarks never overtake the records ahead of them.
func Unordered() AsyncOption {
	return asyncOption(func(c *transform.AsyncConfig) error { c.Unordered = true; return nil })
}

// MapAsync calls f for each record, many at a time: for requests to an outside
// system. f may be called by many goroutines at once; v is a copy that belongs
// to the call, but what it points to must not be changed. After a recovery from
// a checkpoint, calls that had not returned by then are made again. What happens
// with a call that failed for good is set by OnError.
func (s *Stream[T]) MapAsync[U any](name string, f func(ctx context.Context, v *T) (U, error), options ...AsyncOption) *Stream[U] {
	return async[T, U](s, name, "async", func(cfg transform.AsyncConfig) operator.Operator { return transform.NewAsync(cfg, f) }, options)
}

// MapBulk is MapAsync for systems that answer several questions at once: f is
// called with up to n records and returns one result for each, in their order.
// A call takes what is at hand, so that no record waits for others to come:
// calls are small when little flows and full under load. An error of f counts
// for all of its records.
func (s *Stream[T]) MapBulk[U any](name string, n int, f func(ctx context.Context, v []T) ([]U, error), options ...AsyncOption) *Stream[U] {
	if n < 1 {
		s.job.fail(fmt.Errorf("operator %q: a call of %d records: it must be at least 1", name, n))
	}
	return async[T, U](s, name, "async", func(cfg transform.AsyncConfig) operator.Operator {
		cfg.Bulk = n
		return transform.NewBulk(cfg, f)
	}, options)
}

func async[T, U any](s *Stream[T], name, kind string, make func(transform.AsyncConfig) operator.Operator, options []AsyncOption) *Stream[U] {
	cfg := transform.AsyncConfig{InFlight: 100, Bytes: 64 << 20, Policy: guard.Policy{Timeout: 10 * time.Second}}
	var rest []Option
	for _, o := range options {
		switch o := o.(type) {
		case asyncOption:
			if err := o(&cfg); err != nil {
				s.job.fail(fmt.Errorf("operator %q: %w", name, err))
			}
		case Option:
			rest = append(rest, o)
		default:
			s.job.fail(fmt.Errorf("operator %q: %T is not an option", name, o))
		}
	}
	if cfg.CacheEntries > 0 && kind != "lookup" {
		s.job.fail(fmt.Errorf("operator %q: LookupCache is an option of Lookup", name))
	}
	n := s.job.add(&graph.Node{Name: name, Kind: kind, Inputs: []graph.Input{s.input()}, Outputs: []event.Type{event.TypeOf[U]()},
		Operator: func() operator.Operator { return make(cfg) }}, rest)
	if cfg.Unordered {
		n.Order.Breaks = "Unordered() (in YAML ordered: false)"
	}
	return &Stream[U]{job: s.job, node: n}
}
