package check

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/connector/blackhole"
	"github.com/affluxdev/afflux/connector/generator"
	"github.com/affluxdev/afflux/connector/kafka"
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/broker"
	"github.com/affluxdev/afflux/internal/checkpoint"
	"github.com/affluxdev/afflux/window"
)

// served is a job that runs as a command runs it, with its metrics on a port of
// its own.
type served struct {
	address string
	stop    context.CancelFunc
	done    chan struct{}
}

var announced = regexp.MustCompile(`http://([\w.:]+)/metrics`)

// serve runs a job until the test ends or it is stopped.
func serve(t *testing.T, j *afflux.Job) *served {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &served{stop: stop, done: make(chan struct{})}
	var failure error
	go func() {
		defer close(s.done)
		defer func() { _ = w.Close() }()
		failure = afflux.Execute(ctx, j, afflux.ExecuteOptions{Listen: "127.0.0.1:0", Headless: true, NoSummary: true, Stdout: io.Discard, Stderr: w})
	}()
	addresses := make(chan string, 1)
	read := make(chan struct{})
	go func() {
		defer close(read)
		for lines := bufio.NewScanner(r); lines.Scan(); {
			if m := announced.FindStringSubmatch(lines.Text()); m != nil {
				addresses <- m[1]
				break
			}
		}
		_, _ = io.Copy(io.Discard, r)
	}()
	t.Cleanup(func() {
		stop()
		<-s.done
		<-read
		_ = r.Close()
	})
	select {
	case s.address = <-addresses:
	case <-s.done:
		t.Fatalf("job %s: %v", j.Name(), failure)
	case <-time.After(20 * time.Second):
		t.Fatalf("job %s does not say where its metrics are", j.Name())
	}
	return s
}

// order is what flows in the jobs of this package.
type order struct {
	ID       int64      `json:"id"`
	Customer int64      `json:"customer"`
	At       event.Time `json:"at"`
}

func (o *order) when() event.Time { return o.At }

func (o *order) by() int64 { return o.Customer }

// lateness is how far some orders are behind the others, in event time.
const lateness = time.Minute

// fill makes orders, half of them of one customer, and some late.
func fill(i int64, due event.Time, o *order) {
	*o = order{ID: i, Customer: i % 512 * (i % 2), At: due}
	if i%97 == 0 {
		o.At = due - event.Time(lateness)
	}
}

// startBroker runs the embedded broker with a topic until the test ends.
func startBroker(t *testing.T, topics map[string]int) string {
	t.Helper()
	b, err := broker.Start(context.Background(), broker.Options{Listen: "127.0.0.1:0", Topics: topics})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b.Addr()
}

// produce sends orders to a topic until the test ends.
func produce(t *testing.T, brokers, topic string, perSecond float64) {
	t.Helper()
	j := afflux.NewJob("shop", afflux.Parallelism(1))
	afflux.From(j, "customers", generator.Timed(fill, generator.Rate(generator.Constant(perSecond)))).
		To("log", kafka.Sink[order](topic, kafka.Brokers(brokers), kafka.Linger(5*time.Millisecond)))
	r, err := j.Start(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.Cancel()
		<-r.Done()
	})
}

