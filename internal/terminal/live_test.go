package terminal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/affluxdev/afflux/internal/metric"
	"go.uber.org/goleak"
)

var errClosed = errors.New("terminal closed")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ascii is the job without wide characters, which the screen does not know.
func ascii(of func(int) *metric.Job, seconds int) *metric.Job {
	j := of(seconds)
	j.Operators[len(j.Operators)-1].Name = "out"
	return j
}

func TestViewRedrawsInPlace(t *testing.T) {
	second := 10
	job := ascii(pressed, second)
	sampler := metric.NewSampler(func() *metric.Job { return job })
	s := &screen{t: t, width: 100}
	fmt.Fprint(s, "what was there before\n")
	height := 40
	v := newView(s, func() (int, int) { return s.width, height }, true, sampler)
	check := func(when, above string) {
		t.Helper()
		sampler.Sample()
		if err := v.draw(); err != nil {
			t.Fatal(err)
		}
		a, b := sampler.Pair()
		r := metric.Between(a, b)
		frame := Render(b, r, findingOf(sampler.Samples(), b), s.width-1, height-2, false)
		var want []string
		for _, l := range strings.Split(strings.TrimSuffix(frame, "\n"), "\n") {
			want = append(want, strings.TrimRight(l, " "))
		}
		if got := s.String(); got != above+strings.Join(want, "\n") {
			t.Fatalf("%s:\n%s\nwant:\n%s%s", when, got, above, strings.Join(want, "\n"))
		}
	}
	above := "what was there before\n"
	check("first", above)
	job = ascii(pressed, second+1)
	check("with a finding", above)
	job = ascii(bounded, second+2)
	check("lower", above)
	for _, line := range []string{"a line of a log\n", "another, without end"} {
		if n, err := fmt.Fprint(v, line); n != len(line) || err != nil {
			t.Fatal(n, err)
		}
		above += strings.TrimSuffix(line, "\n") + "\n"
		check("below a log", above)
	}
	job = ascii(pressed, second+3)
	check("higher", above)
	s.narrow(60)
	check("narrower", above)
	height = 12
	check("low", above)
}

func TestViewRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		job := idle()
		sampler := metric.NewSampler(func() *metric.Job { return job })
		ctx, cancel := context.WithCancel(t.Context())
		frames := 0
		s := &screen{t: t, width: 80}
		s.onWrite = func(int) { frames++ }
		v := newView(s, func() (int, int) { return 80, 24 }, false, sampler)
		done := make(chan error, 1)
		go func() { done <- v.Run(ctx) }()
		time.Sleep(time.Second + time.Millisecond)
		synctest.Wait()
		if frames != 1+5 {
			t.Errorf("%d writes in a second, want the cursor hidden and 5 frames", frames)
		}
		if !s.hidden {
			t.Error("the cursor is not hidden")
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if s.hidden {
			t.Error("the cursor stays hidden")
		}
		if !strings.HasPrefix(s.String(), "quiet  running") || s.y != len(s.rows) {
			t.Errorf("the last frame does not stay, or the cursor is not below it:\n%s", s)
		}
		if _, err := fmt.Fprint(v, "after\n"); err != nil || !strings.HasSuffix(s.String(), "\nbottleneck: none\nafter") {
			t.Errorf("a log line after the last frame: %v\n%s", err, s)
		}
	})
}

func TestViewShowsTheWholeLifeOfAnEndedJob(t *testing.T) {
	job := ascii(bounded, 100)
	job.State = "finished"
	sampler := metric.NewSampler(func() *metric.Job { return job })
	s := &screen{t: t, width: 100}
	v := newView(s, func() (int, int) { return s.width, 30 }, false, sampler)
	sampler.Sample()
	if err := v.draw(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(s.String(), "12.3k") {
		t.Errorf("no rates of the whole run:\n%s", s)
	}
}

func TestViewStopsWhenTheTerminalIsGone(t *testing.T) {
	sampler := metric.NewSampler(idle)
	v := newView(&screen{t: t, width: 80, failFrom: 2}, func() (int, int) { return 80, 24 }, false, sampler)
	if err := v.Run(t.Context()); !errors.Is(err, errClosed) {
		t.Errorf("Run returned %v", err)
	}
}

func TestViewWithoutJob(t *testing.T) {
	s := &screen{t: t, width: 80}
	v := newView(s, func() (int, int) { return 80, 24 }, false, metric.NewSampler(func() *metric.Job { return nil }))
	if err := v.draw(); err != nil || s.writes != 0 {
		t.Errorf("drew a job that does not exist: %v\n%s", err, s)
	}
	if _, err := fmt.Fprint(v, "hello\n"); err != nil || s.String() != "hello" {
		t.Errorf("%v %q", err, s)
	}
}
