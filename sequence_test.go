package afflux_test

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/connector/memory"
	"github.com/affluxdev/afflux/event"
)

type pingPair struct{ A, B ping }

func isA(v *ping) bool { return v.Kind == "a" }
func isB(v *ping) bool { return v.Kind == "b" }

// bOrEven overlaps with isA, so that a record can be both.
func bOrEven(v *ping) bool { return v.Kind == "b" || v.N%2 == 0 }

// followedModel looks at all pairs of records.
func followedModel(all []ping, first, second func(*ping) bool, within time.Duration) (matches []pingPair, missed []ping) {
	byUser := map[int][]ping{}
	for _, v := range all {
		byUser[v.User] = append(byUser[v.User], v)
	}
	for _, list := range byUser {
		for i := range list {
			if !first(&list[i]) {
				continue
			}
			best := -1
			for j := range list {
				if second(&list[j]) && list[j].At > list[i].At && list[j].At <= list[i].At.Add(within) && (best < 0 || list[j].At < list[best].At) {
					best = j
				}
			}
			if best < 0 {
				missed = append(missed, list[i])
			} else {
				matches = append(matches, pingPair{list[i], list[best]})
			}
		}
	}
	return matches, missed
}

// uniqueTimes leaves one record for each user and time, since arrival decides
// between several.
func uniqueTimes(all []ping) (out []ping) {
	type at struct {
		user int
		at   event.Time
	}
	seen := map[at]bool{}
	for _, v := range all {
		if k := (at{v.User, v.At}); !seen[k] {
			seen[k] = true
			out = append(out, v)
		}
	}
	return out
}

func TestSequencesAgainstModel(t *testing.T) {
	const within = 120
	all := uniqueTimes(pings(11, 20_000/part, 30))
	for name, second := range map[string]func(*ping) bool{"apart": isB, "overlapping": bOrEven} {
		matches, missed := followedModel(all, isA, second, within)
		if len(matches) < 1000/part || len(missed) < 500/part {
			t.Fatalf("%s: %d matches, %d misses: the input is not good", name, len(matches), len(missed))
		}
		atParallelism(t, func(t *testing.T, options ...afflux.JobOption) {
			j := afflux.NewJob("t", options...)
			var pairs collector[pingPair]
			var alone collector[ping]
			keyedPings(j, all).FollowedBy("then", isA, second, within, func(a, b *ping) pingPair { return pingPair{*a, *b} }).To("pairs", &pairs)
			byUser := afflux.From(j, "again", memory.Source(all)).
				EventTime(func(v *ping) event.Time { return v.At }, afflux.OutOfOrder(outOfOrder)).
				KeyBy("user", func(v *ping) int { return v.User })
			byUser.NotFollowedBy("alone", isA, second, within).To("out", &alone)
			if err := run(t, j); err != nil {
				t.Fatal(err)
			}
			equalSets(t, name+" matches", pairs.got, matches)
			equalSets(t, name+" misses", alone.got, missed)
		})
	}
}

func TestFirstAndLastAgainstModel(t *testing.T) {
	all := uniqueTimes(pings(13, 20_000/part, 500))
	firsts, lasts := map[int]ping{}, map[int]ping{}
	for _, v := range all {
		if f, ok := firsts[v.User]; !ok || v.At < f.At {
			firsts[v.User] = v
		}
		if l, ok := lasts[v.User]; !ok || v.At >= l.At {
			lasts[v.User] = v
		}
	}
	atParallelism(t, func(t *testing.T, options ...afflux.JobOption) {
		j := afflux.NewJob("t", options...)
		var first, last, once collector[ping]
		keyed := keyedPings(j, all)
		keyed.First("first").To("first out", &first)
		keyed.Last("last").To("last out", &last)
		keyed.Deduplicate("once", 0).To("once out", &once)
		if err := run(t, j); err != nil {
			t.Fatal(err)
		}
		equalSets(t, "first", first.got, valuesOf(firsts))
		newest := map[int]ping{}
		for _, v := range last.got {
			if n, ok := newest[v.User]; ok && v.At < n.At {
				t.Fatalf("user %d: %v comes after %v", v.User, v, n)
			}
			newest[v.User] = v
		}
		equalSets(t, "last", valuesOf(newest), valuesOf(lasts))
		users := map[int]bool{}
		for _, v := range once.got {
			if users[v.User] {
				t.Fatalf("user %d comes twice", v.User)
			}
			users[v.User] = true
		}
		if len(users) != len(firsts) {
			t.Fatalf("%d users, want %d", len(users), len(firsts))
		}
	})
}

func valuesOf[K comparable, V any](m map[K]V) (out []V) {
	for _, v := range m {
		out = append(out, v)
	}
	return out
}

func TestTopAgainstSort(t *testing.T) {
	const n = 3
	all := pings(17, 10_000, 50)
	score := func(v *ping) int { return v.N * 7919 % 10_007 } // no two alike
	want := map[int][]ping{}
	for _, v := range all {
		want[v.User] = append(want[v.User], v)
	}
	for u, list := range want {
		slices.SortFunc(list, func(a, b ping) int { return cmp.Compare(score(&b), score(&a)) })
		want[u] = list[:n]
	}
	top := afflux.Top(n, score)
	atParallelism(t, func(t *testing.T, options ...afflux.JobOption) {
		j := afflux.NewJob("t", options...)
		var out collector[afflux.KV[int, []ping]]
		keyedPings(j, all).Aggregate("top", top).To("out", &out)
		if err := run(t, j); err != nil {
			t.Fatal(err)
		}
		got := map[int][]ping{}
		for _, kv := range out.got { // the last one of each key
			got[kv.Key] = kv.Value
		}
		equalSets(t, "top", valuesOf(got), valuesOf(want))
	})
	// The same in two parts.
	var a, b, whole []ping
	least, most := afflux.MinBy(score), afflux.MaxBy(score)
	var l1, l2, m1, m2 afflux.Chosen[ping]
	for i := range all {
		top.Add(&whole, &all[i])
		if i%2 == 0 {
			top.Add(&a, &all[i])
			least.Add(&l1, &all[i])
			most.Add(&m1, &all[i])
		} else {
			top.Add(&b, &all[i])
			least.Add(&l2, &all[i])
			most.Add(&m2, &all[i])
		}
	}
	top.Merge(&a, &b)
	least.Merge(&l1, &l2)
	most.Merge(&m1, &m2)
	if !slices.Equal(top.Result(&a), top.Result(&whole)) {
		t.Errorf("merged %v, want %v", a, whole)
	}
	byScore := func(a, b ping) int { return cmp.Compare(score(&a), score(&b)) }
	if least.Result(&l1) != slices.MinFunc(all, byScore) || most.Result(&m1) != slices.MaxFunc(all, byScore) {
		t.Errorf("least %v, most %v", l1, m1)
	}
}
