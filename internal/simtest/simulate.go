package simtest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/graph"
	"github.com/affluxdev/afflux/internal/job"
	"github.com/affluxdev/afflux/internal/task"
)

// Ending is how a simulated job ends.
type Ending uint8

const (
	// Complete: the sources run out.
	Complete Ending = iota
	// Drained: the sources are asked to stop at a random step.
	Drained
	// Cancelled at a random step.
	Cancelled
	// Failing: a function of the user panics at a random call.
	Failing
)

// String names the ending.
func (e Ending) String() string {
	return [...]string{"complete", "drained", "cancelled", "failing"}[e]
}

// Result is what is known of a simulation.
type Result struct {
	Shape     string // the graph, for people
	Ending    Ending
	Records   int    // that the sources handed over
	Delivered int    // that the sinks hold
	Steps     int    // of the scheduler
	Trace     uint64 // a hash of the schedule
	Checked   int    // watermarks that were compared while all was quiet
	Aligned   int    // polls of aligned sources that were compared with others
	Rang      int    // timers in processing time
	Markers   int    // of latency, that arrived at sinks
	Spans     int    // of operators that traced markers passed
}

// Simulate runs the job of a seed. calm is the same job with nothing that
// stalls, tasks in turn, and until its sources run out. The error says what
// rule was broken.
func Simulate(seed uint64, calm bool) (Result, error) {
	if seed%3 == 0 {
		return simulate[Flat](seed, calm)
	}
	return simulate[Wide](seed, calm)
}

// Limits of a simulated job in records, so that it stays small.
const (
	mostRead = 1500
	mostHeld = 12_000
)

func simulate[R any, P record[R]](seed uint64, calm bool) (Result, error) {
	w := newWorld(seed)
	r := w.rng
	cfg := drawn(r, 5)
	if r.IntN(3) == 0 {
		cfg.Target = -1
	}
	b := &builder[R, P]{w: w, read: map[[2]int]bool{}, sinks: map[int]*sink[R, P]{}}
	b.operators(cfg.MaxRecord)
	for _, s := range append([]stream(nil), b.open...) {
		if r.IntN(2) == 0 && !b.read[[2]int{s.node, s.output}] {
			b.probe(s)
		}
	}
	b.finish()
	res := Result{Shape: b.shape()}
	res.Ending = [...]Ending{Complete, Complete, Complete, Complete, Complete, Drained, Cancelled, Failing}[r.IntN(8)]
	if calm {
		res.Ending = Complete
		w.calm = true
	}
	at := r.IntN(4000)
	plan, err := graph.Build(b.nodes, cfg.Defaults)
	if err != nil {
		return res, err
	}
	if err := b.shrink(plan.Parallelism); err != nil {
		return res, err
	}
	if res.Ending == Failing {
		b.failAt = 1 + r.IntN(500)
	}
	if seed%2 == 0 {
		cfg.Tracer = spans{w}
	}
	g, err := job.Build(cfg, b.nodes, w.host)
	if err != nil {
		return res, err
	}
	if err := w.load(g); err != nil {
		return res, err
	}
	err = w.run(func(step int) bool {
		switch {
		case step != at:
		case res.Ending == Drained:
			g.All(func(t *task.Task) {
				if t.IsSource() {
					t.Drain()
				}
			})
		case res.Ending == Cancelled:
			g.All((*task.Task).Cancel)
		}
		return true
	})
	res.Steps, res.Trace = w.steps, w.trace
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, w.dump())
		return res, errors.Join(err, w.close())
	}
	return res, b.verify(&res)
}

// drawn is a random configuration with at most so many subtasks.
func drawn(r *rand.Rand, most int) job.Config {
	cfg := job.Config{
		Name:     "simulated",
		Defaults: graph.Defaults{Parallelism: 1 + r.IntN(most), NoChaining: r.IntN(4) == 0},
		Batch:    int64(64 << r.IntN(7)), Buffers: 2 + r.IntN(7), MaxRecord: int64(128 << r.IntN(7)),
		Target:    time.Duration(1+r.IntN(100)) * time.Millisecond,
		EveryStep: r.IntN(4) != 0,
	}
	cfg.LatencyEvery = time.Duration(cfg.Buffers) * 20 * time.Microsecond
	return cfg
}

// operators adds some sources and operators.
func (b *builder[R, P]) operators(maxRecord int64) {
	r := b.w.rng
	for range 1 + r.IntN(3) {
		b.source(maxRecord, 300)
	}
	for range 1 + r.IntN(7) {
		if r.IntN(4) == 0 {
			b.probe(b.pick())
		}
		b.operator()
	}
}

