package checkpoint

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// item is one thing in a channel: a record, a barrier, or the end.
type item struct {
	record  int // from 1 in its channel; 0 if it is none
	barrier *Barrier
	end     bool
}

// gateModel runs an Alignment against channels that are simply lists, and keeps
// for each checkpoint what its snapshot and the captured records cover.
type gateModel struct {
	t         *rapid.T
	a         *Alignment
	now       time.Time
	channels  [][]item
	processed [][]int                 // records by channel
	covers    map[int64][]map[int]int // by id and channel: how often a record is covered
	snapshots map[int64]Snapshot
	over      map[int64]string // complete or abandoned
	capturing map[int64]map[int]bool
	blocked   []bool
}

func newGateModel(t *rapid.T, channels int) *gateModel {
	return &gateModel{t: t, a: NewAlignment(channels), now: epoch, channels: make([][]item, channels), processed: make([][]int, channels),
		covers: map[int64][]map[int]int{}, snapshots: map[int64]Snapshot{}, over: map[int64]string{}, capturing: map[int64]map[int]bool{}, blocked: make([]bool, channels)}
}

func (g *gateModel) obey(actions []Action) {
	for _, x := range actions {
		switch x := x.(type) {
		case Block:
			g.blocked[x.Channel] = true
		case Unblock:
			for _, c := range x.Channels {
				if !g.blocked[c] {
					g.t.Fatalf("channel %d is unblocked and was not blocked", c)
				}
				g.blocked[c] = false
			}
		case Snapshot:
			id := x.Barrier.ID
			if _, twice := g.snapshots[id]; twice || g.over[id] != "" {
				g.t.Fatalf("checkpoint %d: a second snapshot, or one after it was %s", id, g.over[id])
			}
			g.snapshots[id] = x
			g.capturing[id] = map[int]bool{}
			for c := range g.channels {
				covers := map[int]int{}
				for _, r := range g.processed[c] {
					covers[r]++
				}
				g.covers[id] = append(g.covers[id], covers)
			}
			for _, c := range x.Capture {
				g.capturing[id][c] = true
			}
		case Captured:
			if !g.capturing[x.ID][x.Channel] {
				g.t.Fatalf("channel %d was not captured for %d", x.Channel, x.ID)
			}
			delete(g.capturing[x.ID], x.Channel)
		case Complete:
			if _, ok := g.snapshots[x.ID]; !ok || len(g.capturing[x.ID]) > 0 || g.over[x.ID] != "" {
				g.t.Fatalf("%d is complete with snapshot %v, capturing %v, %s", x.ID, ok, g.capturing[x.ID], g.over[x.ID])
			}
			g.over[x.ID] = "complete"
		case Abandon:
			if g.over[x.ID] != "" {
				g.t.Fatalf("%d is abandoned after it was %s", x.ID, g.over[x.ID])
			}
			g.over[x.ID] = "abandoned"
			delete(g.capturing, x.ID)
		}
	}
	for c := range g.blocked {
		if g.a.Blocked(c) != g.blocked[c] {
			g.t.Fatalf("channel %d is blocked: %v, by what was said: %v", c, g.a.Blocked(c), g.blocked[c])
		}
		id, capturing := g.a.Capturing(c)
		if capturing != (g.over[id] == "" && g.capturing[id][c]) {
			g.t.Fatalf("channel %d is captured for %d: %v, by what was said: %v", c, id, capturing, g.capturing[id])
		}
	}
}

// take processes the next item of a channel that is not blocked.
func (g *gateModel) take(c int) bool {
	if g.blocked[c] || len(g.channels[c]) == 0 {
		return false
	}
	x := g.channels[c][0]
	g.channels[c] = g.channels[c][1:]
	switch {
	case x.barrier != nil:
		g.obey(g.a.Barrier(g.now, c, *x.barrier))
	case x.end:
		g.obey(g.a.End(g.now, c))
	default:
		if id, ok := g.a.Capturing(c); ok {
			g.covers[id][c][x.record]++
		}
		g.processed[c] = append(g.processed[c], x.record)
	}
	return true
}

func (g *gateModel) advance(d time.Duration) {
	g.now = g.now.Add(d)
	if at, ok := g.a.Deadline(); ok && !g.now.Before(at) {
		g.obey(g.a.Tick(g.now))
	}
}

// TestAlignmentAgainstBruteForce fills channels with records and barriers in
// random places and takes them in random order, with cancellations, replaced
// checkpoints, ends and announcements. What a checkpoint covers is compared with
// the lists.
func TestAlignmentAgainstBruteForce(t *testing.T) { rapid.Check(t, alignAnyOrder) }

