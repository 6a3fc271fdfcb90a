package bench

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"sync"
	"time"

	"github.com/affluxdev/afflux"
)

// Sliced is what checkpoints cost, measured within one job: slices of time with and
// without checkpoints take turns. What the machine does besides falls on both, which
// between runs of some seconds it does not.
type Sliced struct {
	Pairs int
	// Rate is of each pair the records a second with checkpoints, divided by those
	// without; Work the same of the records for a second of processor time.
	Rate, Work Spread
	// Mean is the geometric mean of the rates, Error its standard error.
	Mean, Error float64
	// Without and With are the mean rates, in records a second.
	Without, With float64
	Taken         Checkpointed
}

// endless is a number of records that no measurement comes to the end of.
const endless = 1 << 40

// slice is what was done in a slice.
type slice struct {
	records, seconds, busy float64
}

// Slices measures so many pairs. A slice with checkpoints has two of them, one at
// its beginning and one after every, takes twice that, and ends when they are
// complete. Before it comes one that is not measured, so that each has another one
// every before it, as in a job that takes them all the time.
func (c Counted) Slices(ctx context.Context, dir string, every time.Duration, pairs int) (s *Sliced, err error) {
	s = &Sliced{Pairs: pairs}
	err = inDirectory(dir, func(dir string) error {
		j, _ := c.job(endless, afflux.Checkpoints(filepath.Join(dir, "checkpoints"), afflux.Every(0)))
		run, err := j.Start(ctx)
		if err != nil {
			return err
		}
		err = s.measure(ctx, run, c.Settled, every)
		run.Cancel()
		<-run.Done()
		return err
	})
	return s, err
}

func (s *Sliced) measure(ctx context.Context, run *afflux.Run, settled int, every time.Duration) error {
	for produced(run) < float64(settled) {
		if err := pause(run, 50*time.Millisecond); err != nil {
			return err
		}
	}
	var rates, works []float64
	var without, with slice
	for pair := range s.Pairs {
		var a, b slice
		for turn := range 2 {
			// The first of a pair is with checkpoints by turns, so that what changes
			// steadily cancels out.
			var err error
			if turn == pair%2 {
				a, err = take(run, 2*every, nil)
			} else {
				if err = s.checkpoint(ctx, run); err == nil {
					err = pause(run, every)
				}
				if err != nil {
					return err
				}
				b, err = take(run, 2*every, func() error { return s.checkpoints(ctx, run, every) })
			}
			if err != nil {
				return err
			}
		}
		rates = append(rates, b.records/b.seconds/(a.records/a.seconds))
		works = append(works, b.records/b.busy/(a.records/a.busy))
		without.add(a)
		with.add(b)
	}
	s.Rate, s.Work = spread(rates), spread(works)
	s.Mean, s.Error = geometric(rates)
	s.Without, s.With = without.records/without.seconds, with.records/with.seconds
	return nil
}

func (s *slice) add(more slice) {
	s.records += more.records
	s.seconds += more.seconds
	s.busy += more.busy
}

// take measures a slice of time, and until f has returned.
func take(run *afflux.Run, d time.Duration, f func() error) (slice, error) {
	start, records, busy := time.Now(), produced(run), cpuTime()
	var wg sync.WaitGroup
	var failed error
	if f != nil {
		wg.Go(func() { failed = f() })
	}
	err := pause(run, d)
	wg.Wait()
	if err == nil {
		err = failed
	}
	return slice{produced(run) - records, time.Since(start).Seconds(), (cpuTime() - busy).Seconds()}, err
}

// checkpoints takes two.
func (s *Sliced) checkpoints(ctx context.Context, run *afflux.Run, every time.Duration) error {
	start := time.Now()
	for n := range 2 {
		if err := pause(run, every*time.Duration(n)-time.Since(start)); err != nil {
			return err
		}
		if err := s.checkpoint(ctx, run); err != nil {
			return err
		}
	}
	return nil
}

// checkpoint takes one, and looks at it.
func (s *Sliced) checkpoint(ctx context.Context, run *afflux.Run) error {
	if _, err := run.Checkpoint(ctx); err != nil {
		return err
	}
	s.Taken.look(run)
	return nil
}

// pause waits, and fails when the job ends.
func pause(run *afflux.Run, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-run.Done():
		return fmt.Errorf("the job has ended early: %w", run.Wait())
	}
}

// produced is how many records the sources have emitted.
func produced(run *afflux.Run) (n float64) {
	for _, node := range run.Snapshot().Operators {
		if node.Kind != "source" {
			continue
		}
		for _, sub := range node.Subtasks {
			n += float64(sub.RecordsOut)
		}
	}
	return n
}

// geometric is the mean of ratios and its standard error.
func geometric(ratios []float64) (mean, err float64) {
	n, sum, squares := float64(len(ratios)), 0.0, 0.0
	for _, r := range ratios {
		l := math.Log(r)
		sum += l
		squares += l * l
	}
	m := sum / n
	mean = math.Exp(m)
	if n > 1 {
		err = mean * math.Sqrt(max(squares/n-m*m, 0)/(n-1))
	}
	return mean, err
}
