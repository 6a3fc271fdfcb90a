package operatortest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/affluxdev/afflux/guard"
	"github.com/affluxdev/afflux/internal/transform"
	"github.com/affluxdev/afflux/operator"
)

func TestLookup(t *testing.T) {
	want := good(func(v int) []string {
		if v%5 == 0 {
			return []string{fmt.Sprint(v, " none")}
		}
		return []string{fmt.Sprint(v, " ", v%10)}
	})
	for _, entries := range []int{0, 2, 1000} {
		for _, unordered := range []bool{false, true} {
			t.Run(fmt.Sprint(entries, " entries, unordered ", unordered), func(t *testing.T) {
				Test(t, Harness[int, string]{
					Input: integers(), Ordered: !unordered, Want: want, Policy: operator.Skip, Refused: refused(),
					New: func() operator.Operator {
						tries := map[int]int{}
						cfg := transform.AsyncConfig{InFlight: 4, Unordered: unordered, Bytes: 100, CacheEntries: entries, CacheTTL: time.Hour,
							Policy: guard.Policy{Retries: 1, Backoff: time.Nanosecond, MaxBackoff: time.Nanosecond}}
						return transform.NewLookup(cfg, func(v *int) int { return *v % 10 },
							func(_ context.Context, k int) (int, bool, error) {
								if tries[k]++; tries[k] == 1 {
									return 0, false, errors.New("try again")
								}
								return k, k%5 != 0, nil
							},
							func(v *int, found *int) string {
								boom(*v)
								if found == nil {
									return fmt.Sprint(*v, " none")
								}
								return fmt.Sprint(*v, " ", *found)
							}, &transform.LookupCache[int, int]{})
					},
				})
			})
		}
	}
}
