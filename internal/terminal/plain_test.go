package terminal

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/affluxdev/afflux/internal/metric"
)

// TestPlain tells the life of a job: calm, pressed, restarted, calm again,
// finished.
func TestPlain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		snapshot := func() *metric.Job {
			second := int(time.Since(start) / time.Second)
			of := bounded
			if second >= 7 && second < 13 {
				of = pressed
			}
			j := of(second + 1)
			j.Name, j.Started = "life", began
			if second >= 16 {
				j.Restarts = 1
			}
			if second >= 20 {
				j.State = "finished"
			}
			return j
		}
		sampler := metric.NewSampler(snapshot)
		ctx, cancel := context.WithCancel(t.Context())
		go sampler.Run(ctx)
		var log bytes.Buffer
		done := make(chan error, 1)
		go func() { done <- Plain(ctx, &log, sampler, LineInterval) }()
		time.Sleep(20*time.Second + 10*time.Millisecond)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		golden(t, "plain.txt", log.String())
	})
}

func TestPlainStopsWhenItCannotWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &screen{t: t, width: 80, failFrom: 1}
		if err := Plain(t.Context(), s, metric.NewSampler(idle), time.Second); !errors.Is(err, errClosed) {
			t.Errorf("Plain returned %v", err)
		}
	})
}

// TestPlainOfCheckpoints tells what the job goes on from, and what fails.
func TestPlainOfCheckpoints(t *testing.T) {
	p := plain{interval: LineInterval}
	var got []string
	for second := 1; second <= 9; second++ {
		of := kept
		if second > 6 {
			of = stuck
		}
		job, rates, finding := seen(of, second)
		got = append(got, p.lines(job, rates, finding)...)
	}
	golden(t, "plain-checkpoints.txt", strings.Join(got, "\n")+"\n")
}

func TestLine(t *testing.T) {
	job, rates, finding := seen(pressed, 20)
	got := Line(job, rates, finding)
	want := "in 12.3k/s out 12/s lag 156k delay 4.2s in flight 3.1 MiB of 16.0 MiB " +
		"bottleneck enrich-with-the-profile-of-the-user (throttled)"
	if got != want {
		t.Errorf("%q, want %q", got, want)
	}
	job.Operators[0].Name = "two\nlines"
	finding.Operator = "two\nlines"
	if got := Line(job, rates, finding); strings.Contains(got, "\n") {
		t.Errorf("a line of two lines: %q", got)
	}
}
