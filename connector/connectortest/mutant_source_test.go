package connectortest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
)

// item is the record of the sources and sinks under test.
type item struct {
	Key  int
	Part string
	Text string
}

// shelf is a correct source in memory; a fault breaks one clause.
type shelf struct {
	mu    sync.Mutex
	items []item
	wakes []func()
	live  bool // never done
	bad   int  // inputs to reject, spread over the items
	fault string
}

func (s *shelf) Describe() connector.Description {
	return connector.Description{Kind: "memory", Target: "shelf", Bounded: !s.live}
}

func (s *shelf) Open(_ context.Context, sub connector.Subtask) (connector.Reader[item], error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fault != "no wake" {
		s.wakes = append(s.wakes, sub.Wake)
	}
	r := &shelfReader{s: s, sub: sub, stop: make(chan struct{}), read: map[int]int{}}
	if sub.Resume != nil {
		for _, split := range sub.Resume.Splits {
			block, _ := strconv.Atoi(strings.TrimPrefix(split.ID, "block-"))
			n, err := strconv.Atoi(string(split.Position))
			if err != nil && s.fault != "takes damage" {
				return nil, err
			}
			if r.own(block * 10) {
				r.read[block] = n
			}
		}
	}
	if s.fault == "leak" {
		go func() { <-leaked }()
	}
	if s.fault == "rejects in Open" {
		_ = sub.Reject(connector.Rejected{Reason: errors.New("bad"), Origin: "x", Payload: []byte("x")})
	}
	return r, nil
}

var leaked = make(chan struct{})

type shelfReader struct {
	s      *shelf
	sub    connector.Subtask
	next   int // in items
	seen   int // own items
	bad    int
	closed bool
	stop   chan struct{}
	read   map[int]int // items of each block of ten
}

func (r *shelfReader) Positions() (splits []connector.Split, err error) {
	if r.s.fault == "forgets positions" {
		return nil, nil
	}
	for block, n := range r.read {
		if r.s.fault == "runs ahead" && n < 10 {
			n++
		}
		split := connector.Split{ID: fmt.Sprint("block-", block), Position: strconv.AppendInt(nil, int64(n), 10)}
		if r.s.fault == "one name" {
			split.ID = "block-0"
		}
		splits = append(splits, split)
	}
	return splits, nil
}

func (r *shelfReader) own(i int) bool {
	if r.s.fault == "every subtask reads all" {
		return true
	}
	return i/10%r.sub.Parallelism == r.sub.Index
}

func (r *shelfReader) Poll(dst *event.Records[item], limit connector.Limit) (connector.Status, error) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	if r.s.fault == "blocks" {
		r.s.mu.Unlock()
		defer r.s.mu.Lock()
		<-leaked
	}
	if r.s.fault == "clears dst" {
		dst.Reset()
	}
	if r.s.fault == "ignores records" {
		limit.Records = 1 << 20
	}
	if r.s.fault == "ignores bytes" {
		limit.Bytes = 1 << 30
	}
	part, bytes := "", int64(0)
	for n := 0; n < limit.Records && bytes < limit.Bytes && r.next < len(r.s.items); r.next++ {
		it := r.s.items[r.next]
		if !r.own(r.next) {
			continue
		}
		if r.next%10 < r.read[r.next/10] {
			continue // read by an earlier attempt
		}
		if part != "" && it.Part != part && r.s.fault != "mixes splits" {
			break
		}
		if r.sub.Index == 0 && r.bad < r.s.bad && r.s.fault != "drops bad" {
			r.bad++
			rej := connector.Rejected{Reason: errors.New("bad"), Origin: "shelf:1", Payload: []byte("junk"), Time: event.MinTime}
			if r.s.fault == "no origin" {
				rej.Origin = ""
			}
			if err := r.sub.Reject(rej); err != nil && r.s.fault != "swallows the refusal" {
				return connector.Status{}, err
			}
			r.next--
			continue
		}
		part = it.Part
		r.seen++
		r.read[r.next/10] = r.next%10 + 1
		if r.s.fault == "loses" && r.seen == 500 {
			continue
		}
		dst.Append(it, event.MinTime)
		if r.s.fault == "repeats" && r.seen == 500 {
			dst.Append(it, event.MinTime)
		}
		n++
		bytes += int64(40 + len(it.Part) + len(it.Text))
	}
	if r.s.fault == "no times" {
		dst.Times = dst.Times[:0]
	}
	st := connector.Status{State: connector.Ready, Split: int(part2split(part))}
	if r.next >= len(r.s.items) {
		st.State = connector.Done
		if r.s.live {
			st.State = connector.Idle
		}
		if r.s.fault == "never done" {
			st.State = connector.Idle
		}
	}
	return st, nil
}

