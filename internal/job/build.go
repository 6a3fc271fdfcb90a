package job

import (
	"log/slog"
	"runtime"
	"slices"
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/checkpoint"
	"github.com/affluxdev/afflux/internal/credit"
	"github.com/affluxdev/afflux/internal/exchange"
	"github.com/affluxdev/afflux/internal/graph"
	"github.com/affluxdev/afflux/internal/metric"
	"github.com/affluxdev/afflux/internal/task"
)

// Config of a job. Zero fields take the defaults.
type Config struct {
	Name string
	graph.Defaults
	// Batch is the size of a batch in bytes; default 32 KiB.
	Batch int64
	// Buffers is how many batches a channel may have in flight; default 8.
	Buffers int
	// MaxRecord is the largest record in bytes; default 1 MiB.
	MaxRecord int64
	// Target bounds the work in flight on a channel in time; default 100 ms,
	// negative for no bound in time.
	Target time.Duration
	Log    *slog.Logger
	// Checkpoints says whether and where checkpoints are taken, nil for never.
	Checkpoints *Checkpointing
	// Restart is what happens after a failure.
	Restart Restart
	// LatencyEvery is the time between two markers of a subtask of a source;
	// default 1 s, negative to measure no latencies.
	LatencyEvery time.Duration
	// Tracer makes traces of markers, nil for none.
	Tracer metric.Tracer
	// restored and clerk are those of an attempt.
	restored *task.Restored
	clerk    task.Checkpoints
	letters  *metric.LetterTray
	// owner is the right to write checkpoints, from the start of the job.
	owner *checkpoint.Ownership
	// EveryStep makes simulated tasks give control back after each batch.
	EveryStep bool
}

// Defaults of Config.
const (
	DefaultBatch     = 32 << 10
	DefaultBuffers   = 8
	DefaultMaxRecord = 1 << 20
	DefaultTarget    = 100 * time.Millisecond
	startWindow      = 16 << 10
)

