package exchange

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/credit"
)

// motor is the host of an output: it parks its goroutine.
type motor struct{ waker *Waker }

func (m motor) WaitCredit(c *Channel, n int64, _ bool) bool {
	if !c.Arm(n) {
		m.waker.Park(0)
	}
	return false
}
func (m motor) Failed(err error) { panic(err) }

// stuck is a host that fails the test's call instead of waiting.
type stuck struct{}

func (stuck) WaitCredit(*Channel, int64, bool) bool { panic("would wait") }
func (stuck) Failed(err error)                      { panic(err) }

const batchSize = 256

func ledger() credit.Config {
	return credit.Config{Floor: 2 * batchSize, Floating: 4 * batchSize, Reserve: 8 * batchSize, Ceiling: 4 * batchSize, Min: 32, Start: batchSize}
}

// mesh joins outputs to gates, each to each.
func mesh(from, to int, cfg Config, typ event.Type, host func(*Waker) Host) ([]*Output, []*Gate, []*Waker) {
	var in, out []*Waker
	for range from {
		in = append(in, NewWaker())
	}
	for range to {
		out = append(out, NewWaker())
	}
	channels := make([][]*Channel, to)
	var outputs []*Output
	cfg.Batch, cfg.Largest = batchSize, ledger().Largest()
	for f := range from {
		var mine []*Channel
		for t := range to {
			c := NewChannel(4, in[f], out[t])
			mine, channels[t] = append(mine, c), append(channels[t], c)
		}
		outputs = append(outputs, NewOutput(cfg, typ, mine, host(in[f])))
	}
	var gates []*Gate
	for t := range to {
		gates = append(gates, NewGate(ledger(), channels[t]))
	}
	return outputs, gates, out
}

// receive reads a gate to its end.
func receive(g *Gate, w *Waker, each func(in Input)) error {
	for {
		in, ok, err := g.Next()
		switch {
		case err != nil:
			return err
		case !ok && g.Ended():
			return g.Check()
		case !ok:
			if !g.Arm() {
				w.Park(0)
			}
			continue
		}
		each(in)
		if err := g.Release(); err != nil {
			return err
		}
	}
}

// TestThousandsOfBatches sends records of every size from three goroutines to
// two over rings of four slots.
func TestThousandsOfBatches(t *testing.T) {
	defer goleak.VerifyNone(t)
	hash := func(b event.Batch) {
		r, h := b.(*event.Records[string]), b.KeyHashes()
		for i, v := range r.Values {
			h[i] = event.HashString(v)
		}
	}
	for _, p := range []event.Partition{event.Hash, event.Rebalance, event.Broadcast} {
		t.Run(p.String(), func(t *testing.T) {
			const n = 5000
			outputs, gates, wakers := mesh(3, 2, Config{Partition: p, Hasher: hash}, event.TypeOf[string](), func(w *Waker) Host { return motor{w} })
			var wg sync.WaitGroup
			for f, o := range outputs {
				wg.Go(func() {
					rng := rand.New(rand.NewPCG(uint64(f), 1))
					b := event.NewRecords[string](8)
					for i := range n {
						size := rng.IntN(40)
						if rng.IntN(100) == 0 {
							size = rng.IntN(6 * batchSize)
						}
						b.Append(fmt.Sprint(f, " ", i, " ", strings.Repeat("x", size)), event.Time(i))
						if rng.IntN(5) == 0 {
							o.Emit(b)
							o.Watermark(event.Time(i))
						}
						if rng.IntN(50) == 0 {
							o.Flush()
						}
					}
					o.Emit(b)
					o.End()
				})
			}
			got := make([][]string, len(gates))
			for i, g := range gates {
				wg.Go(func() {
					last := event.MinTime
					err := receive(g, wakers[i], func(in Input) {
						if in.Batch != nil {
							r := in.Batch.(*event.Records[string])
							got[i] = append(got[i], r.Values...)
							for _, at := range r.Times {
								if at <= last {
									t.Errorf("a record of %d comes behind the watermark %d", at, last)
								}
							}
						}
						if in.Advanced != (in.Watermark > last) {
							t.Errorf("the watermark went from %d to %d, advanced: %v", last, in.Watermark, in.Advanced)
						}
						last = in.Watermark
					})
					if err != nil {
						t.Error(err)
					}
					if last != event.MaxTime {
						t.Errorf("the watermark ends at %d", last)
					}
				})
			}
			wg.Wait()
			all := slices.Concat(got...)
			want := 3 * n
			if p == event.Broadcast {
				want *= 2
			}
			seen := map[string]int{}
			for _, v := range all {
				seen[v]++
			}
			if len(all) != want || len(seen) != 3*n {
				t.Errorf("%d records arrived, %d different, want %d", len(all), len(seen), want)
			}
		})
	}
}

