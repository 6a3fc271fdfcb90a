package transform

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/affluxdev/afflux/event"
	"pgregory.net/rapid"
)

// A capture of timers has what the queue held, in the order in which it was
// added, whatever the queue does before the capture is read.
func TestTimersAreCaptured(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var q timers
		var held []modelTimer
		order := 0
		times := rapid.Int64Range(-20, 200)
		if rapid.Bool().Draw(r, "wide") {
			times = rapid.Int64()
		}
		type taken struct {
			timerCapture
			want []modelTimer
		}
		var captures []taken
		for range rapid.IntRange(1, 300).Draw(r, "steps") {
			at, slot := event.Time(times.Draw(r, "time")), uint32(rapid.IntRange(0, 12).Draw(r, "slot"))
			switch rapid.IntRange(0, 9).Draw(r, "op") {
			default:
				if q.add(at, hashOfSlot(slot), slot) {
					order++
					held = append(held, modelTimer{at, slot, order})
				}
			case 0, 1, 2:
				if len(held) == 0 {
					continue
				}
				i := rapid.IntRange(0, len(held)-1).Draw(r, "which")
				q.remove(held[i].time, hashOfSlot(held[i].slot), held[i].slot)
				held = slices.Delete(held, i, i+1)
			case 3:
				for {
					got, ok := q.pop(at)
					if !ok {
						break
					}
					held = slices.DeleteFunc(held, func(m modelTimer) bool { return m.time == got.time && m.slot == got.slot })
				}
			case 4:
				captures = append(captures, taken{q.capture(), slices.Clone(held)})
			case 5:
				q.compact()
			}
		}
		for _, c := range captures {
			type aged struct {
				timer
				age uint32
			}
			var got []aged
			if err := c.each(func(t timer, age uint32) error { got = append(got, aged{t, age}); return nil }); err != nil {
				r.Fatal(err)
			}
			slices.SortFunc(got, func(a, b aged) int { return cmp.Compare(b.age, a.age) })
			same := slices.EqualFunc(got, c.want, func(g aged, w modelTimer) bool {
				return g.time == w.time && g.slot == w.slot && g.hash == hashOfSlot(w.slot)
			})
			if !same || c.n != len(c.want) {
				r.Fatalf("captured %v (%d), want %v", got, c.n, c.want)
			}
		}
	})
}

func TestAlarmsAreCaptured(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		q := newAlarms[string](time.Duration(rapid.Int64Range(1, 100).Draw(r, "span")))
		var held []string
		type taken struct {
			*alarmCapture[string]
			want []string
		}
		var captures []taken
		wm := event.Time(-300)
		for i := range rapid.IntRange(1, 200).Draw(r, "steps") {
			switch rapid.IntRange(0, 9).Draw(r, "op") {
			default:
				a := alarm[string]{at: wm + event.Time(rapid.Int64Range(-10, 300).Draw(r, "at")), hash: uint64(i + 1), key: fmt.Sprint("key ", i)}
				q.add(a)
				held = append(held, fmt.Sprint(a))
			case 0, 1:
				wm += event.Time(rapid.Int64Range(0, 100).Draw(r, "advance"))
				for {
					a, ok := q.pop(wm)
					if !ok {
						break
					}
					held = slices.DeleteFunc(held, func(h string) bool { return h == fmt.Sprint(a) })
				}
			case 2:
				captures = append(captures, taken{q.capture(), slices.Clone(held)})
			}
		}
		for _, c := range captures {
			var piece bytes.Buffer
			if err := c.Write(&piece); err != nil {
				r.Fatal(err)
			}
			half := func(hash uint64) bool { return hash%2 == 0 }
			var got []string
			for _, owns := range []func(uint64) bool{half, func(h uint64) bool { return !half(h) }} {
				if err := alarmsFrom(owns, func(a alarm[string]) {
					if !owns(a.hash) {
						r.Fatalf("alarm %v belongs to another subtask", a)
					}
					got = append(got, fmt.Sprint(a))
				})(bytes.NewReader(piece.Bytes())); err != nil {
					r.Fatal(err)
				}
			}
			slices.Sort(got)
			slices.Sort(c.want)
			if !slices.Equal(got, c.want) {
				r.Fatalf("captured %v, want %v", got, c.want)
			}
		}
	})
}

// BenchmarkCaptureTimers measures how long processing stops for a snapshot of a
// million timers that are set and deleted all the time.
func BenchmarkCaptureTimers(b *testing.B) {
	const n = 1 << 20
	var q timers
	var keys slotKeys[uint64]
	for i := range uint64(n) {
		h := event.HashUint64(i)
		q.add(event.Time(h%3_600_000_000_000), h, uint32(i))
		keys.set(uint32(i), i)
	}
	next := uint64(n)
	longest := time.Duration(0)
	for b.Loop() {
		start := time.Now()
		_, pages := q.capture(), keys.capture()
		longest = max(longest, time.Since(start))
		for range 1000 { // each of these has to copy what the capture shares
			h := event.HashUint64(next - n)
			q.remove(event.Time(h%3_600_000_000_000), h, uint32((next-n)%n))
			h = event.HashUint64(next)
			q.add(event.Time(h%3_600_000_000_000), h, uint32(next%n))
			keys.set(uint32(next%n), next)
			next++
		}
		_ = pages
	}
	b.ReportMetric(float64(longest.Microseconds()), "longest-us")
}
