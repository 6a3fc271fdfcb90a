package credit

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

var rewrite = flag.Bool("rewrite", false, "write what the ledger does into testdata/*.txt instead of comparing")

// TestScripts runs testdata/*.txt: each paragraph is a comment, or commands
// with the state of the ledger after them below a line of dashes.
//
//	gate channels=2 floor=100 ...   a new gate with a sender for each channel
//	demand C inflight=N waiting=N   the sender of C announces its backlog
//	ask C N                         the same with what is really in flight
//	grant C [N]                     the announced limit reaches the sender (or an old one, N)
//	send C N                        the sender sends
//	consume C N                     the receiver has processed
//	measure D                       the receiver has worked for D
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			got := runScript(t, string(text))
			if *rewrite {
				if err := os.WriteFile(f, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != string(text) {
				t.Errorf("%s says\n%s\nthe ledger does\n%s", f, text, got)
			}
		})
	}
}

const rule = "----"

func runScript(t *testing.T, text string) string {
	var out []string
	var l ledger
	for _, p := range strings.Split(strings.TrimSpace(text), "\n\n") {
		if strings.HasPrefix(p, "#") {
			out = append(out, p)
			continue
		}
		commands, _, _ := strings.Cut(p, "\n"+rule)
		var said []string
		for _, c := range strings.Split(commands, "\n") {
			if s, err := l.do(c); err != nil {
				t.Fatalf("%q: %v", c, err)
			} else if s != "" {
				said = append(said, s)
			}
		}
		if err := l.gate.Check(); err != nil {
			said = append(said, "BROKEN: "+err.Error())
		}
		out = append(out, strings.Join(append(append([]string{commands, rule}, said...), l.state()...), "\n"))
	}
	return strings.Join(out, "\n\n") + "\n"
}

// ledger is a gate with its senders.
type ledger struct {
	gate     *Gate
	senders  []Sender
	consumed []uint64
}

// do carries out a command and returns what it complained of.
func (l *ledger) do(command string) (string, error) {
	words := strings.Fields(command)
	named := map[string]int64{}
	var nums []int64
	for _, w := range words[1:] {
		name, value, ok := strings.Cut(w, "=")
		if !ok {
			value = name
		}
		var n int64
		if d, err := time.ParseDuration(value); err == nil && strings.HasSuffix(value, "s") {
			n = int64(d)
		} else if n, err = strconv.ParseInt(value, 10, 64); err != nil {
			return "", err
		}
		if ok {
			named[name] = n
		} else {
			nums = append(nums, n)
		}
	}
	var err error
	switch words[0] {
	case "gate":
		n := int(named["channels"])
		l.gate = NewGate(Config{Floor: named["floor"], Floating: named["floating"], Reserve: named["reserve"], Ceiling: named["ceiling"],
			Min: named["min"], Start: named["start"], Target: time.Duration(named["target"])}, n)
		l.senders, l.consumed = make([]Sender, n), make([]uint64, n)
	case "demand":
		_, err = l.gate.Demand(int(nums[0]), named["inflight"], named["waiting"])
	case "ask":
		i := int(nums[0])
		_, err = l.gate.Demand(i, l.inFlight(i), nums[1])
	case "grant":
		limit := l.gate.Limit(int(nums[0]))
		if len(nums) > 1 {
			limit = uint64(nums[1])
		}
		l.senders[nums[0]].Grant(limit)
	case "send":
		err = l.senders[nums[0]].Send(nums[1])
	case "consume":
		if _, err = l.gate.Consumed(int(nums[0]), nums[1]); err == nil {
			l.consumed[nums[0]] += uint64(nums[1])
		}
	case "measure":
		l.gate.Measure(time.Duration(nums[0]))
	default:
		return "", fmt.Errorf("there is no such command")
	}
	if err != nil {
		return err.Error(), nil //nolint:nilerr // the complaint is what the script is about
	}
	return "", nil
}

func (l *ledger) inFlight(i int) int64 { return int64(l.senders[i].Sent() - l.consumed[i]) }

func (l *ledger) state() []string {
	var out []string
	for i := range l.senders {
		s := fmt.Sprintf("%d: sent %d, may send %d; limit %d, outstanding %d, window %d", i, l.senders[i].Sent(), l.senders[i].Available(),
			l.gate.Limit(i), l.gate.Outstanding(i), l.gate.Window(i))
		if r := l.gate.channels[i].reserved; r > 0 {
			s += fmt.Sprintf(", %d of the reserve", r)
		}
		if l.gate.Starved(i) {
			s += ", starved"
		}
		out = append(out, s)
	}
	return out
}