// shrink makes the sources smaller until the job is small.
func (b *builder[R, P]) shrink(parallelism []int) error {
	for {
		total := 0
		for i, s := range b.src {
			s.read = s.read[:0]
			for sub := range parallelism[i] {
				for k := range s.splits {
					for j := range s.n {
						s.read = append(s.read, s.made(sub, k, j))
					}
				}
			}
			total += len(s.read)
		}
		out, ok := b.expect(parallelism, mostHeld)
		if ok && total <= mostRead && held(out) <= mostHeld {
			break
		}
		for _, s := range b.src {
			s.n /= 2
		}
		if total == 0 {
			return errors.New("the job does not become small")
		}
	}
	for _, s := range b.src {
		s.read = nil
	}
	return nil
}

func held(out [][][]elem) (n int) {
	for _, list := range out {
		for _, l := range list {
			n += len(l)
		}
	}
	return n
}

// verify compares what the sinks hold with the model.
func (b *builder[R, P]) verify(res *Result) error {
	w := b.w
	for _, s := range b.src {
		res.Records += len(s.read)
	}
	for _, s := range b.sinks {
		res.Delivered += len(s.got)
	}
	failed := -1
	for i, err := range w.errs {
		if err != nil && failed < 0 {
			failed = i
		}
	}
	switch {
	case res.Ending == Cancelled && failed >= 0:
		return w.close()
	case res.Ending == Failing && b.failAt == 0 && failed >= 0:
		if err := w.close(); err == nil || !strings.Contains(err.Error(), "planted failure") {
			return fmt.Errorf("the planted failure became: %w", err)
		}
		return nil
	case failed >= 0:
		return errors.Join(w.errs[failed], w.close())
	}
	if err := w.finish(); err != nil {
		return err
	}
	if err := w.close(); err != nil {
		return err
	}
	p := w.graph.Plan
	if err := b.settled(res); err != nil {
		return err
	}
	want, _ := b.expect(p.Parallelism, 1<<30)
	for i, n := range b.nodes {
		k := b.sinks[i]
		if k == nil {
			continue
		}
		timed := b.timed(n.Inputs[0])
		if d := difference(k.got, want[i][0], timed); d != "" {
			return fmt.Errorf("%s: %s", n.Name, d)
		}
	}
	return nil
}

// settled checks what must hold of a job that has ended well.
func (b *builder[R, P]) settled(res *Result) error {
	w := b.w
	p := w.graph.Plan
	if now, _ := w.graph.InFlight(); now != 0 {
		return fmt.Errorf("%d bytes are in flight after the end", now)
	}
	m := w.graph.Latencies
	res.Markers = int(m.Arrived.Load())
	res.Spans = w.spans
	if sent, seen := m.Sent.Load(), m.Arrived.Load()+m.Dropped.Load(); sent != seen {
		return fmt.Errorf("sources sent %d markers, and %d arrived or were dropped", sent, seen)
	}
	for i, s := range b.src {
		all := p.Parallelism[i] * s.splits * s.n
		if res.Ending == Complete && len(s.read) != all {
			return fmt.Errorf("source %d was read to record %d of %d", i, len(s.read), all)
		}
		if s.committed != p.Parallelism[i] {
			return fmt.Errorf("source %d was told %d times to commit, with %d subtasks", i, s.committed, p.Parallelism[i])
		}
	}
	for i := range b.nodes {
		if k := b.sinks[i]; k != nil && k.flushed != p.Parallelism[i] {
			return fmt.Errorf("a sink of %d subtasks was flushed %d times", p.Parallelism[i], k.flushed)
		}
		for _, t := range w.graph.Tasks[p.ChainOf[i]] {
			if late := t.Snapshot(i).Late; late != 0 {
				return fmt.Errorf("%s: %d records were late", b.nodes[i].Name, late)
			}
		}
	}
	return nil
}

// timed tells whether the times on an arrow are the same in every run.
func (b *builder[R, P]) timed(in graph.Input) bool {
	n := b.nodes[in.From]
	if n.Kind == "rolling" {
		return false
	}
	for _, i := range n.Inputs {
		if n.Kind != "window" && !b.timed(i) {
			return false
		}
	}
	return true
}

// shape is the graph in words.
func (b *builder[R, P]) shape() string {
	var s []string
	for _, n := range b.nodes {
		t := n.Name
		for k, in := range n.Inputs {
			sep := ","
			if k == 0 {
				sep = "<-"
			}
			t += fmt.Sprintf("%s%s(%s)", sep, b.nodes[in.From].Name, in.Partition)
		}
		s = append(s, t)
	}
	return event.TypeOf[R]().Name() + ": " + strings.Join(s, " ")
}