func part2split(p string) byte {
	if p == "b" {
		return 1
	}
	return 0
}

func (r *shelfReader) Close() error {
	if r.closed && r.s.fault == "close twice" {
		return errors.New("closed already")
	}
	r.closed = true
	return nil
}

func stock(from, n int) (items []item) {
	for k := from; k < from+n; k++ {
		p := "a"
		if k/10%2 == 1 {
			p = "b"
		}
		items = append(items, item{k, p, "some text that takes bytes"})
	}
	return items
}

// sourceHarness runs the kit on a shelf with a fault. Live shelves get more.
func sourceHarness(fault string, live bool) Source[item] {
	var last *shelf
	h := Source[item]{
		New: func(_ testing.TB, n int) connector.Source[item] {
			last = &shelf{items: stock(0, n), live: live, fault: fault}
			return last
		},
		Key:   func(v *item) int { return v.Key },
		Part:  func(v *item) string { return v.Part },
		Slack: 100,
		Once:  fault == "goes on",
	}
	h.Bad = func(_ testing.TB, n, bad int) connector.Source[item] {
		return &shelf{items: stock(0, n), bad: bad, fault: fault, live: live}
	}
	if live {
		h.More = func(_ testing.TB, from, n int) {
			last.mu.Lock()
			last.items = append(last.items, stock(from, n)...)
			wakes := last.wakes
			last.mu.Unlock()
			for _, w := range wakes {
				w()
			}
		}
	}
	return h
}

func TestSourcePasses(t *testing.T) {
	t.Run("bounded", func(t *testing.T) { TestSource(t, sourceHarness("", false)) })
	t.Run("live", func(t *testing.T) { TestSource(t, sourceHarness("", true)) })
}

// failures runs every check and joins what they find.
func failures[H any](t *testing.T, h H, checks []check[H]) (names []string) {
	for _, c := range checks {
		if err := guarded(t, h, c, nil); err != nil {
			names = append(names, c.name+": "+err.Error())
		}
	}
	return names
}

func impatient(t *testing.T) {
	old := patience
	patience = 50 * time.Millisecond
	t.Cleanup(func() { patience = old })
}

func TestBrokenSourcesAreCaught(t *testing.T) {
	impatient(t)
	for _, m := range []struct {
		fault, want string
		live        bool
	}{
		{"loses", "of 1000 records", false},
		{"repeats", "came 2 times", false},
		{"every subtask reads all", "came 2 times", false},
		{"ignores records", "the limit is", false},
		{"ignores bytes", "the limit is", false},
		{"mixes splits", "has records of a and of b", false},
		{"clears dst", "that dst held before", false},
		{"no times", "event times", false},
		{"never done", "every reader is idle", false},
		{"no origin", "without its origin", false},
		{"drops bad", "inputs were rejected", false},
		{"swallows the refusal", "Poll returned <nil>", false},
		{"rejects in Open", "outside of Poll", false},
		{"close twice", "closed already", false},
		{"no wake", "no Wake within", true},
		{"forgets positions", "was read before the positions and again", false},
		{"runs ahead", "of 600 records", false},
		{"one name", "is listed by", false},
		{"takes damage", "taken up without an error", false},
		{"goes on", "is resumed without an error", false},
		{"leak", "goroutines outlive Close", false},
		{"blocks", "Poll did not return", false},
	} {
		t.Run(m.fault, func(t *testing.T) {
			checks := sourceChecks[item]()
			if m.fault == "leak" {
				checks = checks[:2] // to look for goroutines that do not end takes long
			}
			got := strings.Join(failures(t, sourceHarness(m.fault, m.live), checks), "\n")
			if !strings.Contains(got, m.want) {
				t.Errorf("the kit says %q, which does not tell %q", got, m.want)
			}
		})
	}
	close(leaked)
}
