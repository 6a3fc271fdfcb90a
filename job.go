package afflux

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/graph"
	"github.com/affluxdev/afflux/internal/job"
	"github.com/affluxdev/afflux/internal/transform"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/state"
)

// Job is a graph of operators under construction. It belongs to one goroutine
// until it is started. Mistakes that the compiler cannot see, like two
// operators of one name, are reported when it starts.
type Job struct {
	name    string
	cfg     job.Config
	nodes   []*graph.Node
	letters connector.SinkDriver
	letName string
	disk    state.Disk // nil: state is in memory
	place   string     // of checkpoints, "" if that is no directory
	restart bool       // what to do after a failure was set
	err     error
	built   bool
}

// JobOption sets something for the whole job.
type JobOption interface{ applyJob(*Job) }

type jobOption func(*Job)

func (f jobOption) applyJob(j *Job) { f(j) }

// NewJob returns an empty job. The name appears in metrics and messages.
func NewJob(name string, options ...JobOption) *Job {
	j := &Job{name: name}
	j.cfg.Name = name
	for _, o := range options {
		o.applyJob(j)
	}
	return j
}

// Name of the job.
func (j *Job) Name() string { return j.name }

// Set applies options to a job that was made already, like those of a command
// line.
func (j *Job) Set(options ...JobOption) {
	for _, o := range options {
		o.applyJob(j)
	}
}

// Buffers sets how much may be in flight on each arrow: n batches (at least 2)
// of size bytes. The default is 8 batches of 32 KiB.
func Buffers(n int, size int) JobOption {
	return jobOption(func(j *Job) {
		if n < 2 || size < 64 {
			j.fail(fmt.Errorf("Buffers(%d, %d): an arrow needs at least 2 batches of 64 bytes", n, size))
		}
		j.cfg.Buffers, j.cfg.Batch = n, int64(size)
	})
}

// MaxRecord sets the size of the largest record in bytes; each gate of a task
// keeps that much in reserve. The default is 1 MiB.
func MaxRecord(size int) JobOption {
	return jobOption(func(j *Job) {
		if size < 1 {
			j.fail(fmt.Errorf("MaxRecord(%d): the size must be positive", size))
		}
		j.cfg.MaxRecord = int64(size)
	})
}

// WindowTarget sets how much work, in time at the receiver, may be in flight on
// an arrow: the window of credit follows throughput × target. The default is
// 100 ms; a negative target leaves the bound in bytes alone.
func WindowTarget(d time.Duration) JobOption {
	return jobOption(func(j *Job) { j.cfg.Target = d })
}

// OverrideParallelism replaces the default parallelism, also of a job whose
// code sets another: for a command line.
func OverrideParallelism(n int) JobOption {
	return jobOption(func(j *Job) {
		if n < 1 {
			j.fail(fmt.Errorf("parallelism %d: it must be at least 1", n))
		}
		j.cfg.Override = n
	})
}

// NoChaining gives every operator a task of its own, to see each by itself.
func NoChaining() JobOption { return jobOption(func(j *Job) { j.cfg.NoChaining = true }) }

// Logger takes the log of the job: rare events only. The default discards them.
func Logger(l *slog.Logger) JobOption { return jobOption(func(j *Job) { j.cfg.Log = l }) }

// DeadLetters sets where records go whose operator has the policy DeadLetter.
func (j *Job) DeadLetters(name string, sink connector.Sink[event.DeadLetter]) {
	if j.letters != nil {
		j.fail(fmt.Errorf("DeadLetters was called twice: a job has one dead-letter sink"))
	}
	j.letters, j.letName = connector.DriveSink(sink), name
}

// fail keeps the first mistake.
func (j *Job) fail(err error) {
	if j.err == nil {
		j.err = err
	}
}

// add registers an operator.
func (j *Job) add(n *graph.Node, options []Option) *graph.Node {
	n.ID = len(j.nodes)
	n.Letters = -1
	for _, o := range options {
		if err := o.apply(n); err != nil {
			j.fail(fmt.Errorf("operator %q: %w", n.Name, err))
		}
	}
	if n.OnError == operator.DeadLetter {
		n.Letters = len(n.Outputs)
		n.Outputs = append(n.Outputs, event.TypeOf[event.DeadLetter]())
	}
	j.nodes = append(j.nodes, n)
	return n
}

// plan completes the graph: it joins the dead letters of all operators.
func (j *Job) plan() error {
	if j.err != nil {
		return j.err
	}
	if j.built {
		return fmt.Errorf("job %q was started before: build another", j.name)
	}
	j.built = true
	var inputs []graph.Input
	for _, n := range j.nodes {
		if n.Letters >= 0 {
			inputs = append(inputs, graph.Input{From: n.ID, Output: n.Letters, Partition: event.Rebalance})
		}
	}
	switch {
	case len(inputs) == 0:
		return nil
	case j.letters == nil:
		return fmt.Errorf("operator %q sends refused records to the dead-letter sink, but the job has none: call DeadLetters", j.nodes[inputs[0].From].Name)
	}
	j.add(&graph.Node{Name: j.letName, Kind: "dead_letters", Parallelism: 1, Unchained: true, Inputs: inputs, Sink: j.letters}, nil)
	return nil
}

// pass adds a node that hands records on, for streams to meet.
func (j *Job) pass(name, kind string, typ event.Type, inputs []graph.Input, options []Option) *graph.Node {
	return j.add(&graph.Node{Name: name, Kind: kind, Inputs: inputs, Outputs: []event.Type{typ}, Operator: transform.NewPass}, options)
}
