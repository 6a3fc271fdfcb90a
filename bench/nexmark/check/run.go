package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/bench/nexmark/source"
	"github.com/affluxdev/afflux/state/pebble"
)

// Options say what to run.
type Options struct {
	// Events of each run.
	Events int64
	// Parallelisms to run each query at.
	Parallelisms []int
	// Match selects queries by name; nil for all. The published counts are
	// compared for those that it selects, if Published is set.
	Match     *regexp.Regexp
	Published bool
	// Dir is an empty directory for state and files.
	Dir string
}

// patience is how long one run may take: more than that means that it hangs.
const patience = time.Minute

// variant is one way to run a query.
type variant struct {
	parallelism int
	disk        bool
	shuffled    bool
}

// String is for people.
func (v variant) String() string {
	state, order := "in memory", "in order"
	if v.disk {
		state = "on disk"
	}
	if v.shuffled {
		order = "shuffled"
	}
	return fmt.Sprintf("parallelism %d, state %s, events %s", v.parallelism, state, order)
}

func variants(parallelisms []int) (all []variant) {
	for _, p := range parallelisms {
		for _, disk := range []bool{false, true} {
			for _, shuffled := range []bool{false, true} {
				all = append(all, variant{p, disk, shuffled})
			}
		}
	}
	return all
}

// Run runs the checks and writes a line for each query to w. It returns how
// many checks passed of how many; an error says that they could not be run.
func Run(ctx context.Context, w io.Writer, o Options) (passed, all int, err error) {
	normal, err := dense(o.Events)
	if err != nil {
		return 0, 0, err
	}
	day, err := sparse(o.Events)
	if err != nil {
		return 0, 0, err
	}
	for _, p := range plans() {
		if o.Match != nil && !o.Match.MatchString(p.name) {
			continue
		}
		work := normal
		if p.slow {
			work = day
		}
		began, ok, n := time.Now(), 0, 0
		want := p.want(work.input)
		var failures []error
		if len(want) == 0 {
			failures = append(failures, errors.New("the model has no rows: nothing is compared"))
		}
		for _, v := range variants(o.Parallelisms) {
			n++
			if err := p.check(ctx, work, v, want, o.Dir); err != nil {
				failures = append(failures, fmt.Errorf("%v: %w", v, err))
				continue
			}
			ok++
		}
		if len(want) == 0 {
			ok = 0
		}
		fmt.Fprintf(w, "%-4s %6d rows  %2d/%-2d  %5.1f s\n", p.name, len(want), ok, n, time.Since(began).Seconds())
		for _, f := range failures {
			fmt.Fprintf(w, "     %v\n", f)
		}
		passed, all = passed+ok, all+n
		if ctx.Err() != nil {
			return passed, all, ctx.Err()
		}
	}
	if o.Published {
		ok, n, err := counts(ctx, w, o)
		return passed + ok, all + n, err
	}
	return passed, all, nil
}

// check runs a query once and compares.
func (p *plan) check(ctx context.Context, work *workload, v variant, want []string, dir string) error {
	got, err := p.run(ctx, work, v, dir)
	if err != nil {
		return err
	}
	return compare(got, want)
}

// run returns the rows of a query.
func (p *plan) run(ctx context.Context, work *workload, v variant, dir string) (rows []string, err error) {
	dir, err = os.MkdirTemp(dir, p.name+"-*")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	job := afflux.NewJob("nexmark-"+p.name, afflux.Parallelism(v.parallelism))
	if v.disk {
		disk, err := pebble.In(filepath.Join(dir, "state"), pebble.MinMemory)
		if err != nil {
			return nil, err
		}
		job.Set(afflux.StateOnDisk(disk))
	}
	var options []source.Option
	disorder := afflux.InOrder()
	if v.shuffled {
		options = append(options, source.Shuffled(1, work.delay))
		disorder = afflux.OutOfOrder(work.bound)
	}
	events := afflux.From(job, "events", source.Events(work.config, options...)).Watermarks(disorder)
	result := p.start(events, work.input, filepath.Join(dir, "rows"))
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("not done after %v", patience))
	defer cancel()
	if err := job.Run(ctx); err != nil {
		return nil, err
	}
	return result()
}
