package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/affluxdev/afflux/internal/diagnosis"
)

// quickCases mostly wait, so that they are right on a machine that is busy with
// other tests.
var quickCases = regexp.MustCompile(strings.Join([]string{
	"^chain/p1/unchained/first-calls$",
	"^behind/p4/unchained/first-429$",
	"^chain/p8/chained/sink-presses$",
	"^join/p1/unchained/orders-fetch$",
	"^chain/p4/unchained/source-splits$",
	"^lines/p1/chained/clicks-fetch/price-calls$",
	"^healthy/room-for-calls$",
	"^healthy/nearly-idle$",
}, "|"))

// TestQuickCases runs some of the suite: make attribution runs all of it.
func TestQuickCases(t *testing.T) {
	var cases []Case
	for _, c := range slices.Concat(table, wells()) {
		if quickCases.MatchString(c.Name()) {
			cases = append(cases, c)
		}
	}
	if want := strings.Count(quickCases.String(), "|") + 1; len(cases) != want {
		t.Fatalf("%d cases of %d are in the table", len(cases), want)
	}
	suite(t.Context(), cases, 4, func(o *outcome) {
		var b strings.Builder
		row(&b, o)
		t.Log(b.String())
		if !o.passed() {
			b.Reset()
			explain(&b, o)
			t.Error(b.String())
		}
	})
}

// TestTable holds the table to what it promises.
func TestTable(t *testing.T) {
	planted := map[diagnosis.Cause]int{}
	names := map[string]bool{}
	for _, c := range slices.Concat(table, wells()) {
		if names[c.Name()] {
			t.Errorf("two cases are called %s", c.Name())
		}
		names[c.Name()] = true
		if graphs[c.Graph] == nil {
			t.Errorf("%s: there is no such graph", c.Name())
		}
		for _, p := range c.Plants {
			if w := ways[p.How]; w == nil {
				t.Errorf("%s: nothing is known of %q", c.Name(), p.How)
			} else {
				planted[w.cause]++
			}
		}
	}
	if len(table) < 40 || len(wells()) != 10 {
		t.Errorf("%d planted and %d healthy cases; want 40 at least, and 10", len(table), len(wells()))
	}
	for _, cause := range []diagnosis.Cause{
		diagnosis.CPU, diagnosis.Outside, diagnosis.Throttled, diagnosis.State, diagnosis.Skew, diagnosis.Splits, diagnosis.Source,
		diagnosis.Sink, diagnosis.GC, diagnosis.Checkpoint, diagnosis.Branch, diagnosis.Starved, diagnosis.Lag, diagnosis.Retention,
	} {
		if planted[cause] == 0 {
			t.Errorf("the cause %q is planted nowhere", cause)
		}
	}
}

// TestWrongAnswersAreSeen judges reports that are not what was planted.
func TestWrongAnswersAreSeen(t *testing.T) {
	c := one("chain", 1, unchained, "middle", "calls")
	guilty := diagnosis.Finding{Operator: "middle", Cause: diagnosis.Outside, Severity: diagnosis.Warning}
	other := diagnosis.Finding{Operator: "first", Cause: diagnosis.CPU, Severity: diagnosis.Warning}
	wrong := diagnosis.Finding{Operator: "middle", Cause: diagnosis.CPU, Severity: diagnosis.Warning}
	note := diagnosis.Finding{Operator: "first", Cause: diagnosis.CPU, Severity: diagnosis.Note}
	for _, k := range []struct {
		name    string
		reports [][]diagnosis.Finding
		passes  bool
	}{
		{"named twice", [][]diagnosis.Finding{{guilty}, {guilty}}, true},
		{"named once", [][]diagnosis.Finding{{guilty}, {}}, false},
		{"named now and then", [][]diagnosis.Finding{{guilty}, {}, {guilty}}, false},
		{"another cause", [][]diagnosis.Finding{{wrong}, {wrong}}, false},
		{"another one ahead", [][]diagnosis.Finding{{other, guilty}, {other, guilty}}, false},
		{"another one first", [][]diagnosis.Finding{{other}, {guilty}, {guilty}}, false},
		{"another one behind", [][]diagnosis.Finding{{guilty, other}, {guilty, other}}, true},
		{"a note ahead", [][]diagnosis.Finding{{note, guilty}, {note, guilty}}, true},
		{"nothing", [][]diagnosis.Finding{{}, {}}, false},
	} {
		o := newOutcome(&c)
		for i, findings := range k.reports {
			o.judge(diagnosis.Report{Findings: findings}, time.Duration(i+1)*time.Second)
		}
		if o.passed() != k.passes {
			t.Errorf("%s: passed is %v", k.name, o.passed())
		}
	}
	o := newOutcome(&c)
	for _, at := range []int{10, 11} {
		o.judge(diagnosis.Report{Findings: []diagnosis.Finding{guilty}}, time.Duration(at)*time.Second)
	}
	if o.passed() {
		t.Error("it was named too late")
	}
}
