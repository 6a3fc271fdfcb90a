package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/bench/nexmark/query"
	"github.com/affluxdev/afflux/bench/nexmark/schema"
	"github.com/affluxdev/afflux/bench/nexmark/source"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/state/pebble"
)

// FailureOptions say which runs with failures to make.
type FailureOptions struct {
	// Events of each run.
	Events int64
	// Match selects queries by name; nil for q4, q5, q7 and q8.
	Match *regexp.Regexp
	// Seed is that of the first round, and Rounds how many there are: each query
	// runs in each way in each of them.
	Seed, Rounds uint64
	// Dir is an empty directory for state and checkpoints.
	Dir string
}

var recovering = regexp.MustCompile("^q[4578]$")

// way is how checkpoints are taken.
type way struct {
	name string
	// after is when barriers overtake records.
	after func(*rand.Rand) time.Duration
	// rescaled jobs have another parallelism when they are made again.
	rescaled bool
}

func early(r *rand.Rand) time.Duration { return time.Duration(r.Int64N(int64(2 * time.Millisecond))) }

var ways = []way{
	{"aligned", func(*rand.Rand) time.Duration { return afflux.Never }, false},
	{"unaligned", func(*rand.Rand) time.Duration { return 0 }, false},
	{"mixed", early, false},
	{"mixed and rescaled", early, true},
}

// accident is a run with failures.
type accident struct {
	way
	disk bool
	seed uint64
}

// String is for people.
func (a accident) String() string {
	state := "in memory"
	if a.disk {
		state = "on disk"
	}
	return fmt.Sprintf("seed %d, %s, state %s", a.seed, a.name, state)
}

// recovery is what has happened in runs.
type recovery struct {
	failures, cancels, restored int
	checkpoints                 int64
}

func (r *recovery) add(more recovery) {
	r.failures += more.failures
	r.cancels += more.cancels
	r.restored += more.restored
	r.checkpoints += more.checkpoints
}

// Failures runs queries that fail at random places, go on from their checkpoints
// and must answer as the model does. It writes a line for each query to w, and
// returns how many runs passed of how many.
func Failures(ctx context.Context, w io.Writer, o FailureOptions) (passed, all int, err error) {
	work, err := dense(o.Events)
	if err != nil {
		return 0, 0, err
	}
	match := o.Match
	if match == nil {
		match = recovering
	}
	for _, p := range plans() {
		if !match.MatchString(p.name) || p.committed == nil || p.slow {
			continue
		}
		began, ok, n, sum := time.Now(), 0, 0, recovery{}
		want := p.want(work.input)
		var failures []error
		for seed := range o.Rounds {
			for _, how := range ways {
				for _, disk := range []bool{false, true} {
					a := accident{how, disk, o.Seed + seed}
					n++
					r, err := p.survive(ctx, work, a, want, o.Dir)
					if sum.add(r); err != nil {
						failures = append(failures, fmt.Errorf("%v: %w", a, err))
						continue
					}
					ok++
				}
			}
		}
		if sum.restored == 0 {
			ok, failures = 0, append(failures, errors.New("no run went on from a checkpoint"))
		}
		fmt.Fprintf(w, "%-4s %6d rows  %2d/%-2d  %5.1f s with failures: %d failed and %d cancelled, %d went on from one of %d checkpoints\n",
			p.name, len(want), ok, n, time.Since(began).Seconds(), sum.failures, sum.cancels, sum.restored, sum.checkpoints)
		for _, f := range failures {
			fmt.Fprintf(w, "     %v\n", f)
		}
		passed, all = passed+ok, all+n
		if ctx.Err() != nil {
			return passed, all, ctx.Err()
		}
	}
	return passed, all, nil
}

