package follow

import (
	"encoding/json/v2"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// line is a run of samples, a millisecond apart.
type line struct {
	samples []sample
}

func (l *line) run(ms int, producer, consumer float64) {
	s := sample{}
	if n := len(l.samples); n > 0 {
		s = l.samples[n-1]
	} else {
		l.samples = append(l.samples, s)
	}
	for range ms {
		s.at += time.Millisecond
		s.produced += int64(producer)
		s.consumed += int64(consumer)
		l.samples = append(l.samples, s)
	}
}

func TestJudgeFindsWhenTheProducerFollows(t *testing.T) {
	for _, c := range []struct {
		name  string
		build func(*line)
		limit float64
		want  float64 // ms, -1 for never
	}{
		{"at once", func(l *line) { l.run(200, 300, 300) }, 300e3, 10},
		{"after a while above the limit", func(l *line) { l.run(30, 900, 900); l.run(170, 300, 300) }, 300e3, 40},
		{"after running ahead", func(l *line) { l.run(20, 310, 300); l.run(180, 300, 300) }, 330e3, 30},
		{"with a gap", func(l *line) { l.run(40, 300, 300); l.run(10, 310, 300); l.run(150, 300, 300) }, 330e3, 60},
		{"never", func(l *line) { l.run(200, 310, 300) }, 330e3, -1},
		{"without a limit", func(l *line) { l.run(200, 900, 900) }, math.Inf(1), 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			var l line
			c.build(&l)
			p := judge(c.name, l.samples, 0, 200*time.Millisecond, 1e6, c.limit)
			switch {
			case p.SettleMS == nil && c.want < 0:
			case p.SettleMS == nil || *p.SettleMS != c.want:
				t.Fatalf("got %v, want %v ms", p.SettleMS, c.want)
			}
		})
	}
}

func TestJudgeAveragesAfterTheChange(t *testing.T) {
	var l line
	l.run(50, 900, 900)
	l.run(150, 300, 299)
	p := judge("", l.samples, 0, 200*time.Millisecond, 1e6, math.Inf(1))
	if p.Producer != 0.3 || p.Consumer != 0.299 {
		t.Fatalf("got %v and %v", p.Producer, p.Consumer)
	}
}

func TestValveKeepsTheRate(t *testing.T) {
	now := time.Unix(0, 0)
	v := valve{clock: func() time.Time { return now }}
	v.rate.Store(1_000_000)
	passed := 0
	for now.Before(time.Unix(1, 0)) {
		if d := v.shut(); d > 0 {
			now = now.Add(d + time.Millisecond) // as late as a sleep is
			continue
		}
		v.pass(128)
		passed += 128
		now = now.Add(time.Microsecond)
	}
	if passed < 990_000 || passed > 1_001_000 {
		t.Errorf("%d records passed in a second at a million a second", passed)
	}
	if got := v.count.Load(); got != int64(passed) {
		t.Errorf("counted %d of %d", got, passed)
	}
	// A long sleep is made up for in part only.
	now = now.Add(time.Second)
	burst := 0
	for ; v.shut() == 0; burst += 128 {
		v.pass(128)
	}
	if most := int((maxCredit+minSleep).Seconds()*1e6) + 128; burst > most {
		t.Errorf("%d records passed at once, at most %d may", burst, most)
	}
	v.rate.Store(0)
	if d := v.shut(); d != 0 {
		t.Errorf("shut for %v without a limit", d)
	}
}

func TestRunAndChart(t *testing.T) {
	res, err := Run(t.Context(), Config{Phase: MinPhase, WarmUp: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Phases) != 5 || res.Max <= 0 || res.Raw <= 0 || res.Buffer <= 0 {
		t.Fatalf("got %+v", res)
	}
	for _, p := range res.Phases {
		// What differs can only be in the buffers, or between two reads.
		if !within(p.Producer, p.Consumer, 0.05) {
			t.Errorf("%s: the producer is at %v, the consumer at %v", p.Name, p.Producer, p.Consumer)
		}
	}
	dir := t.TempDir()
	for _, name := range []string{"a.svg", "a.png"} {
		path := filepath.Join(dir, name)
		if err := res.Chart(path); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if name == "a.svg" && !strings.Contains(string(b), "consumer at 30") {
			t.Error("the SVG does not name the phases")
		}
		if name == "a.png" && !strings.HasPrefix(string(b), "\x89PNG") {
			t.Error("the PNG is none")
		}
	}
	if err := res.Chart(filepath.Join(dir, "a.pdf")); err == nil || !strings.Contains(err.Error(), ".svg or .png") {
		t.Errorf("a wrong ending gives %v", err)
	}
	text, err := json.Marshal(res)
	if err != nil {
		t.Fatal(err)
	}
	var keys map[string]any
	if err := json.Unmarshal(text, &keys); err != nil {
		t.Fatal(err)
	}
	for _, k := range []string{"max_records_per_second", "raw_records_per_second", "phases"} {
		if _, ok := keys[k]; !ok {
			t.Errorf("the JSON has no %q: %s", k, text)
		}
	}
	first := keys["phases"].([]any)[0].(map[string]any)
	var got []string
	for k := range first {
		got = append(got, k)
	}
	slices.Sort(got)
	if want := []string{"consumer", "name", "producer", "settle_ms"}; !slices.Equal(got, want) {
		t.Errorf("a phase has the keys %v, want %v", got, want)
	}
	var out strings.Builder
	if err := res.Print(&out); err != nil || strings.Count(out.String(), "consumer at 30 %") != 2 {
		t.Errorf("the table is (%v):\n%s", err, out.String())
	}
}

func TestPhaseTooShort(t *testing.T) {
	if _, err := Run(t.Context(), Config{Phase: time.Millisecond, WarmUp: time.Millisecond}); err == nil {
		t.Fatal("a phase of a millisecond is accepted")
	}
}