// TestOrderOfAChannel reads what one sender gave in its order.
func TestOrderOfAChannel(t *testing.T) {
	outputs, gates, wakers := mesh(1, 1, Config{}, event.TypeOf[int](), func(w *Waker) Host { return motor{w} })
	var wg sync.WaitGroup
	wg.Go(func() {
		b := event.NewRecords[int](8)
		for i := range 20_000 {
			b.Append(i, 0)
			if i%7 == 0 {
				outputs[0].Emit(b)
			}
		}
		outputs[0].Emit(b)
		outputs[0].End()
	})
	next := 0
	err := receive(gates[0], wakers[0], func(in Input) {
		if in.Batch == nil {
			return
		}
		for _, v := range in.Batch.(*event.Records[int]).Values {
			if v != next {
				t.Errorf("got %d, want %d", v, next)
			}
			next = v + 1
		}
	})
	wg.Wait()
	if err != nil || next != 20_000 {
		t.Fatalf("the last record was %d: %v", next-1, err)
	}
}

// TestSomeRecordsHaveHashes mixes batches with and without key hashes in one
// open batch, as a union of arrows of two kinds does.
func TestSomeRecordsHaveHashes(t *testing.T) {
	outputs, gates, _ := mesh(1, 1, Config{}, event.TypeOf[string](), func(*Waker) Host { return stuck{} })
	hashed, plain := event.NewRecords[string](2), event.NewRecords[string](2)
	hashed.Append("a", 0)
	hashed.KeyHashes()[0] = 1
	plain.Append("b", 0)
	outputs[0].Emit(hashed)
	outputs[0].Emit(plain)
	outputs[0].Flush()
	in, ok, err := gates[0].Next()
	if !ok || err != nil || in.Batch.Len() != 2 {
		t.Fatalf("got %+v, %v, %v", in, ok, err)
	}
	// The next exchange spreads the batch.
	next, _, _ := mesh(1, 2, Config{Partition: event.Broadcast}, event.TypeOf[string](), func(*Waker) Host { return stuck{} })
	next[0].Emit(in.Batch)
	if n := next[0].OpenBytes(); n == 0 {
		t.Fatal("nothing arrived")
	}
}

// TestWatermarkRidesBehindItsRecords checks what a receiver sees of one batch
// and the watermark after it.
func TestWatermarkRidesBehindItsRecords(t *testing.T) {
	outputs, gates, _ := mesh(2, 1, Config{}, event.TypeOf[int](), func(*Waker) Host { return stuck{} })
	b := event.NewRecords[int](1)
	b.Append(1, 10)
	outputs[0].Emit(b)
	outputs[0].Watermark(10)
	outputs[0].Watermark(20) // collapses
	outputs[0].Flush()
	outputs[0].Flush() // nothing new
	outputs[1].Watermark(15)
	outputs[1].Flush()
	g := gates[0]
	want := []Input{{Bytes: 16, Watermark: event.MinTime}, {Watermark: 15, Advanced: true}}
	for i, w := range want {
		in, ok, err := g.Next()
		if !ok || err != nil || in.Bytes != w.Bytes || in.Watermark != w.Watermark || in.Advanced != w.Advanced || (in.Batch != nil) != (w.Bytes > 0) {
			t.Fatalf("input %d is %+v, %v, %v, want %+v", i, in, ok, err, w)
		}
		if err := g.Release(); err != nil {
			t.Fatal(err)
		}
	}
	if in, ok, _ := g.Next(); ok {
		t.Fatalf("a watermark was sent twice: %+v", in)
	}
}

