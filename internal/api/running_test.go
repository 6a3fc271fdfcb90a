package api_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/connector/blackhole"
	"github.com/affluxdev/afflux/connector/file"
	"github.com/affluxdev/afflux/connector/generator"
	"github.com/affluxdev/afflux/connector/kafka"
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/api"
	"github.com/affluxdev/afflux/internal/broker"
	"github.com/affluxdev/afflux/internal/metric"
	"github.com/affluxdev/afflux/state"
	"github.com/affluxdev/afflux/window"
)

// visit is what flows in the job of this test.
type visit struct {
	ID   int64      `json:"id"`
	User int64      `json:"user"`
	At   event.Time `json:"at"`
}

func (v *visit) when() event.Time { return v.At }
func (v *visit) by() int64        { return v.User }

// make makes visits, half of them of one user, and some that are late.
func (v *visit) make(i int64, due event.Time) {
	*v = visit{ID: i, User: i % 512 * (i % 2), At: due}
	if i%97 == 0 {
		v.At = due - event.Time(time.Minute)
	}
}

// waiting has a state and a timer for each user.
type waiting struct{ n *state.Value[int64] }

func (w *waiting) Open(ctx *afflux.OpenContext) error {
	w.n = ctx.Value[int64]("visits")
	return nil
}

func (w *waiting) Process(ctx *afflux.ProcessContext[int64, visit], v *visit) error {
	*w.n.Upsert()++
	ctx.SetTimer(afflux.EventTimer, ctx.EventTime().Add(time.Hour))
	return nil
}