// survive runs a query until it has ended by itself, and compares.
func (p *plan) survive(ctx context.Context, work *workload, a accident, want []string, dir string) (r recovery, err error) {
	dir, err = os.MkdirTemp(dir, p.name+"-*")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	ctx, stop := context.WithTimeoutCause(ctx, patience, fmt.Errorf("not done after %v", patience))
	defer stop()
	out := p.committed()
	random := rand.New(rand.NewPCG(a.seed, uint64(len(p.name))<<8|uint64(p.name[len(p.name)-1])))
	t := newTrouble(random, work.config.Events)
	shuffled := random.IntN(2) == 0
	parallelism := 2
	for number := 0; ; number++ {
		if a.rescaled && number > 0 {
			parallelism = 1 + (parallelism+random.IntN(2))%3
		}
		job := afflux.NewJob("nexmark-"+p.name, afflux.Parallelism(parallelism),
			afflux.Checkpoints(filepath.Join(dir, "checkpoints"), afflux.Every(time.Millisecond), afflux.UnalignedAfter(a.after(random))),
			afflux.Restart(afflux.FixedDelay(afflux.Unlimited, time.Millisecond)))
		if a.disk {
			disk, err := pebble.In(filepath.Join(dir, fmt.Sprint("state-", number)), pebble.MinMemory)
			if err != nil {
				return r, err
			}
			job.Set(afflux.StateOnDisk(disk))
		}
		var options []source.Option
		disorder := afflux.InOrder()
		if shuffled {
			options, disorder = append(options, source.Shuffled(1, work.delay)), afflux.OutOfOrder(work.bound)
		}
		events := afflux.From(job, "events", source.Events(work.config, options...)).Watermarks(disorder)
		out.add(t.in(events), work.input)
		again, err := t.run(ctx, job, &r)
		if err != nil {
			return r, err
		}
		if !again {
			return r, compare(out.rows(), want)
		}
	}
}

// trouble makes a job fail, in a step that all events go through.
type trouble struct {
	mu     sync.Mutex
	random *rand.Rand
	events int64
	count  int64   // events since the last failure
	next   []int64 // after so many there is the next one
	failed int
	cancel chan struct{}
}

func newTrouble(random *rand.Rand, events int64) *trouble {
	t := &trouble{random: random, events: events, cancel: make(chan struct{}, most)}
	for range 2 + random.IntN(most-1) {
		t.next = append(t.next, 1+random.Int64N(events*2/3))
	}
	return t
}

const most = 5 // failures of a run

// pace is after how many events of a subtask it pauses, so that checkpoints are
// taken in a run that would be over before.
const pace, pause = 64, 200 * time.Microsecond

func (t *trouble) in(events *query.Events) *query.Events {
	return events.Filter("trouble", func(*schema.Event) bool {
		if t.strike() {
			panic(errTrouble)
		}
		return true
	})
}

var errTrouble = errors.New("a failure that was planned")

// strike counts an event, and tells whether the task has to fail at it.
func (t *trouble) strike() (fail bool) {
	t.mu.Lock()
	t.count++
	count := t.count
	if len(t.next) > 0 && t.count >= t.next[0] {
		t.next, t.count = t.next[1:], 0
		if fail = t.random.IntN(3) > 0; fail {
			t.failed++
		} else {
			t.cancel <- struct{}{}
		}
	}
	t.mu.Unlock()
	if count%pace == 0 {
		time.Sleep(pause)
	}
	return fail
}

// run runs a job until it ends or is to be cancelled; then it has to be made
// again.
func (t *trouble) run(ctx context.Context, job *afflux.Job, r *recovery) (again bool, err error) {
	failed := t.failures()
	run, err := job.Start(ctx)
	if err != nil {
		return false, err
	}
	select {
	case <-run.Done():
	case <-t.cancel:
		run.Cancel()
		r.cancels++
		again = true
	}
	err = run.Wait()
	c := run.Snapshot().Checkpoints
	if c != nil {
		r.checkpoints += c.Completed
		if c.Restored != nil {
			r.restored++
		}
	}
	r.failures += t.failures() - failed
	if again && errors.Is(err, operator.ErrCancelled) {
		err = nil
	}
	return again, err
}

func (t *trouble) failures() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failed
}
