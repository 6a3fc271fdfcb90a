package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/internal/diagnosis"
	"github.com/affluxdev/afflux/internal/metric"
)

// Times of a case.
const (
	// stays is how long a job is watched before anything is switched on.
	stays = 5 * time.Second
	// limit is the time after the onset within which the culprit must be named.
	limit = 10 * time.Second
	// watched is how long a healthy job is watched.
	watched = 20 * time.Second
)

// outcome is what was said of a case.
type outcome struct {
	c *Case
	// named is when each plant was named the second time in a row, after the
	// onset; 0 if it never was.
	named []time.Duration
	// also are the others that were named above a note, with the cause, in the
	// order in which they were; before, what was said while the job was well.
	also, before []string
	// ahead is the innocent operator that came before a guilty one, in a report or
	// in one that named no guilty one yet.
	ahead string
	err   error
	// seen tells which plants the last report named.
	seen []bool
	// evidence is the last report, and numbers what it was made of.
	evidence []diagnosis.Finding
	numbers  string
}

func newOutcome(c *Case) *outcome {
	return &outcome{c: c, named: make([]time.Duration, len(c.Plants)), seen: make([]bool, len(c.Plants))}
}

// passed tells whether the right was said, and nothing wrong.
func (o *outcome) passed() bool {
	return o.err == nil && o.ahead == "" && len(o.before) == 0 && !slices.Contains(o.named, 0)
}

// run runs a case and listens to the diagnosis, a sample a second.
func run(ctx context.Context, c *Case) *outcome {
	o := newOutcome(c)
	b := newBuilder(c)
	defer b.close()
	if c.Well != "" {
		h := healthy[c.Well]
		for at, w := range h.stages {
			b.plants[at] = w
		}
		if h.set != nil {
			h.set(b)
		}
		b.surge = b.rate
	}
	g, ok := graphs[c.Graph]
	if !ok {
		o.err = fmt.Errorf("there is no graph %q", c.Graph)
		return o
	}
	if o.err = b.finish(g); o.err != nil {
		return o
	}
	running, err := b.job.Start(ctx)
	if err != nil {
		o.err = err
		return o
	}
	o.watch(ctx, b, running)
	running.Cancel()
	if err := running.Wait(); err != nil && o.err == nil && ctx.Err() == nil && running.Snapshot().State == "failed" {
		o.err = err
	}
	return o
}

// watch switches the bottlenecks on and follows what is said.
func (o *outcome) watch(ctx context.Context, b *builder, running *afflux.Run) {
	sampler := metric.NewSampler(func() *metric.Job { return running.Snapshot() })
	tick := time.NewTicker(metric.SampleInterval)
	defer tick.Stop()
	began := time.Now()
	var onset time.Time
	sampler.Sample()
	for {
		select {
		case <-ctx.Done():
			o.err = ctx.Err()
			return
		case <-running.Done():
			return
		case <-tick.C:
		}
		sampler.Sample()
		now := time.Now()
		report := diagnosis.Examine(sampler.Samples())
		o.evidence, o.numbers = report.Findings, numbers(sampler)
		switch {
		case onset.IsZero():
			if o.before = accused(nil, report, nil); len(o.before) > 0 {
				return // the numbers are those of the false alarm
			}
			if o.c.Well != "" {
				if now.Sub(began) > watched {
					return
				}
				continue
			}
			if now.Sub(began) > stays {
				onset = time.Now()
				b.on.Store(true)
			}
		default:
			if o.judge(report, now.Sub(onset)) || now.Sub(onset) > limit {
				return
			}
		}
	}
}

// judge compares a report with what was planted, and tells whether all of it
// has been named twice in a row.
func (o *outcome) judge(report diagnosis.Report, after time.Duration) bool {
	all, last := true, -1
	for i, p := range o.c.Plants {
		at := slices.IndexFunc(report.Findings, func(f diagnosis.Finding) bool {
			return f.Operator == p.At && f.Cause == ways[p.How].cause
		})
		if at >= 0 {
			last = max(last, at)
			if o.seen[i] && o.named[i] == 0 && after <= limit {
				o.named[i] = after
			}
		}
		o.seen[i] = at >= 0
		all = all && o.named[i] > 0
	}
	if last < 0 {
		last = len(report.Findings)
	}
	for _, f := range report.Findings[:last] {
		if o.innocent(f) {
			o.ahead = said(f)
		}
	}
	o.also = accused(o.also, report, o.c.Plants)
	return all
}

// innocent tells whether a finding accuses an operator where nothing is planted.
func (o *outcome) innocent(f diagnosis.Finding) bool {
	return f.Severity != diagnosis.Note && !slices.ContainsFunc(o.c.Plants, func(p Plant) bool { return p.At == f.Operator })
}

// accused adds what a report says above a note of operators where nothing is
// planted.
func accused(list []string, report diagnosis.Report, plants []Plant) []string {
	o := &outcome{c: &Case{Plants: plants}}
	for _, f := range report.Findings {
		if s := said(f); o.innocent(f) && !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}

func said(f diagnosis.Finding) string { return f.Operator + ": " + string(f.Cause) }
