package afflux

import (
	"context"
	"fmt"
	"time"

	"github.com/affluxdev/afflux/internal/transform"
	"github.com/affluxdev/afflux/operator"
)

// Lookup joins each record with what an outside system knows of its key, at the
// time when the record comes. fetch asks for one key, and says whether there is
// anything; join makes the result, with found nil if there is nothing.
//
// Both may be called by many goroutines at once. What found points to may be
// shared with other records: join must not change it. The options of MapAsync
// apply; without LookupCache, fetch is called for each record. What happens with
// a record whose fetch failed for good is set by OnError.
func (s *Stream[T]) Lookup[K comparable, V, U any](name string, key func(*T) K, fetch func(ctx context.Context, key K) (value V, found bool, err error), join func(v *T, found *V) U, options ...AsyncOption) *Stream[U] {
	cache := &transform.LookupCache[K, V]{}
	return async[T, U](s, name, "lookup", func(cfg transform.AsyncConfig) operator.Operator {
		return transform.NewLookup(cfg, key, fetch, join, cache)
	}, options)
}

// LookupCache keeps up to so many answers of a Lookup, also those that there is
// nothing for a key, and each for ttl at most; with a ttl of 0, until others
// need the place. All subtasks of the operator in a process share them. Records
// whose answer is there need no call, and keys that several records ask for at
// once are fetched once. The counters cache_hits and cache_misses of the
// operator tell how much that saves.
func LookupCache(entries int, ttl time.Duration) AsyncOption {
	return asyncOption(func(c *transform.AsyncConfig) error {
		if entries < 1 || ttl < 0 {
			return fmt.Errorf("LookupCache(%d, %v): it needs at least 1 entry and a time that is not negative", entries, ttl)
		}
		c.CacheEntries, c.CacheTTL = entries, ttl
		return nil
	})
}