func alignAnyOrder(t *rapid.T) {
	n := rapid.IntRange(1, 4).Draw(t, "channels")
	g := newGateModel(t, n)
	after := rapid.SampledFrom([]time.Duration{-1, 0, 3, 10, 40}).Draw(t, "unaligned after")
	atLeastOnce := rapid.Bool().Draw(t, "at least once")
	checkpoints := int64(rapid.IntRange(1, 4).Draw(t, "checkpoints"))
	before := map[int64][]int{} // by id: records of each channel up to the barrier
	cancelled := map[int64]bool{}
	lost := map[int64]bool{}    // a barrier that does not come everywhere
	reached := map[int64]bool{} // its barrier comes somewhere
	announced := make([][]Barrier, n)
	total := make([]int, n)
	ended := make([]bool, n)
	for c := range n {
		for range rapid.IntRange(0, 5).Draw(t, "records") {
			total[c]++
			g.channels[c] = append(g.channels[c], item{record: total[c]})
		}
	}
	for id := int64(1); id <= checkpoints; id++ {
		b := Barrier{ID: id, Time: epoch.Add(time.Duration(id * 20)), UnalignedAfter: after, AtLeastOnce: atLeastOnce}
		stop := rapid.IntRange(0, 9).Draw(t, "aborted") == 0 // some senders do not pass it on
		for c := range n {
			switch {
			case ended[c]:
			case stop && rapid.Bool().Draw(t, "lost"):
				lost[id] = true
			default:
				g.channels[c] = append(g.channels[c], item{barrier: &b})
				announced[c] = append(announced[c], b)
				reached[id] = true
			}
			before[id] = append(before[id], total[c])
			for range rapid.IntRange(0, 5).Draw(t, "records") {
				if !ended[c] {
					total[c]++
					g.channels[c] = append(g.channels[c], item{record: total[c]})
				}
			}
			if !ended[c] && rapid.IntRange(0, 7).Draw(t, "ends") == 0 {
				ended[c] = true
				g.channels[c] = append(g.channels[c], item{end: true})
			}
		}
	}
	for c := range n {
		if !ended[c] {
			g.channels[c] = append(g.channels[c], item{end: true})
		}
	}
	remaining := func() int {
		sum := 0
		for _, c := range g.channels {
			sum += len(c)
		}
		return sum
	}
	g.now = epoch.Add(time.Duration(checkpoints * 20))
	for idle := 0; remaining() > 0; {
		c := rapid.IntRange(0, n-1).Draw(t, "channel")
		moved := true
		switch rapid.IntRange(0, 19).Draw(t, "what") {
		case 0, 1, 2:
			g.advance(time.Duration(rapid.IntRange(0, 20).Draw(t, "time")))
		case 3, 4:
			if len(announced[c]) > 0 && after >= 0 && !atLeastOnce {
				// What is on its way in the channel is announced in order.
				next := announced[c][0]
				announced[c] = announced[c][1:]
				if slices.ContainsFunc(g.channels[c], func(x item) bool { return x.barrier != nil && x.barrier.ID == next.ID }) {
					g.obey(g.a.Announce(g.now, c, next))
				}
			}
		case 5:
			id := rapid.Int64Range(1, checkpoints).Draw(t, "cancelled")
			if rapid.IntRange(0, 3).Draw(t, "really") == 0 && g.over[id] != "complete" {
				for k := int64(1); k <= id; k++ {
					if g.over[k] != "complete" {
						cancelled[k] = true
					}
				}
				g.obey(g.a.Cancel(id))
			}
		default:
			moved = g.take(c)
		}
		if moved {
			idle = 0
		} else if idle++; idle > 4*n {
			// Nothing blocks for ever: some channel can go on.
			went := false
			for c := range n {
				went = g.take(c) || went
			}
			if !went {
				t.Fatalf("%d items are left, and all their channels are blocked", remaining())
			}
			idle = 0
		}
	}
	for c := range n {
		if len(g.processed[c]) != total[c] {
			t.Fatalf("channel %d: %d of %d records were processed", c, len(g.processed[c]), total[c])
		}
	}
	for id := int64(1); id <= checkpoints; id++ {
		if g.over[id] == "complete" {
			g.compare(id, before[id], atLeastOnce, lost[id])
			continue
		}
		// An older one may be replaced, unless channels wait for one another.
		replaceable := id < checkpoints && (after >= 0 || atLeastOnce || len(lost) > 0)
		if reached[id] && !cancelled[id] && !lost[id] && !replaceable {
			t.Fatalf("checkpoint %d is not complete, but %q", id, g.over[id])
		}
	}
}

// compare holds what a checkpoint covers against the lists.
func (g *gateModel) compare(id int64, before []int, atLeastOnce, lost bool) {
	for c, covers := range g.covers[id] {
		for r := 1; r <= before[c]; r++ {
			if covers[r] != 1 {
				g.t.Fatalf("checkpoint %d covers record %d of channel %d %d times; it is before the barrier", id, r, c, covers[r])
			}
		}
		for r := range covers {
			if r > before[c] && !atLeastOnce && !lost {
				g.t.Fatalf("checkpoint %d covers record %d of channel %d, which is after the barrier", id, r, c)
			}
		}
	}
}