// everything has one of each: a Kafka source and sink, event time, calls to an
// outside system, a keyed window with a hot key and late records, checkpoints,
// and dead letters. Nothing else is wrong with it.
func everything(brokers, dir string) *afflux.Job {
	j := afflux.NewJob("everything", afflux.Parallelism(2), afflux.Checkpoints(dir, afflux.Every(2*time.Second)))
	j.DeadLetters("refused", blackhole.Sink[event.DeadLetter]())
	orders := afflux.From(j, "orders", kafka.Source[order]("orders", kafka.Brokers(brokers), kafka.Group("everything"))).
		EventTime((*order).when, afflux.OutOfOrder(time.Second).IdleAfter(5*time.Second)).
		TryMap("check", func(o *order) (order, error) {
			if o.ID%101 == 0 {
				return order{}, errors.New("an order without goods")
			}
			return *o, nil
		}, afflux.OnError(afflux.DeadLetter)).
		MapAsync("customer", func(ctx context.Context, o *order) (order, error) { return *o, pause(ctx, 5*time.Millisecond) },
			afflux.InFlight(50))
	orders.KeyBy("by customer", (*order).by).
		Window(window.Tumbling(2*time.Second)).
		Aggregate("count", afflux.Count[order]()).
		Map("result", func(r *window.Result[int64, int64]) order { return order{ID: r.Value, Customer: r.Key, At: r.End} }).
		To("counts", kafka.Sink[order]("counts", kafka.Brokers(brokers), kafka.ExactlyOnce()))
	return j
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

// doomed is far behind in a topic that forgets soon: the records are fifty
// minutes old, and deleted after an hour.
func doomed(t *testing.T, brokers string) *afflux.Job {
	t.Helper()
	const topic, records = "clicks", 5000
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	hour := "3600000"
	if _, err := kadm.NewClient(client).CreateTopic(t.Context(), 1, 1, map[string]*string{"retention.ms": &hour}, topic); err != nil {
		t.Fatal(err)
	}
	old := make([]*kgo.Record, records)
	for i := range old {
		old[i] = &kgo.Record{Topic: topic, Value: []byte(`{"id":1}`), Timestamp: time.Now().Add(-50 * time.Minute)}
	}
	if err := client.ProduceSync(t.Context(), old...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	j := afflux.NewJob("doomed", afflux.Parallelism(1))
	afflux.From(j, "clicks", kafka.Source[order](topic, kafka.Brokers(brokers), kafka.Group("doomed"), kafka.StartEarliest())).
		Map("crawl", func(o *order) order {
			_ = pause(context.Background(), 20*time.Millisecond)
			return *o
		}, afflux.Unchained()).
		To("out", blackhole.Sink[order]())
	return j
}

// slow reads a topic that fills faster than its one map can work.
func slow(brokers string) *afflux.Job {
	j := afflux.NewJob("slow", afflux.Parallelism(1))
	afflux.From(j, "backlog", kafka.Source[order]("backlog", kafka.Brokers(brokers), kafka.Group("slow"), kafka.StartEarliest())).
		Map("grind", func(o *order) order {
			_ = pause(context.Background(), 2*time.Millisecond)
			return *o
		}, afflux.Unchained()).
		To("out", blackhole.Sink[order]())
	return j
}

// full has a sink that takes little, and channels that may fill up: its window is
// not bounded in time.
func full() *afflux.Job {
	j := afflux.NewJob("full", afflux.Parallelism(1), afflux.WindowTarget(-1), afflux.MaxRecord(64), afflux.Buffers(256, 4096))
	afflux.From(j, "flood", generator.Timed(fill)).
		To("drop", blackhole.Sink[order](blackhole.Rate(10_000)), afflux.Unchained())
	return j
}

// brittle fails again and again, and begins anew.
func brittle() *afflux.Job {
	j := afflux.NewJob("brittle", afflux.Parallelism(1), afflux.Restart(afflux.FixedDelay(afflux.Unlimited, 100*time.Millisecond)))
	var seen atomic.Int64
	afflux.From(j, "orders", generator.Timed(fill, generator.Rate(generator.Constant(100)))).
		TryMap("stumble", func(o *order) (order, error) {
			if seen.Add(1)%300 == 0 {
				return order{}, errors.New("planted")
			}
			return *o, nil
		}).
		To("out", blackhole.Sink[order]())
	return j
}

// fullDisk is a store that takes no more files once it is full.
type fullDisk struct {
	checkpoint.Store
	full atomic.Bool
}

func (d *fullDisk) Create(ctx context.Context, name string) (checkpoint.Pending, error) {
	if d.full.Load() {
		return nil, fmt.Errorf("create %s: planted: no space left", name)
	}
	return d.Store.Create(ctx, name)
}

// forgetful has a store for its checkpoints that can become full.
func forgetful(t *testing.T) (*afflux.Job, *fullDisk) {
	t.Helper()
	dir, err := checkpoint.NewDirectory(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	disk := &fullDisk{Store: dir}
	j := afflux.NewJob("forgetful", afflux.Parallelism(1),
		afflux.CheckpointsIn(disk, afflux.Every(500*time.Millisecond), afflux.TolerateFailed(afflux.Unlimited)))
	afflux.From(j, "orders", generator.Timed(fill, generator.Rate(generator.Constant(100)))).
		KeyBy("by customer", (*order).by).
		Aggregate("count", afflux.Count[order]()).
		To("out", blackhole.Sink[afflux.KV[int64, int64]]())
	return j, disk
}

// calm has nothing to complain about, and stopped neither, until it is.
func calm() *afflux.Job    { return quiet("calm") }
func stopped() *afflux.Job { return quiet("stopped") }

func quiet(name string) *afflux.Job {
	j := afflux.NewJob(name, afflux.Parallelism(1))
	afflux.From(j, "orders", generator.Timed(fill, generator.Rate(generator.Constant(100)))).
		To("out", blackhole.Sink[order]())
	return j
}
