package checkpoint

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

var rewrite = flag.Bool("rewrite", false, "write what is decided into testdata/*/*.txt instead of comparing")

const rule = "----"

// epoch is the time 0 of scripts and of random cases.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// scripted is a state machine that is driven by testdata. A command begins with
// the time, as in "100ms: tick"; do returns what was decided.
type scripted interface {
	do(now time.Time, words []string) ([]string, error)
	state() []string
}

// runScripts runs testdata/dir/*.txt: each paragraph is a comment, or commands
// with the decisions and the state after them below a line of dashes.
func runScripts(t *testing.T, dir string, machine func() scripted) {
	files, err := filepath.Glob(filepath.Join("testdata", dir, "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			got := runScript(t, machine(), string(text))
			if *rewrite {
				if err := os.WriteFile(f, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != string(text) {
				t.Errorf("%s says\n%s\nwhat is decided is\n%s", f, text, got)
			}
		})
	}
}

func runScript(t *testing.T, m scripted, text string) string {
	var out []string
	for p := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		if strings.HasPrefix(p, "#") {
			out = append(out, p)
			continue
		}
		commands, _, _ := strings.Cut(p, "\n"+rule)
		var said []string
		for c := range strings.SplitSeq(commands, "\n") {
			at, rest, _ := strings.Cut(c, ": ")
			d, err := time.ParseDuration(at)
			if err != nil {
				t.Fatalf("%q: %v", c, err)
			}
			s, err := m.do(epoch.Add(d), strings.Fields(rest))
			if err != nil {
				t.Fatalf("%q: %v", c, err)
			}
			said = append(said, s...)
		}
		out = append(out, strings.Join(append(append([]string{commands, rule}, said...), m.state()...), "\n"))
	}
	return strings.Join(out, "\n\n") + "\n"
}

// arguments are the words of a command: named ones ("id=3") and others.
type arguments struct {
	named map[string]string
	plain []string
}

func parseArguments(words []string) arguments {
	a := arguments{named: map[string]string{}}
	for _, w := range words {
		if name, value, ok := strings.Cut(w, "="); ok {
			a.named[name] = value
		} else {
			a.plain = append(a.plain, w)
		}
	}
	return a
}

func (a arguments) number(name string, otherwise int64) int64 {
	v, ok := a.named[name]
	if !ok {
		return otherwise
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		panic(fmt.Sprintf("%s=%s: %v", name, v, err))
	}
	return n
}

func (a arguments) duration(name string, otherwise time.Duration) time.Duration {
	v, ok := a.named[name]
	if !ok {
		return otherwise
	}
	d, err := time.ParseDuration(v)
	if err != nil {
		panic(fmt.Sprintf("%s=%s: %v", name, v, err))
	}
	return d
}

func lines[T fmt.Stringer](said []T) []string {
	var out []string
	for _, s := range said {
		out = append(out, s.String())
	}
	return out
}
