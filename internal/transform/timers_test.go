package transform

import (
	"cmp"
	"slices"
	"testing"

	"github.com/affluxdev/afflux/event"
	"pgregory.net/rapid"
)

// modelTimer is a timer of the model, with when it was added.
type modelTimer struct {
	time  event.Time
	slot  uint32
	order int
}

// hashOfSlot gives several slots one hash.
func hashOfSlot(slot uint32) uint64 { return uint64(slot%7)*0x9e3779b97f4a7c15 + 1 }

func TestTimersAgainstSortedList(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var q timers
		var want []modelTimer
		order := 0
		wide := rapid.Bool().Draw(r, "wide")
		times := rapid.Int64Range(-20, 200)
		if wide {
			times = rapid.Int64()
		}
		first := func() int {
			least := -1
			for i := range want {
				if least < 0 || cmp.Or(cmp.Compare(want[i].time, want[least].time), cmp.Compare(want[i].order, want[least].order)) < 0 {
					least = i
				}
			}
			return least
		}
		for range rapid.IntRange(1, 400).Draw(r, "steps") {
			at := event.Time(times.Draw(r, "time"))
			slot := uint32(rapid.IntRange(0, 12).Draw(r, "slot"))
			i := slices.IndexFunc(want, func(m modelTimer) bool { return m.time == at && m.slot == slot })
			switch rapid.IntRange(0, 6).Draw(r, "op") {
			case 0, 1, 2:
				if q.add(at, hashOfSlot(slot), slot) != (i < 0) {
					r.Fatalf("add of %v for %d: wrong answer", at, slot)
				}
				if i < 0 {
					order++
					want = append(want, modelTimer{at, slot, order})
				}
			case 3:
				if len(want) > 0 && rapid.Bool().Draw(r, "of one that is there") {
					i = rapid.IntRange(0, len(want)-1).Draw(r, "which")
					at, slot = want[i].time, want[i].slot
				}
				if q.remove(at, hashOfSlot(slot), slot) != (i >= 0) {
					r.Fatalf("remove of %v for %d: wrong answer", at, slot)
				}
				if i >= 0 {
					want = slices.Delete(want, i, i+1)
				}
			case 4: // take all up to a time
				for {
					got, ok := q.pop(at)
					i := first()
					if ok != (i >= 0 && want[i].time <= at) {
						r.Fatalf("pop up to %v: got %v, %v", at, got, ok)
					}
					if !ok {
						break
					}
					if w := want[i]; got.time != w.time || got.slot != w.slot || got.hash != hashOfSlot(w.slot) {
						r.Fatalf("popped %v, want %v", got, w)
					}
					want = slices.Delete(want, i, i+1)
				}
			case 5: // take one
				got, ok := q.pop(event.MaxTime)
				i := first()
				if ok != (i >= 0) {
					r.Fatalf("pop: got %v, %v", got, ok)
				}
				if ok {
					if w := want[i]; got.time != w.time || got.slot != w.slot {
						r.Fatalf("popped %v, want %v", got, w)
					}
					want = slices.Delete(want, i, i+1)
				}
			}
			if q.len() != len(want) {
				r.Fatalf("%d timers, want %d", q.len(), len(want))
			}
			if q.total < q.len() || q.total > 2*q.len()+65 && q.total > 2*order {
				r.Fatalf("%d entries for %d timers", q.total, q.len())
			}
			if e, ok := q.earliest(); ok != (len(want) > 0) || ok && e > want[first()].time {
				r.Fatalf("earliest is %v, %v; want at most %v", e, ok, want)
			}
		}
	})
}

// Timers that are moved all the time, like those of sessions, do not pile up.
func TestDeletedTimersAreDropped(t *testing.T) {
	var q timers
	const keys = 1000
	for i := range 1_000_000 {
		slot := uint32(i % keys)
		if i >= keys && !q.remove(event.Time(i-keys), hashOfSlot(slot), slot) {
			t.Fatal("a timer is lost")
		}
		q.add(event.Time(i), hashOfSlot(slot), slot)
	}
	if q.len() != keys || q.bytes() > 1<<20 {
		t.Errorf("%d timers in %d bytes", q.len(), q.bytes())
	}
	for i := range keys {
		if got, ok := q.pop(event.MaxTime); !ok || got.time != event.Time(1_000_000-keys+i) {
			t.Fatalf("popped %v, %v", got, ok)
		}
	}
	if q.bytes() > 512<<10 {
		t.Errorf("%d bytes for no timer", q.bytes())
	}
}

func BenchmarkTimers(b *testing.B) {
	const n = 1 << 20
	for b.Loop() {
		var q timers
		for i := range uint64(n) {
			h := event.HashUint64(i)
			q.add(event.Time(h%3_600_000_000_000), h, uint32(i))
		}
		for {
			if _, ok := q.pop(event.MaxTime); !ok {
				break
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/timer")
}
