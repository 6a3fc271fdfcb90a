package checkpoint

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestAlignmentScripts runs testdata/alignment/*.txt. After the time:
//
//	gate N [unaligned=D] [atleastonce]   a new gate; barriers begin at 0
//	announce C ID                        barrier ID is on its way in channel C
//	barrier C ID [begun=D]               it has come, and began at D
//	end C | inject ID | tick | cancel ID
func TestAlignmentScripts(t *testing.T) {
	runScripts(t, "alignment", func() scripted { return &scriptedGate{} })
}

type scriptedGate struct {
	*Alignment
	barrier Barrier
}

func (g *scriptedGate) do(now time.Time, words []string) ([]string, error) {
	a := parseArguments(words[1:])
	n := make([]int, len(a.plain))
	for i, w := range a.plain {
		n[i], _ = strconv.Atoi(w)
	}
	b := g.barrier
	b.Time = epoch.Add(a.duration("begun", 0))
	var out []Action
	switch words[0] {
	case "gate":
		g.Alignment = NewAlignment(n[0])
		g.barrier = Barrier{AtLeastOnce: strings.HasSuffix(strings.Join(words, " "), "atleastonce"), UnalignedAfter: a.duration("unaligned", -1)}
	case "announce":
		b.ID = int64(n[1])
		out = g.Announce(now, n[0], b)
	case "barrier":
		b.ID = int64(n[1])
		out = g.Barrier(now, n[0], b)
	case "end":
		out = g.End(now, n[0])
	case "inject":
		b.ID = int64(n[0])
		out = g.Inject(now, b)
	case "tick":
		out = g.Tick(now)
	case "cancel":
		out = g.Cancel(int64(n[0]))
	default:
		return nil, fmt.Errorf("there is no such command")
	}
	return lines(out), nil
}

func (g *scriptedGate) state() []string {
	var lanes []string
	for i, l := range g.lanes {
		s := "open"
		_, capturing := g.Capturing(i)
		switch {
		case l.ended:
			s = "ended"
		case l.blocked:
			s = "blocked"
		case capturing:
			s = "captured"
		}
		lanes = append(lanes, s)
	}
	s := "channels: " + strings.Join(lanes, ", ")
	if at, ok := g.Deadline(); ok {
		s += fmt.Sprintf("; due at %s", at.Sub(epoch))
	}
	return []string{s}
}