func (w *waiting) OnTimer(*afflux.ProcessContext[int64, visit], event.Time, afflux.TimerKind) error {
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// everything has one of each thing that there are metrics of.
func everything(brokers, dir, input string) *afflux.Job {
	j := afflux.NewJob("everything", afflux.Parallelism(2), afflux.Checkpoints(filepath.Join(dir, "checkpoints"), afflux.Every(time.Second)))
	j.DeadLetters("refused", blackhole.Sink[event.DeadLetter]())
	visits := afflux.From(j, "visits", kafka.Source[visit]("visits", kafka.Brokers(brokers), kafka.Group("everything"), kafka.StartEarliest())).
		EventTime((*visit).when, afflux.OutOfOrder(time.Second).IdleAfter(5*time.Second)).
		TryMap("check", func(v *visit) (visit, error) {
			if v.ID%101 == 0 {
				return visit{}, errors.New("a visit without a page")
			}
			return *v, nil
		}, afflux.OnError(afflux.DeadLetter)).
		MapAsync("profile", func(ctx context.Context, v *visit) (visit, error) { return *v, pause(ctx, 5*time.Millisecond) }, afflux.InFlight(50))
	visits.KeyBy("by user", (*visit).by).
		Window(window.Tumbling(2*time.Second)).
		Aggregate("count", afflux.Count[visit]()).
		Map("result", func(r *window.Result[int64, int64]) visit { return visit{ID: r.Value, User: r.Key, At: r.End} }).
		To("counts", kafka.Sink[visit]("counts", kafka.Brokers(brokers), kafka.ExactlyOnce()))
	visits.KeyBy("again by user", (*visit).by).
		Process("wait", func() *waiting { return &waiting{} }).
		To("nowhere", blackhole.Sink[visit]())
	// What is read faster than it is called for: a bottleneck.
	afflux.From(j, "archive", file.Source[visit](input, file.JSON())).
		MapAsync("fetch", func(ctx context.Context, v *visit) (visit, error) { return *v, pause(ctx, 20*time.Millisecond) }, afflux.InFlight(1), afflux.Unchained()).
		To("pages", blackhole.Sink[visit]())
	return j
}

// TestEveryMetricOfARunningJob scrapes a job that has one of each thing: every
// metric of docs/metrics.md is there, with its type, and no other.
func TestEveryMetricOfARunningJob(t *testing.T) {
	documented := documentedMetrics(t)
	before := debug.SetMemoryLimit(8 << 30)
	defer debug.SetMemoryLimit(before)
	brokers := startBroker(t)
	dir := t.TempDir()
	input := filepath.Join(dir, "archive.jsonl")
	if err := os.WriteFile(input, []byte(strings.Repeat(`{"id":1,"user":2,"at":1790000000000000000}`+"\n", 100_000)), 0o600); err != nil {
		t.Fatal(err)
	}
	produce(t, brokers)

	// It goes on from a checkpoint.
	first, err := everything(brokers, dir, input).Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Suspend(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := first.Wait(); err != nil {
		t.Fatal(err)
	}
	run, err := everything(brokers, dir, input).Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sampler := metric.NewSampler(run.Snapshot)
	sampling, stop := context.WithCancel(context.Background())
	sampled := make(chan struct{})
	go func() { defer close(sampled); sampler.Run(sampling) }()
	server, err := api.Serve(t.Context(), api.Options{Listen: "127.0.0.1:0", Sampler: sampler})
	defer func() {
		run.Cancel()
		<-run.Done()
		stop()
		<-sampled
		if server != nil {
			_ = server.Close()
		}
	}()
	if err != nil {
		t.Fatal(err)
	}

	// Some are there for moments only, as while a lag is there.
	missing := maps.Clone(documented)
	for deadline := time.Now().Add(60 * time.Second); len(missing) > 0; {
		for name, kind := range scrape(t, server.URL()) {
			want, known := documented[name]
			switch {
			case !known && !strings.HasPrefix(name, "afflux_connector_"):
				t.Errorf("%s is scraped but not documented", name)
			case known && kind != want:
				t.Errorf("%s is documented as a %s, and is a %s", name, want, kind)
			}
			delete(missing, name)
		}
		if t.Failed() {
			return
		}
		if time.Now().After(deadline) || run.Snapshot().State != "running" {
			t.Fatalf("the job is %s; not scraped: %q", run.Snapshot().State, slices.Sorted(maps.Keys(missing)))
		}
		if err := pause(t.Context(), 200*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
}

// documentedMetrics are the names of docs/metrics.md with their types, but those
// that stand for others.
func documentedMetrics(t *testing.T) map[string]string {
	text, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\| (counter|gauge) ").FindAllStringSubmatch(string(text), -1) {
		all[m[1]] = m[2]
	}
	if len(all) < 60 {
		t.Fatalf("%d metrics in docs/metrics.md", len(all))
	}
	return all
}

// scrape returns the types of the metrics of ours, by name.
func scrape(t *testing.T, at string) map[string]string {
	answer, err := http.Get(at + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	defer http.DefaultClient.CloseIdleConnections()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]string{}
	for name, f := range families {
		if strings.HasPrefix(name, "afflux_") {
			kinds[name] = strings.ToLower(f.GetType().String())
		}
	}
	return kinds
}

// startBroker runs the embedded broker with a topic that forgets after a day.
func startBroker(t *testing.T) string {
	b, err := broker.Start(context.Background(), broker.Options{Listen: "127.0.0.1:0", Topics: map[string]int{"counts": 2}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	day := "86400000"
	if _, err := kadm.NewClient(client).CreateTopic(t.Context(), 2, 1, map[string]*string{"retention.ms": &day}, "visits"); err != nil {
		t.Fatal(err)
	}
	return b.Addr()
}

// produce sends visits to the topic until the test ends.
func produce(t *testing.T, brokers string) {
	j := afflux.NewJob("people", afflux.Parallelism(1))
	afflux.From(j, "people", generator.Timed(func(i int64, due event.Time, v *visit) { v.make(i, due) }, generator.Rate(generator.Constant(2000)))).
		To("log", kafka.Sink[visit]("visits", kafka.Brokers(brokers), kafka.Linger(5*time.Millisecond)))
	r, err := j.Start(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.Cancel()
		<-r.Done()
	})
}
