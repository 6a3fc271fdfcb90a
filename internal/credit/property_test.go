package credit

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// peer is a sender that follows the protocol: it sends a batch when it has
// credit, and asks for credit when it has none.
type peer struct {
	held bool
	Sender
	batch    int64 // that it wants to send, 0 if none
	inFlight []int64
	consumed uint64
	old      []uint64 // announcements that may still arrive
}

func (p *peer) flying() int64 { return int64(p.Sent() - p.consumed) }

// TestAnyOrder lets senders and a receiver act in any order, with announcements
// that are lost, repeated and late, and demands that are out of date.
func TestAnyOrder(t *testing.T) { rapid.Check(t, anyOrder) }

func anyOrder(t *rapid.T) {
	small := rapid.Int64Range(0, 300)
	cfg := Config{
		Floor: rapid.Int64Range(1, 200).Draw(t, "floor"), Floating: small.Draw(t, "floating"), Reserve: small.Draw(t, "reserve"),
		Ceiling: rapid.Int64Range(1, 600).Draw(t, "ceiling"), Min: small.Draw(t, "min"), Start: small.Draw(t, "start"),
		Target: time.Duration(rapid.Int64Range(0, 3).Draw(t, "target")) * 100 * time.Millisecond,
	}
	n := rapid.IntRange(1, 4).Draw(t, "channels")
	g := NewGate(cfg, n)
	peers := make([]peer, n)
	pick := rapid.IntRange(0, n-1)
	holds, most := 0, 0 // channels that are held now, and ever were: by an aligning gate
	hold := func(i int, held bool) {
		if p := &peers[i]; p.held != held {
			p.held = held
			g.Hold(i, held)
			if holds--; held {
				holds += 2
			}
			most = max(most, holds)
		}
	}
	verify := func() {
		if err := g.Check(); err != nil {
			t.Fatal(err)
		}
		sum := int64(0)
		for i := range peers {
			p := &peers[i]
			if p.Available() < 0 || p.flying() < 0 || p.Sent() > g.Limit(i) {
				t.Fatalf("channel %d: sent %d, consumed %d, limit %d at the receiver", i, p.Sent(), p.consumed, g.Limit(i))
			}
			sum += g.Outstanding(i)
		}
		if bound := cfg.Pool(n) + int64(most)*cfg.Reserve; sum > bound {
			t.Fatalf("%d bytes outstanding of a pool of %d, with up to %d channels held", sum, bound, most)
		}
	}
	announce := func(i int) {
		p := &peers[i]
		p.old = append(p.old, g.Limit(i))
	}
	consume := func(i int) {
		p := &peers[i]
		if len(p.inFlight) == 0 || p.held {
			return
		}
		b := p.inFlight[0]
		p.inFlight = p.inFlight[1:]
		p.consumed += uint64(b)
		if _, err := g.Consumed(i, b); err != nil {
			t.Fatal(err)
		}
		announce(i)
	}
	send := func(i int) {
		p := &peers[i]
		if p.batch > 0 && p.batch <= p.Available() {
			if err := p.Send(p.batch); err != nil {
				t.Fatal(err)
			}
			p.inFlight = append(p.inFlight, p.batch)
			p.batch = 0
		}
	}
	ask := func(i int) {
		p := &peers[i]
		if p.batch <= p.Available() {
			return
		}
		if _, err := g.Demand(i, p.flying(), p.batch); err != nil {
			t.Fatal(err)
		}
		announce(i)
	}
	actions := map[string]func(*rapid.T){
		"": func(*rapid.T) { verify() },
		"fill": func(t *rapid.T) {
			if p := &peers[pick.Draw(t, "i")]; p.batch == 0 {
				p.batch = rapid.Int64Range(1, cfg.Largest()).Draw(t, "bytes")
			}
		},
		"send":    func(t *rapid.T) { send(pick.Draw(t, "i")) },
		"ask":     func(t *rapid.T) { ask(pick.Draw(t, "i")) },
		"consume": func(t *rapid.T) { consume(pick.Draw(t, "i")) },
		"backlog": func(t *rapid.T) {
			i := pick.Draw(t, "i")
			if _, err := g.Demand(i, peers[i].flying(), 0); err != nil {
				t.Fatal(err)
			}
			announce(i)
		},
		"arrive": func(t *rapid.T) {
			if p := &peers[pick.Draw(t, "i")]; len(p.old) > 0 {
				p.Grant(rapid.SampledFrom(p.old).Draw(t, "limit"))
			}
		},
		"hold": func(t *rapid.T) {
			if i := pick.Draw(t, "i"); holds < n-1 || peers[i].held {
				hold(i, !peers[i].held)
			}
		},
		"measure": func(t *rapid.T) {
			g.Measure(time.Duration(rapid.Int64Range(-1, 1e9).Draw(t, "worked")))
		},
	}
	for range rapid.IntRange(1, 5).Draw(t, "rounds") {
		t.Repeat(actions)
	}
	progress(t, g, peers, consume, send, ask) // but for those that are held
	verify()
	for i := range peers {
		hold(i, false)
	}
	progress(t, g, peers, consume, send, ask)
	verify()
}

// progress lets everybody act in turn, with announcements that arrive: every
// batch that waits must get through soon, even while senders that have nothing
// to send keep their credit unused.
func progress(t *rapid.T, g *Gate, peers []peer, consume, send, ask func(int)) {
	for round := 0; ; round++ {
		waiting := ""
		for i := range peers {
			peers[i].Grant(g.Limit(i))
			send(i)
			ask(i)
			if b := peers[i].batch; b > 0 && !peers[i].held {
				waiting += fmt.Sprintf(" channel %d with %d bytes, %d outstanding, %d in flight;", i, b, g.Outstanding(i), peers[i].flying())
			}
		}
		if waiting == "" {
			return
		}
		if round > 1000 {
			t.Fatalf("nothing goes on:%s", waiting)
		}
		for i := range peers {
			consume(i)
		}
	}
}

func FuzzAnyOrder(f *testing.F) { f.Fuzz(rapid.MakeFuzz(anyOrder)) }
