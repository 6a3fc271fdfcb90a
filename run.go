package afflux

import (
	"context"

	"github.com/affluxdev/afflux/internal/job"
	"github.com/affluxdev/afflux/internal/metric"
)

// Snapshot is everything that is known of a job at one instant.
type Snapshot = metric.Job

// Run is a job that was started. Its methods may be called by any goroutine.
type Run struct {
	job   *job.Job
	place string // of checkpoints
	takes bool   // checkpoints
}

// Start opens the connectors and starts the job. When ctx ends, the job is
// cancelled as by Cancel. After an error nothing runs.
func (j *Job) Start(ctx context.Context) (*Run, error) {
	r, err := j.prepare()
	if err != nil {
		return nil, err
	}
	if err := r.job.Start(ctx); err != nil {
		return nil, err
	}
	return r, nil
}

// prepare plans the job.
func (j *Job) prepare() (*Run, error) {
	if err := j.plan(); err != nil {
		return nil, err
	}
	r, err := job.New(j.cfg, j.nodes)
	if err != nil {
		return nil, err
	}
	return &Run{job: r, place: j.place, takes: j.cfg.Checkpoints != nil}, nil
}

// Run starts the job and waits for its end. When ctx ends, the job is
// cancelled.
func (j *Job) Run(ctx context.Context) error {
	r, err := j.Start(ctx)
	if err != nil {
		return err
	}
	return r.Wait()
}

// Snapshot reads the state of the job. It may be called some times a second.
func (r *Run) Snapshot() *Snapshot { return r.job.Snapshot() }

// Drain asks the sources to stop. What they have read is delivered, and the
// job ends without an error.
func (r *Run) Drain() { r.job.Drain() }

// Cancel stops at once and drops what is in flight.
func (r *Run) Cancel() { r.job.Cancel() }

// Done is closed when the job has ended.
func (r *Run) Done() <-chan struct{} { return r.job.Done() }

// Wait returns when the job has ended, with its first error.
func (r *Run) Wait() error { return r.job.Wait() }
