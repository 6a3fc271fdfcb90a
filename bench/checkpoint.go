package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/window"
)

// Counted is a job that keeps a million counts and more.
type Counted struct {
	Name string
	// Records of a run, for some seconds.
	Records int
	// Settled is how many records it takes until there are all counts.
	Settled int
	// job makes the job of the first n records, and a function that returns its
	// checksum when it has ended.
	job func(n int, options ...afflux.JobOption) (*afflux.Job, func() uint64)
}

// run returns the checksum, and what was seen of checkpoints.
func (c Counted) run(ctx context.Context, n int, options ...afflux.JobOption) (uint64, Checkpointed, error) {
	j, sum := c.job(n, options...)
	seen, err := watched(ctx, j)
	return sum(), seen, err
}

// CountedJobs are Nexmark's q5 as it is, and its hot part alone: the count of each
// of a million keys in windows of 10 s each 2 s, at a million records in 2 s, in
// which all but a few keys are in each window and nearly two thirds in each pane,
// so that there are some millions of counts; and one pane, with a count for each
// key. The sources of q5 are held together in event time, and once they are not.
var CountedJobs = []Counted{
	{"Nexmark q5, 1 M auctions", 30_000_000, 20_000_000, hotItems},
	{"Nexmark q5, sources drift apart", 30_000_000, 20_000_000, driftingHotItems},
	{"count of q5, 1 M keys in 5 panes", 60_000_000, 10_000_000, hot{500_000, 5}.count},
	{"count of q5, 1 M keys in 1 pane", 200_000_000, 20_000_000, hot{5_000_000, 1}.count},
}

// hot is the hot part of Nexmark's q5.
type hot struct {
	// slide is the event time of a pane in nanoseconds, and as many records of
	// each of two sources; a window has panes of them.
	slide, panes int
}

const hotKeys = 1_000_000

// Checkpointed is what was seen of the checkpoints of some runs.
type Checkpointed struct {
	Taken, Failed int64
	Bytes         int64 // the most that one has written
	// The longest of all checkpoints and subtasks.
	Sync, Async, Alignment, Duration time.Duration
}

func (c *Checkpointed) add(more Checkpointed) {
	c.Taken += more.Taken
	c.Failed += more.Failed
	c.Bytes = max(c.Bytes, more.Bytes)
	c.Sync = max(c.Sync, more.Sync)
	c.Async = max(c.Async, more.Async)
	c.Alignment = max(c.Alignment, more.Alignment)
	c.Duration = max(c.Duration, more.Duration)
}

// look notes the last checkpoint of a job.
func (c *Checkpointed) look(run *afflux.Run) {
	now := run.Snapshot().Checkpoints
	if now == nil {
		return
	}
	c.Taken, c.Failed = now.Completed, now.Failed
	if l := now.Last; l != nil {
		c.Bytes = max(c.Bytes, l.Bytes)
		c.Sync = max(c.Sync, l.MaxSync)
		c.Alignment = max(c.Alignment, l.MaxAlignment)
		c.Duration = max(c.Duration, l.Duration)
		c.Async = max(c.Async, l.MaxAsync)
	}
}

// Stops are times between two records of a subtask that has always some to do.
type Stops struct {
	// Median and Max are those of several runs, of each the longest.
	Median, Max time.Duration
	Taken       Checkpointed
}

// lookEvery is rare enough that looking, which asks the system for each thread, does
// not show.
const lookEvery = 100 * time.Millisecond

// watched runs a job, and looks at its checkpoints now and then.
func watched(ctx context.Context, j *afflux.Job) (seen Checkpointed, err error) {
	run, err := j.Start(ctx)
	if err != nil {
		return seen, err
	}
	look := func() { seen.look(run) }
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			look()
			continue
		case <-run.Done():
		}
		look()
		return seen, run.Wait()
	}
}

