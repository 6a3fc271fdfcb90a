package afflux_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/connector/memory"
	"github.com/affluxdev/afflux/event"
)

// register is an outside system that knows every third key not, and counts what
// it is asked.
type register struct {
	mu    sync.Mutex
	asked map[string]int
}

func (r *register) fetch(_ context.Context, key string) (int, bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.asked == nil {
		r.asked = map[string]int{}
	}
	r.asked[key]++
	if r.asked[key] == 1 && len(key)%5 == 4 {
		return 0, false, errors.New("try again")
	}
	return 100 * len(key), len(key)%3 != 0, nil
}

func keyOf(v *int) string { return strings.Repeat("k", *v%40) }

func describe(v *int, found *int) string {
	if found == nil {
		return fmt.Sprint(*v, " none")
	}
	return fmt.Sprint(*v, " ", *found)
}

func TestLookupAgainstBruteForce(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	rapid.Check(t, func(rt *rapid.T) {
		in := rapid.SliceOfN(rapid.IntRange(0, 1000), 0, 500).Draw(rt, "records")
		p := rapid.SampledFrom([]int{1, 2, 5}).Draw(rt, "parallelism")
		cached := rapid.SampledFrom([]int{0, 3, 1000}).Draw(rt, "entries")
		unordered := rapid.Bool().Draw(rt, "unordered")
		options := []afflux.AsyncOption{afflux.InFlight(rapid.IntRange(1, 20).Draw(rt, "in flight")), afflux.RetryBackoff(1, time.Microsecond, time.Microsecond)}
		if cached > 0 {
			options = append(options, afflux.LookupCache(cached, 0))
		}
		if unordered {
			options = append(options, afflux.Unordered())
		}
		if rapid.Bool().Draw(rt, "few bytes") {
			options = append(options, afflux.InFlightBytes(40))
		}
		var r register
		out := memory.Sink[string]()
		j := afflux.NewJob("t", afflux.Buffers(2, 256))
		s := afflux.From(j, "numbers", memory.Source(in), afflux.Parallelism(1))
		if p > 1 {
			s = s.Rebalance()
			options = append(options, afflux.Parallelism(p))
		}
		s.Lookup("lookup", keyOf, r.fetch, describe, options...).To("out", out)
		if err := j.Run(t.Context()); err != nil {
			rt.Fatal(err)
		}
		var want []string
		keys := map[string]bool{}
		for _, v := range in {
			n := v % 40
			keys[keyOf(&v)] = true
			if n%3 == 0 {
				want = append(want, fmt.Sprint(v, " none"))
			} else {
				want = append(want, fmt.Sprint(v, " ", 100*n))
			}
		}
		got := out.Values()
		if p > 1 || unordered {
			slices.Sort(got)
			slices.Sort(want)
		}
		if !slices.Equal(got, want) {
			rt.Fatalf("got\n%v\nwant\n%v", got, want)
		}
		if cached < len(keys) {
			return
		}
		for key, n := range r.asked {
			if most := 1 + len(key)%5/4; n != most {
				rt.Fatalf("a key of %d letters was fetched %d times, want %d", len(key), n, most)
			}
		}
	})
}

// Records of a key that is being fetched wait for the one call, in all subtasks.
func TestLookupFetchesAKeyOnce(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	in := make([]int, 200)
	var r register
	out := memory.Sink[string]()
	j := afflux.NewJob("t")
	afflux.From(j, "numbers", memory.Source(in), afflux.Parallelism(1)).Rebalance().
		Lookup("lookup", keyOf, r.fetch, describe, afflux.LookupCache(10, time.Hour), afflux.Parallelism(3)).To("out", out)
	if err := j.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(out.Values()) != len(in) || r.asked[""] != 1 {
		t.Errorf("%d results of %d, fetched %d times", len(out.Values()), len(in), r.asked[""])
	}
}

// What a function of the user refuses is the record's fault alone, whether its
// answer was at hand or not.
func TestLookupRefuses(t *testing.T) {
	for _, cache := range []bool{false, true} {
		for where, want := range map[string]int{"key": 190, "fetch": 190, "error": 190, "join": 190} {
			in := make([]int, 200)
			for i := range in {
				in[i] = i % 20
			}
			out, letters := memory.Sink[string](), memory.Sink[event.DeadLetter]()
			j := afflux.NewJob("t")
			j.DeadLetters("letters", letters)
			fail := func(at string, v int) {
				if at == where && v == 7 {
					panic("oops")
				}
			}
			options := []afflux.AsyncOption{afflux.OnError(afflux.DeadLetter)}
			if cache {
				options = append(options, afflux.LookupCache(100, time.Hour))
			}
			afflux.From(j, "numbers", memory.Source(in), afflux.Parallelism(1)).
				Lookup("lookup", func(v *int) int { fail("key", *v); return *v },
					func(_ context.Context, k int) (int, bool, error) {
						fail("fetch", k)
						if where == "error" && k == 7 {
							return 0, false, errors.New("oops")
						}
						return k, true, nil
					},
					func(v, found *int) string { fail("join", *v); return fmt.Sprint(*v, *found) }, options...).
				To("out", out)
			if err := j.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n := len(out.Values()); n != want || len(letters.Values()) != len(in)-want {
				t.Errorf("%s with a cache %v: %d results, %d letters", where, cache, n, len(letters.Values()))
			}
			for _, l := range letters.Values() {
				if l.Record != "7" || !strings.Contains(l.Reason, "oops") {
					t.Errorf("%s with a cache %v: %+v", where, cache, l)
				}
			}
		}
	}
}

func TestLookupOptions(t *testing.T) {
	for want, build := range map[string]func(s *afflux.Stream[int]) *afflux.Stream[string]{
		"LookupCache is an option of Lookup": func(s *afflux.Stream[int]) *afflux.Stream[string] {
			return s.MapAsync("op", func(context.Context, *int) (string, error) { return "", nil }, afflux.LookupCache(1, 0))
		},
		"at least 1 entry": func(s *afflux.Stream[int]) *afflux.Stream[string] {
			return s.Lookup("op", keyOf, new(register).fetch, describe, afflux.LookupCache(0, 0))
		},
		"must be positive": func(s *afflux.Stream[int]) *afflux.Stream[string] {
			return s.Lookup("op", keyOf, new(register).fetch, describe, afflux.InFlightBytes(0))
		},
	} {
		j := afflux.NewJob("t")
		build(afflux.From(j, "numbers", memory.Source([]int{1}))).To("out", memory.Sink[string]())
		if err := j.Run(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