// TestIdleInputsHoldNothingBack follows three senders to one receiver.
func TestIdleInputsHoldNothingBack(t *testing.T) {
	outputs, gates, _ := mesh(3, 1, Config{}, event.TypeOf[int](), func(*Waker) Host { return stuck{} })
	g := gates[0]
	a, b, c := outputs[0], outputs[1], outputs[2]
	step := func(name string, want Input) {
		t.Helper()
		var got Input
		for _, o := range outputs {
			o.Flush()
		}
		for {
			in, ok, err := g.Next()
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			got.Watermark, got.Idle = in.Watermark, in.Idle
			got.Advanced, got.Turned = got.Advanced || in.Advanced, got.Turned || in.Turned
			if err := g.Release(); err != nil {
				t.Fatal(err)
			}
		}
		if got != want {
			t.Fatalf("%s: %+v, want %+v", name, got, want)
		}
	}
	a.Watermark(100)
	b.Watermark(50)
	step("c holds it", Input{Watermark: event.MinTime})
	c.Idle(true)
	step("c is idle", Input{Watermark: 50, Advanced: true})
	a.Idle(true)
	a.Idle(false)
	step("a has turned twice", Input{})
	b.Idle(true)
	step("b is idle", Input{Watermark: 100, Advanced: true})
	b.Watermark(60)
	step("b moves while it is idle", Input{Watermark: 100})
	b.Idle(false)
	step("b is back, and behind: nothing goes back", Input{Watermark: 100})
	a.Watermark(200)
	step("b holds it", Input{Watermark: 100})
	b.Watermark(150)
	step("b has caught up", Input{Watermark: 150, Advanced: true})
	a.Idle(true)
	b.Idle(true)
	step("all are idle: the furthest", Input{Watermark: 200, Advanced: true, Idle: true, Turned: true})
	c.Watermark(250)
	step("an idle one is further", Input{Watermark: 250, Advanced: true, Idle: true})
	b.Idle(false)
	step("b is back", Input{Watermark: 250, Turned: true})
	b.Watermark(event.MaxTime)
	step("all but b are idle, and nothing comes from b", Input{Watermark: 250, Idle: true, Turned: true})
	b.Idle(true)
	step("it may be idle as well", Input{Watermark: 250, Idle: true})
	b.End()
	step("all that have not ended are idle", Input{Watermark: 250, Idle: true})
	a.End()
	step("one is left", Input{Watermark: 250, Idle: true})
	c.End()
	step("all have ended", Input{Watermark: event.MaxTime, Advanced: true, Turned: true})
	if !g.Ended() {
		t.Error("the gate has not ended")
	}
}

// TestTooLargeARecord says so instead of waiting for ever.
func TestTooLargeARecord(t *testing.T) {
	outputs, _, _ := mesh(1, 2, Config{Partition: event.Rebalance}, event.TypeOf[string](), func(*Waker) Host { return stuck{} })
	defer func() {
		if v := recover(); v == nil || !strings.Contains(fmt.Sprint(v), "raise MaxRecord") {
			t.Errorf("got %v", v)
		}
	}()
	b := event.NewRecords[string](1)
	b.Append(strings.Repeat("x", 20*batchSize), 0)
	outputs[0].Emit(b)
	outputs[0].Flush()
}