// inDirectory makes an empty directory under dir for checkpoints, and removes
// it.
func inDirectory(dir string, f func(dir string) error) (err error) {
	dir, err = os.MkdirTemp(dir, "afflux-bench-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	return f(dir)
}

// count counts the records of each key in sliding windows.
func (h hot) count(n int, options ...afflux.JobOption) (*afflux.Job, func() uint64) {
	j := afflux.NewJob("hot-items", append(options, afflux.Parallelism(parallel))...)
	out := &sink[window.Result[uint64, int64]]{fold: sumCounts[uint64]}
	afflux.From(j, "source", source[Small]{n, fillKeyed(hotKeys)}).
		EventTime((*Small).when, afflux.InOrder()).
		KeyBy("key", (*Small).key).
		Window(window.Sliding(time.Duration(h.panes*h.slide), time.Duration(h.slide))).
		Aggregate("count", afflux.Count[Small]()).
		To("sum", out)
	return j, func() uint64 { return out.sum.Load() / uint64(h.panes) }
}

// Path compares it with a checkpoint at intervals into files under dir with the
// same without. What was seen of them is added to taken.
func (c Counted) Path(dir string, every time.Duration, taken *Checkpointed) Path {
	return Path{
		Name: fmt.Sprintf("%s, a checkpoint every %v", c.Name, every), Against: "the same without",
		Records: c.Records, Must: 0.95,
		Raw: func(n int) uint64 {
			sum, _, err := c.run(context.Background(), n)
			if err != nil {
				return 0 // the checksum differs
			}
			return sum
		},
		Engine: func(ctx context.Context, n int) (sum uint64, err error) {
			err = inDirectory(dir, func(dir string) (err error) {
				var seen Checkpointed
				sum, seen, err = c.run(ctx, n, afflux.Checkpoints(filepath.Join(dir, "checkpoints"), afflux.Every(every)))
				taken.add(seen)
				return err
			})
			return sum, err
		},
	}
}

// MeasureStops measures the longest stops of a task that counts in states of a
// process function, half a million in each of two subtasks: without checkpoints
// and with one at intervals into files under dir, by turns.
func MeasureStops(ctx context.Context, dir string, records, repetitions int, every time.Duration) (without, with Stops, err error) {
	var quiet, pressed []float64
	for range repetitions {
		gap, _, err := longestGap(ctx, records)
		if err != nil {
			return without, with, err
		}
		quiet = append(quiet, float64(gap))
		err = inDirectory(dir, func(dir string) error {
			gap, seen, err := longestGap(ctx, records, afflux.Checkpoints(filepath.Join(dir, "checkpoints"), afflux.Every(every)))
			pressed = append(pressed, float64(gap))
			with.Taken.add(seen)
			return err
		})
		if err != nil {
			return without, with, err
		}
	}
	without.of(quiet)
	with.of(pressed)
	return without, with, nil
}

func (s *Stops) of(gaps []float64) {
	all := spread(gaps)
	s.Median, s.Max = time.Duration(all.Median), time.Duration(all.Max)
}

// longestGap counts in states of a process function, a million of them, and
// returns the longest time between two records of a subtask. It begins to look
// when all keys have come, since the table grows before.
func longestGap(ctx context.Context, n int, options ...afflux.JobOption) (time.Duration, Checkpointed, error) {
	j := afflux.NewJob("stops", append(options, afflux.Parallelism(parallel))...)
	var c counters
	out := sink[Small]{fold: sumSmall}
	afflux.From(j, "source", source[Small]{n, fillAll}).Watermarks(afflux.InOrder()).
		KeyBy("key", (*Small).key).
		Process("count", c.add).
		To("sum", &out)
	seen, err := watched(ctx, j)
	longest, counted := time.Duration(0), 0
	for _, one := range c.all {
		longest, counted = max(longest, one.longest), counted+one.n
	}
	if err == nil && counted != n {
		err = fmt.Errorf("%d records were counted of %d", counted, n)
	}
	return longest, seen, err
}
