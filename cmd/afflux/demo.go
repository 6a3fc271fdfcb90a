package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/connector/generator"
	"github.com/affluxdev/afflux/internal/broker"
	"github.com/affluxdev/afflux/internal/diagnosis"
	"github.com/affluxdev/afflux/internal/metric"
	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// demoOptions are the flags of the demo.
type demoOptions struct {
	duration time.Duration
	base     float64
	spike    string
	hold     time.Duration
	capacity float64
	latency  time.Duration
	json     bool
	execute  afflux.ExecuteOptions
}

func newDemoCommand() *cobra.Command {
	o := demoOptions{}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Watch a pipeline survive a tenfold spike",
		Long: `Run a pipeline that is overrun, and show that nothing is lost.

An embedded log, a generator of clicks, and a profile service with limited
capacity run in this process. The clicks come at a base rate, spike to ten times
that, and calm down. The pipeline asks the service about each click, counts hot
items in sliding windows, and writes both to topics. When the service cannot
keep up it refuses calls, the enrichment presses its source, the source stops
reading, and the clicks wait in the log; memory in flight stays within its
bound. In the end all topics are read back and compared.

Exit status: 0 nothing lost and nothing doubled, 1 otherwise, 2 wrong flags.`,
		Example: `  afflux demo
  afflux demo --duration 60s --spike 20x
  afflux demo --duration 30s --headless --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.execute.ListenIfFree = !cmd.Flags().Changed("listen")
			plan, err := o.plan()
			if err != nil {
				return exit(afflux.ExitUsage, err)
			}
			return exit(afflux.ExitFailed, runDemo(cmd.Context(), o, plan))
		},
	}
	f := cmd.Flags()
	f.DurationVar(&o.duration, "duration", time.Minute, "how long clicks are generated")
	f.Float64Var(&o.base, "rate", 10_000, "clicks a second outside of the spike")
	f.StringVar(&o.spike, "spike", "10x", "peak of the spike: a factor like 10x, or clicks a second")
	f.DurationVar(&o.hold, "hold", 0, "how long the peak lasts (default: as long as the service can make up for within half of the duration)")
	f.Float64Var(&o.capacity, "capacity", 30_000, "look-ups a second that the profile service answers")
	f.DurationVar(&o.latency, "latency", 5*time.Millisecond, "how long the profile service takes for a call")
	f.StringVar(&o.execute.Listen, "listen", afflux.DefaultListen, "address of the page, the metrics and the API, or off")
	f.BoolVar(&o.execute.Headless, "headless", false, "log lines instead of the live view")
	f.BoolVar(&o.json, "json", false, "print the report as JSON on standard output")
	return cmd
}

// demoPlan is when the spike comes and how high it is.
type demoPlan struct {
	peak           float64
	from, to, ramp time.Duration
	profile        generator.Profile
}

// plan lays the spike out: it begins after a fifth of the duration, climbs and
// falls for a thirtieth, and holds.
func (o *demoOptions) plan() (demoPlan, error) {
	var p demoPlan
	switch {
	case o.duration < 3*time.Second:
		return p, fmt.Errorf("--duration %v: at least 3s are needed to show a spike", o.duration)
	case o.base < 1 || o.base > 1e6:
		return p, fmt.Errorf("--rate %g: from 1 to 1000000 clicks a second are possible", o.base)
	case o.capacity <= o.base:
		return p, fmt.Errorf("--capacity %g: it must be above the base rate of %g, or the pipeline never catches up", o.capacity, o.base)
	case o.latency < 0 || o.hold < 0:
		return p, errors.New("--latency and --hold must not be negative")
	}
	text, factor := strings.CutSuffix(o.spike, "x")
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || n <= 0 {
		return p, fmt.Errorf("--spike %s: write a factor like 10x, or clicks a second like 100000", o.spike)
	}
	p.peak = n
	if factor {
		p.peak = n * o.base
	}
	if p.peak < o.base {
		return p, fmt.Errorf("--spike %s: the peak is below the base rate of %g", o.spike, o.base)
	}
	p.ramp = o.duration / 30
	hold := o.hold
	if hold == 0 {
		// backlog = (peak-capacity) × (hold+ramp) and drains at capacity-base.
		backlog := (o.capacity - o.base) * o.duration.Seconds() / 2
		excess := max(p.peak-o.base, 1)
		room := backlog / excess
		if most := room / 2; p.ramp.Seconds() > most {
			p.ramp = time.Duration(most * float64(time.Second))
		}
		hold = time.Duration(room*float64(time.Second)) - p.ramp
		hold = min(max(hold, 200*time.Millisecond), o.duration/2)
	}
	p.from = o.duration / 5
	p.to = p.from + p.ramp + hold
	if p.to+p.ramp > o.duration {
		return p, fmt.Errorf("--hold %v: the spike does not fit into %v", o.hold, o.duration)
	}
	p.profile = generator.Spike(o.base, p.peak, p.from, p.to, p.ramp, p.ramp)
	return p, nil
}

// demo is a running demo.
type demo struct {
	options demoOptions
	plan    demoPlan
	broker  string
	admin   *kadm.Client
	clicks  *afflux.Run

	mu       sync.Mutex
	peakLag  int64
	resident int64
	drained  time.Time
	spikeEnd time.Time
	suspects suspects
	cut      bool // interrupted
}

func runDemo(ctx context.Context, o demoOptions, plan demoPlan) (err error) {
	dir, err := os.MkdirTemp("", "afflux-demo-")
	if err != nil {
		return fmt.Errorf("the embedded log needs a temporary directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	b, err := broker.Start(ctx, broker.Options{Listen: "127.0.0.1:0", DataDir: dir, Log: log,
		Topics: map[string]int{clicksTopic: demoParts, enrichedTopic: demoParts, hotTopic: 1, deadTopic: 1}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	service, err := startProfiles(o.capacity, o.latency)
	if err != nil {
		return err
	}
	defer service.close()
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()))
	if err != nil {
		return err
	}
	defer client.Close()
	profiles := newProfileClient(service.addr)
	defer profiles.close()

	d := &demo{options: o, plan: plan, broker: b.Addr(), admin: kadm.NewClient(client)}
	fmt.Fprintf(os.Stderr, "%s clicks/s for %g s, up to %s clicks/s from %.1f s to %.1f s;\nthe profile service answers %s look-ups/s\n",
		whole(o.base), o.duration.Seconds(), whole(plan.peak), plan.from.Seconds(), plan.to.Seconds(), whole(o.capacity))
	if d.clicks, err = clicksJob(b.Addr(), plan.profile, o.duration).Start(ctx); err != nil {
		return err
	}
	defer d.clicks.Cancel()
	watching, stop := context.WithCancel(ctx)
	defer stop()
	var watch sync.WaitGroup
	x := o.execute
	x.NoSummary = true
	x.OnInterrupt = func() {
		d.mu.Lock()
		d.cut = true
		d.mu.Unlock()
		d.clicks.Drain()
	}
	var pipeline *afflux.Run
	x.Observe = func(r *afflux.Run) {
		pipeline = r
		watch.Go(func() { d.watch(watching, r) })
	}
	err = afflux.Execute(ctx, hotItemsJob(b.Addr(), profiles), x)
	stop()
	watch.Wait()
	if err != nil {
		return err
	}
	if err := d.clicks.Wait(); err != nil {
		return fmt.Errorf("generating clicks: %w", err)
	}
	return d.report(ctx, pipeline)
}

// watch looks at the pipeline until all clicks have been read, then drains it.
func (d *demo) watch(ctx context.Context, r *afflux.Run) {
	const every = 200 * time.Millisecond
	tick := time.NewTicker(every)
	defer tick.Stop()
	start := time.Now()
	spike, end := start.Add(d.plan.from), start.Add(d.plan.to+d.plan.ramp)
	d.mu.Lock()
	d.spikeEnd = end
	d.mu.Unlock()
	sampler := metric.NewSampler(r.Snapshot)
	looks := 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.Done():
			return
		case <-tick.C:
		}
		if looks++; looks%5 == 1 {
			sampler.Sample()
		}
		job, rates := sampler.Current()
		ended := false
		select {
		case <-d.clicks.Done():
			ended = true
		default:
		}
		lag, err := d.lag(ctx, job)
		if err != nil {
			continue // the broker is in this process; the jobs report what is wrong with it
		}
		now := time.Now()
		d.mu.Lock()
		d.peakLag = max(d.peakLag, lag)
		d.resident = max(d.resident, residentBytes())
		if now.After(end) && d.drained.IsZero() && lag < int64(d.options.base/5) {
			d.drained = now
		}
		if f, ok := diagnosis.Bottleneck(rates, job); ok && now.After(spike) && d.drained.IsZero() {
			d.suspects.add(f, every)
		}
		d.mu.Unlock()
		if ended && lag == 0 {
			r.Drain()
			return
		}
	}
}

// lag is how many clicks are in the log that the pipeline has not read.
func (d *demo) lag(ctx context.Context, job *metric.Job) (int64, error) {
	ends, err := d.admin.ListEndOffsets(ctx, clicksTopic)
	if err != nil {
		return 0, err
	}
	var lag int64
	ends.Each(func(o kadm.ListedOffset) { lag += o.Offset })
	for _, s := range job.Operators[0].Subtasks {
		lag -= s.RecordsIn
	}
	return max(lag, 0), nil
}

// report reads the topics back and prints what happened.
func (d *demo) report(ctx context.Context, pipeline *afflux.Run) error {
	v, err := verify(ctx, d.broker)
	if err != nil {
		return err
	}
	s := pipeline.Snapshot()
	d.mu.Lock()
	defer d.mu.Unlock()
	r := report{PeakInFlight: s.PeakInFlightBytes, Bound: s.BoundBytes, PeakLag: d.peakLag, Restarts: s.Restarts,
		Bottleneck: d.suspects.worst(), PeakResident: d.resident}
	if !d.drained.IsZero() {
		r.Drain = d.drained.Sub(d.spikeEnd).Seconds()
	} else if !d.cut {
		r.Drain = time.Since(d.spikeEnd).Seconds()
	}
	v.fill(&r)
	fmt.Fprint(os.Stderr, r.table())
	if d.options.json {
		if err := r.writeJSON(os.Stdout); err != nil {
			return err
		}
	}
	return r.err()
}
