package transform

import (
	"context"
	"testing"
	"time"
)

// An answer counts for its time, also one that there is nothing.
func TestLookupCacheForgets(t *testing.T) {
	now := time.Unix(1000, 0)
	for _, found := range []bool{true, false} {
		var c LookupCache[string, int]
		if err := c.open(AsyncConfig{CacheEntries: 10, CacheTTL: time.Minute}, func() time.Time { return now }); err != nil {
			t.Fatal(err)
		}
		fetched := 0
		load := c.loader(func(context.Context, string) (int, bool, error) { fetched++; return 7, found, nil })
		for _, step := range []struct {
			after time.Duration
			want  int // fetches so far
		}{{0, 1}, {59 * time.Second, 1}, {2 * time.Second, 2}, {30 * time.Second, 2}} {
			now = now.Add(step.after)
			a, err := c.answers.Get(t.Context(), "k", load)
			if err != nil || (a.known() != nil) != found {
				t.Fatal(a, err)
			}
			if fetched != step.want {
				t.Errorf("found %v: %d fetches after %v, want %d", found, fetched, step.after, step.want)
			}
		}
	}
}

// There are never more answers than the user has asked for.
func TestLookupCacheIsBounded(t *testing.T) {
	const most = 100
	var c LookupCache[int, int]
	if err := c.open(AsyncConfig{CacheEntries: most}, time.Now); err != nil {
		t.Fatal(err)
	}
	load := c.loader(func(_ context.Context, k int) (int, bool, error) { return k, true, nil })
	for k := range 50 * most {
		if a, err := c.answers.Get(t.Context(), k, load); err != nil || *a.known() != k {
			t.Fatal(a, err)
		}
	}
	c.answers.CleanUp()
	if n := c.answers.EstimatedSize(); n > most || n < most/2 {
		t.Errorf("%d answers are kept, want about %d", n, most)
	}
}
