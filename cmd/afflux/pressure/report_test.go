package pressure

import (
	"strings"
	"testing"
	"time"

	"github.com/affluxdev/afflux/internal/metric"
)

// snapshot is of a job after a checkpoint.
func snapshot(duration, write, delay time.Duration) *metric.Job {
	return &metric.Job{
		Checkpoints: &metric.Checkpoints{Last: &metric.Checkpoint{Duration: duration, MaxAsync: write, MaxStartDelay: delay, InFlight: 1 << 20}},
		Operators: []metric.Operator{{Name: "out", Subtasks: []metric.Subtask{
			{Barrier: &metric.Barrier{StartDelay: delay / 2, Alignment: 7}}, {Barrier: &metric.Barrier{StartDelay: delay}}, {},
		}}},
	}
}

func TestReport(t *testing.T) {
	const ms = time.Millisecond
	fast := Case{Name: "fast", Goal: 250 * ms}
	slow := Case{Name: "slow", Goal: 150 * ms, WithoutWrite: true}
	for _, d := range []time.Duration{90 * ms, 400 * ms, 100 * ms} {
		fast.add(snapshot(d, ms, d/2))
		slow.add(snapshot(2*d, d, d))
	}
	if got := fast.judged(); got != 100*ms {
		t.Errorf("the median is %v", got)
	}
	if got := slow.judged(); got != 100*ms {
		t.Errorf("the median without write is %v", got)
	}
	if o := fast.Operators; len(o) != 1 || o[0].StartDelays[1] != 200*ms || o[0].Alignments[0] != 7 {
		t.Errorf("%+v", o)
	}
	r := &Result{Cases: []Case{fast, slow}}
	var out strings.Builder
	if err := r.Print(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"100.0 ms   400.0 ms", "100.0 ms of 250.0 ms", "100.0 ms of 150.0 ms without stop and write", "1.0 MiB", "out 50.0 ms + 0.0 ms"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
	if strings.Contains(out.String(), "missed") {
		t.Errorf("a goal is said to be missed:\n%s", &out)
	}
	r.Cases[0].Goal = 99 * ms
	out.Reset()
	if err := r.Print(&out); err != nil || !strings.Contains(out.String(), "missed") {
		t.Errorf("a missed goal is not told: %v\n%s", err, &out)
	}
}

func TestConfig(t *testing.T) {
	for _, c := range []Config{{Count: 0, Rate: 1}, {Count: 1, Rate: 0}} {
		if _, err := Run(t.Context(), c); err == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
}
