package diagnosis

import (
	"strings"
	"testing"

	"github.com/affluxdev/afflux/internal/metric"
)

// TestSkewOffersWhatThereIs has no operator told to be salted or folded that
// cannot be.
func TestSkewOffersWhatThereIs(t *testing.T) {
	hot := []metric.HotKey{{Key: "unknown", Share: 0.83, Error: 0.01}}
	const salted, folded, instead = `Salted(4) before "agg"`, `PreAggregate(true) on "agg"`, "in place of PreAggregate(true)"
	for _, c := range []struct {
		name       string
		kind       string
		salt, fold bool
		offers     []string
	}{
		{"a window", "window", true, true, []string{salted, folded}},
		{"a window that folds always", "window", true, false, []string{salted, instead}},
		{"a window that has neither, like a session", "window", false, false, nil},
		{"a rolling reduce", "reduce", false, false, nil},
		{"a process function", "process", false, false, nil},
	} {
		for _, keys := range [][]metric.HotKey{hot, nil} {
			agg := op{name: "agg", kind: c.kind, salt: c.salt, fold: c.fold, chain: 1,
				own: []float64{0.05, 0.05, 0.99, 0.05}, in: 1000, inputs: []float64{0.05, 0.05, 0.85, 0.05}}
			r := Examine(story(scene{seconds: 10, ops: []op{pressedSource, agg}, edges: []edge{{from: 0, to: 1, blocked: 0.9, keys: keys}}, cpu: 1}))
			if len(r.Findings) != 1 || r.Findings[0].Cause != Skew {
				t.Fatalf("%s: %+v", c.name, r.Findings)
			}
			remedy, always := r.Findings[0].Remedy, "a key with more values"
			if keys != nil {
				always = "a finer key; a key that means nothing"
			}
			if !strings.Contains(remedy, always) {
				t.Errorf("%s: no %q in %q", c.name, always, remedy)
			}
			for _, way := range []string{salted, folded, instead} {
				if offered, has := strings.Contains(remedy, way), strings.Contains(strings.Join(c.offers, "|"), way); offered != has {
					t.Errorf("%s: %q offered %v in %q", c.name, way, offered, remedy)
				}
			}
			if c.offers == nil && (strings.Contains(remedy, "Salted") || strings.Contains(remedy, "PreAggregate")) {
				t.Errorf("%s: %q", c.name, remedy)
			}
		}
	}
}

// TestSkewOfTwo is about the words where there is one of something.
func TestSkewOfTwo(t *testing.T) {
	keys := []metric.HotKey{{Key: "a", Share: 0.3}, {Key: "b", Share: 0.3}, {Key: "c", Share: 0.2}, {Key: "d", Share: 0.18}}
	agg := op{name: "agg", kind: "reduce", chain: 1, own: []float64{0.05, 0.99}, in: 1000, inputs: []float64{0.1, 0.9}}
	r := Examine(story(scene{seconds: 10, ops: []op{pressedSource, agg}, edges: []edge{{from: 0, to: 1, blocked: 0.9, keys: keys}}, cpu: 1}))
	for _, want := range []string{"subtask 1 works 99 % of the time, the other one 5 %", "1 more key is hot"} {
		if len(r.Findings) == 0 || !strings.Contains(r.Findings[0].Evidence, want) {
			t.Errorf("no %q in %+v", want, r.Findings)
		}
	}
}
