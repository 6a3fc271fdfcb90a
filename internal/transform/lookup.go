package transform

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/affluxdev/afflux/guard"
	"github.com/affluxdev/afflux/operator"
)

// Fetch asks an outside system what it knows of a key, and whether it knows
// anything. It is called by many goroutines at once.
type Fetch[K comparable, V any] func(ctx context.Context, key K) (value V, found bool, err error)

// LookupCache keeps what an outside system has said, also that it knows nothing
// of a key. All subtasks of an operator share one; keys that several ask for at
// once are fetched once.
type LookupCache[K comparable, V any] struct {
	once    sync.Once
	answers *otter.Cache[K, *answer[V]]
	err     error
}

// answer is what the outside system has said of a key; it is not changed.
type answer[V any] struct {
	value V
	found bool
}

// known is the value, nil if there is none.
func (a *answer[V]) known() *V {
	if !a.found {
		return nil
	}
	return &a.value
}

// open makes the cache ready, by the first subtask that comes.
func (c *LookupCache[K, V]) open(cfg AsyncConfig, now func() time.Time) error {
	c.once.Do(func() {
		o := otter.Options[K, *answer[V]]{
			MaximumSize: cfg.CacheEntries,
			// No goroutine of the cache's own outlives the job.
			Executor: func(f func()) { f() },
			Clock:    cacheClock(now),
		}
		if cfg.CacheTTL > 0 {
			o.ExpiryCalculator = otter.ExpiryWriting[K, *answer[V]](cfg.CacheTTL)
		}
		c.answers, c.err = otter.New(&o)
	})
	return c.err
}

// loader makes what asks for a key that is not there.
func (c *LookupCache[K, V]) loader(fetch Fetch[K, V]) otter.Loader[K, *answer[V]] {
	return otter.LoaderFunc[K, *answer[V]](func(ctx context.Context, k K) (a *answer[V], err error) {
		defer func() {
			if v := recover(); v != nil {
				err = guard.Permanent(operator.Panicked(v))
			}
		}()
		return ask(ctx, k, fetch)
	})
}

// cacheClock is the time of the task. Answers that are too old go when they are
// asked for or when others need their place.
type cacheClock func() time.Time

// NowNano implements otter.Clock.
func (c cacheClock) NowNano() int64 { return c().UnixNano() }

// Tick implements otter.Clock.
func (c cacheClock) Tick(time.Duration) <-chan time.Time { return nil }

// Lookup joins each record with what an outside system knows of its key.
type Lookup[T any, K comparable, V, U any] struct {
	*Async[T, U]
	cache *LookupCache[K, V]
}

// NewLookup returns the operator. Without a cache every record is a call.
func NewLookup[T any, K comparable, V, U any](cfg AsyncConfig, key func(*T) K, fetch Fetch[K, V], join func(*T, *V) U, cache *LookupCache[K, V]) operator.Operator {
	if cfg.CacheEntries == 0 {
		return newEach(cfg, func(ctx context.Context, v *T) (u U, err error) {
			a, err := ask(ctx, key(v), fetch)
			if err != nil {
				return u, err
			}
			return join(v, a.known()), nil
		})
	}
	copyKey := keyCopier[K]()
	load := cache.loader(fetch)
	o := &Lookup[T, K, V, U]{cache: cache}
	o.Async = newEach(cfg, func(ctx context.Context, v *T) (u U, err error) {
		k := key(v)
		if copyKey != nil {
			copyKey(&k)
		}
		a, err := cache.answers.Get(ctx, k, load)
		if err != nil {
			return u, err
		}
		return join(v, a.known()), nil
	})
	o.queueLimit *= 2 // results that were at hand lie between calls
	o.atHand = func(v *T) (u U, ok bool) {
		a, ok := cache.answers.GetIfPresent(key(v))
		if !ok {
			return u, false
		}
		return join(v, a.known()), true
	}
	return o
}

func ask[K comparable, V any](ctx context.Context, k K, fetch Fetch[K, V]) (*answer[V], error) {
	value, found, err := fetch(ctx, k)
	if err != nil {
		return nil, err
	}
	return &answer[V]{value, found}, nil
}

// Open implements operator.Operator.
func (o *Lookup[T, K, V, U]) Open(ctx operator.Context) error {
	if err := o.cache.open(o.cfg, ctx.Now); err != nil {
		return fmt.Errorf("the cache: %w", err)
	}
	return o.Async.Open(ctx)
}