func (c *Config) fill() {
	if c.Parallelism <= 0 {
		c.Parallelism = runtime.GOMAXPROCS(0)
	}
	if c.Batch <= 0 {
		c.Batch = DefaultBatch
	}
	if c.Buffers <= 0 {
		c.Buffers = DefaultBuffers
	}
	c.Buffers = max(c.Buffers, 2)
	if c.MaxRecord <= 0 {
		c.MaxRecord = DefaultMaxRecord
	}
	if c.Target == 0 {
		c.Target = DefaultTarget
	}
	if c.LatencyEvery == 0 {
		c.LatencyEvery = DefaultLatencyEvery
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}

// gate is the credit of a gate with n channels of records of that size.
func (c *Config) gate(n, size int) credit.Config {
	b := c.Batch
	return credit.Config{
		Floor:    2 * b,
		Floating: int64(c.Buffers-2) * b * int64((n+1)/2),
		Reserve:  c.MaxRecord + b,
		Ceiling:  int64(c.Buffers) * b,
		Min:      int64(2 * (size + 8)),
		Start:    startWindow,
		// The sender's open batch and the one that is being worked on come on top
		// of what is in flight.
		Target: max(c.Target, 0) / 4 * 3,
	}
}

// overdraft is what an output may keep beyond credit, so that a task can come to
// the end of its batch when a barrier has to get through.
func (c *Config) overdraft() int64 {
	if c.Checkpoints == nil {
		return 0
	}
	return 4 * c.Batch
}

// lent is what a gate with n channels may give out beyond its pool while it
// aligns barriers.
func (c *Config) lent(n int) int64 {
	if c.Checkpoints == nil || c.Checkpoints.AtLeastOnce {
		return 0
	}
	return int64(n-1) * (c.MaxRecord + c.Batch)
}

// Graph is a plan with its tasks and channels, not yet running.
type Graph struct {
	Plan *graph.Plan
	// Tasks of each chain, by subtask.
	Tasks [][]*task.Task
	// Gates of each chain, by subtask; nil for sources.
	Gates [][]*exchange.Gate
	// Channels of each edge, by edge ID.
	Channels [][]*exchange.Channel
	// Edges of the plan, by ID.
	Edges []graph.Edge
	// Keys are the sketches of the senders of keyed edges, by edge ID.
	Keys [][]*metric.KeySketch
	// Latencies are measured by the tasks, nil if they are not.
	Latencies *metric.LatencyPaths
	pools     int64
}

// Hosts makes the host of a task around its waker.
type Hosts func(w *exchange.Waker) task.Host

// Build makes the tasks and channels of a plan.
func Build(cfg Config, nodes []*graph.Node, hosts Hosts) (*Graph, error) {
	cfg.fill()
	p, err := graph.Build(nodes, cfg.Defaults)
	if err != nil {
		return nil, err
	}
	g := &Graph{Plan: p}
	latency := cfg.latency(p)
	if latency != nil {
		g.Latencies = latency.Paths
	}
	wakers := make([][]*exchange.Waker, len(p.Chains))
	for i := range p.Chains {
		for range p.Chains[i].Parallelism {
			wakers[i] = append(wakers[i], exchange.NewWaker())
		}
	}
	inputs := make([][][]*exchange.Channel, len(p.Chains)) // chain, subtask, channels
	outputs := map[int][][]*exchange.Channel{}             // edge, sending subtask, channels
	for i := range p.Chains {
		inputs[i] = make([][]*exchange.Channel, p.Chains[i].Parallelism)
	}
	for i := range p.Chains {
		for _, e := range p.Chains[i].Out {
			to := p.ChainOf[e.To]
			channels := g.join(&cfg, e, wakers[i], wakers[to])
			outputs[e.ID] = channels
			for from := range channels {
				for _, c := range channels[from] {
					inputs[to][c.To] = append(inputs[to][c.To], c)
				}
			}
		}
	}
	groups := map[string]*task.Horizon{}
	for i := range p.Chains {
		c := &p.Chains[i]
		aligned := (*task.Horizon)(nil)
		if a := p.Nodes[c.Nodes[0]].Align; a != nil {
			if groups[a.Group] == nil {
				groups[a.Group] = new(task.Horizon)
			}
			aligned = groups[a.Group]
		}
		tasks := make([]*task.Task, c.Parallelism)
		gates := make([]*exchange.Gate, c.Parallelism)
		for s := range tasks {
			w := wakers[i][s]
			if len(c.In) > 0 {
				size := 1 << 20
				for _, e := range c.In {
					size = min(size, e.Type.Size())
				}
				cc := cfg.gate(len(inputs[i][s]), size)
				g.pools += cc.Pool(len(inputs[i][s]))
				if variable(c.In) {
					g.pools += cfg.lent(len(inputs[i][s]))
				}
				gates[s] = exchange.NewGate(cc, inputs[i][s])
			}
			tasks[s] = task.New(task.Config{Plan: p, Chain: c, Subtask: s, Gate: gates[s], Waker: w, Batch: min(cfg.Batch, 16<<10), Log: cfg.Log, Aligned: aligned,
				Job: cfg.Name, Checkpoints: cfg.clerk, Restored: cfg.restored, Letters: cfg.letters, Latency: latency, EveryStep: cfg.EveryStep}, hosts(w))
		}
		g.Tasks, g.Gates = append(g.Tasks, tasks), append(g.Gates, gates)
	}
	for i := range p.Chains {
		for _, e := range p.Chains[i].Out {
			for s, t := range g.Tasks[i] {
				t.Connect(e, exchange.NewOutput(exchange.Config{
					Partition: e.Input.Partition, Hasher: e.Input.Hasher, Keys: g.sketch(e), Router: e.Input.Router,
					Batch: cfg.Batch, Largest: cfg.gate(1, e.Type.Size()).Largest(),
					Overdraft: cfg.overdraft(),
				}, e.Type, outputs[e.ID][s], t))
			}
		}
		for _, t := range g.Tasks[i] {
			t.Prepare()
		}
	}
	return g, nil
}

// variable tells whether records of an edge may be larger than a batch.
func variable(edges []graph.Edge) bool {
	return slices.ContainsFunc(edges, func(e graph.Edge) bool { return e.Type.Variable() })
}

// join makes the channels of an edge: from each sender to each receiver, or
// to one receiver on a forward edge.
func (g *Graph) join(cfg *Config, e graph.Edge, from, to []*exchange.Waker) [][]*exchange.Channel {
	out := make([][]*exchange.Channel, len(from))
	var all []*exchange.Channel
	for f := range from {
		for t := range to {
			if e.Input.Partition == event.Forward && f != t {
				continue
			}
			c := exchange.NewChannel(2*cfg.Buffers, from[f], to[t])
			c.From, c.To, c.Port, c.Plan = f, t, e.Port, e.ID
			out[f] = append(out[f], c)
			all = append(all, c)
		}
	}
	for len(g.Channels) <= e.ID {
		g.Channels = append(g.Channels, nil)
		g.Edges = append(g.Edges, graph.Edge{})
	}
	g.Channels[e.ID], g.Edges[e.ID] = all, e
	return out
}

// sketch makes the sketch of the hottest keys of one sender, nil where keys are
// not tracked.
func (g *Graph) sketch(e graph.Edge) *metric.KeySketch {
	if e.Input.KeyText == nil {
		return nil
	}
	for len(g.Keys) <= e.ID {
		g.Keys = append(g.Keys, nil)
	}
	s := metric.NewKeySketch(e.Input.KeyText)
	g.Keys[e.ID] = append(g.Keys[e.ID], s)
	return s
}

// InFlight is what all channels, open batches and connectors hold now, and the
// most that they can hold, in bytes.
func (g *Graph) InFlight() (now, bound int64) {
	bound = g.pools
	for _, list := range g.Channels {
		for _, c := range list {
			now += c.State().InFlight
		}
	}
	for _, tasks := range g.Tasks {
		for _, t := range tasks {
			n, b := t.Held()
			m, c := t.Buffered()
			now, bound = now+n+m, bound+b+c
		}
	}
	return now, bound
}

// All calls f for every task, sinks first.
func (g *Graph) All(f func(*task.Task)) {
	for i := len(g.Tasks) - 1; i >= 0; i-- {
		for _, t := range g.Tasks[i] {
			f(t)
		}
	}
}
