package kafka_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/connector/kafka"
	"github.com/affluxdev/afflux/event"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		stopReal()
		os.Exit(code)
	}), goleak.IgnoreTopFunction("os/exec.(*Cmd).Wait"), goleak.IgnoreAnyFunction("os/exec.(*Cmd).Wait"))
}

// patience bounds every wait of these tests.
const patience = 30 * time.Second

func within(tb testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	tb.Cleanup(cancel)
	return ctx
}

// cluster starts a broker and returns it with its address.
func cluster(tb testing.TB, opts ...kfake.Opt) (*kfake.Cluster, string) {
	tb.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, opts...)...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.Close)
	return c, c.ListenAddrs()[0]
}

// freePort returns a port that was free a moment ago.
func freePort(tb testing.TB) int {
	tb.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port
}

// send produces records and waits for all of them.
func send(tb testing.TB, addr string, records []*kgo.Record, opts ...kgo.Opt) {
	tb.Helper()
	cl, err := kgo.NewClient(append(opts, kgo.SeedBrokers(addr), kgo.MetadataMinAge(20*time.Millisecond),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DisableClientMetrics())...)
	if err != nil {
		tb.Fatal(err)
	}
	defer cl.Close()
	if err := cl.ProduceSync(within(tb), records...).FirstErr(); err != nil {
		tb.Fatal(err)
	}
}

// fetchAll reads a topic up to its end as it is now.
func fetchAll(tb testing.TB, addr, topic string) []*kgo.Record {
	tb.Helper()
	src := kafka.Source[kafka.Message](topic, kafka.Brokers(addr), kafka.UntilLatest(), fast,
		kafka.Decode(func(m *kafka.Message, v *kafka.Message) error {
			*v = *m
			v.Headers = append([]kafka.Header(nil), m.Headers...)
			return nil
		}))
	var all []*kgo.Record
	h := openReader(tb, src, 0, 1)
	h.until(func(m *kafka.Message, _ event.Time) bool {
		r := &kgo.Record{Topic: m.Topic, Partition: m.Partition, Offset: m.Offset, Key: m.Key, Value: m.Value}
		for _, header := range m.Headers {
			r.Headers = append(r.Headers, kgo.RecordHeader(header))
		}
		if m.Time != event.MinTime {
			r.Timestamp = m.Time.Std()
		}
		all = append(all, r)
		return false
	})
	h.close()
	return all
}

var fast = kafka.MetadataMinAge(20 * time.Millisecond)

// engine is what a test sees of the engine's side of a subtask.
type engine struct {
	wakes    chan struct{}
	rejected []connector.Rejected
	refuse   error
	log      lines

	mu      sync.Mutex
	gauges  map[string]float64
	changed chan struct{}
}

func (e *engine) subtask(index, parallelism int) connector.Subtask {
	e.wakes = make(chan struct{}, 1)
	e.changed = make(chan struct{}, 1)
	e.log.added = make(chan struct{}, 1)
	e.gauges = map[string]float64{}
	return connector.Subtask{
		Operator: "test", Index: index, Parallelism: parallelism,
		Wake: func() { poke(e.wakes) },
		Reject: func(r connector.Rejected) error {
			e.rejected = append(e.rejected, r)
			return e.refuse
		},
		Gauge: func(name string, value float64, labels ...string) {
			e.mu.Lock()
			e.gauges[fmt.Sprint(name, labels)] = value
			e.mu.Unlock()
			poke(e.changed)
		},
		Log: slog.New(slog.NewTextHandler(&e.log, nil)),
	}
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// gauge waits until a gauge has a value.
func (e *engine) gauge(tb testing.TB, name string, want float64) {
	tb.Helper()
	for deadline := time.After(patience); ; {
		e.mu.Lock()
		got, ok := e.gauges[name]
		e.mu.Unlock()
		if ok && got == want {
			return
		}
		select {
		case <-e.changed:
		case <-deadline:
			tb.Fatalf("gauge %s is %v (%v), want %v", name, got, ok, want)
		}
	}
}

// lines collects log lines of several goroutines.
type lines struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	added chan struct{}
}

// wait waits until a line with the words was logged.
func (l *lines) wait(tb testing.TB, words string) {
	tb.Helper()
	for deadline := time.After(patience); !strings.Contains(l.String(), words); {
		select {
		case <-l.added:
		case <-deadline:
			tb.Fatalf("nothing with %q was logged: %s", words, l)
		}
	}
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer poke(l.added)
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// reading polls a reader as the engine does.
type reading[T any] struct {
	*engine
	tb    testing.TB
	r     connector.Reader[T]
	limit connector.Limit
	peak  int64 // of Buffered
	state connector.State
}

func openReader[T any](tb testing.TB, src connector.Source[T], index, parallelism int) *reading[T] {
	tb.Helper()
	h := &reading[T]{engine: &engine{}, tb: tb, limit: connector.Limit{Records: 512, Bytes: 64 << 10}}
	var err error
	if h.r, err = src.Open(within(tb), h.subtask(index, parallelism)); err != nil {
		tb.Fatal(err)
	}
	return h
}

func (h *reading[T]) close() {
	h.tb.Helper()
	if err := h.r.Close(); err != nil {
		h.tb.Fatal(err)
	}
}

// until polls until take says stop or the source is done. It returns the
// error of Poll.
func (h *reading[T]) until(take func(v *T, at event.Time) bool) error {
	h.tb.Helper()
	dst := event.NewRecords[T](64)
	deadline := time.After(patience)
	for {
		dst.Reset()
		st, err := h.r.Poll(dst, h.limit)
		if err != nil {
			return err
		}
		bytes, bound := h.r.(connector.Buffered).Buffered()
		if h.peak = max(h.peak, bytes); bytes > bound {
			h.tb.Fatalf("the reader holds %d bytes, its bound is %d", bytes, bound)
		}
		h.state = st.State
		stop := false
		for i := range dst.Values {
			stop = take(&dst.Values[i], dst.Times[i]) || stop
		}
		if stop || st.State == connector.Done {
			return nil
		}
		if st.State == connector.Idle {
			select {
			case <-h.wakes:
			case <-deadline:
				h.tb.Fatal("the reader is idle and wakes nobody")
			}
		}
	}
}

var topics atomic.Int64

// newTopic creates a topic that no other test has.
func newTopic(tb testing.TB, c *kfake.Cluster, partitions int32) string {
	tb.Helper()
	name := "topic-" + strconv.FormatInt(topics.Add(1), 10)
	if err := c.CreateTopic(name, partitions, nil); err != nil {
		tb.Fatal(err)
	}
	return name
}

// numbers makes n JSON records {"n":from}, {"n":from+1} and so on, spread over
// partitions, with timestamps one second apart.
func numbers(topic string, from, n int, partitions int32) []*kgo.Record {
	var rs []*kgo.Record
	for i := from; i < from+n; i++ {
		rs = append(rs, &kgo.Record{Topic: topic, Partition: int32(i) % partitions,
			Value: fmt.Appendf(nil, `{"n":%d}`, i), Timestamp: time.Unix(int64(i), 0)})
	}
	return rs
}

type number struct {
	N int `json:"n" csv:"n"`
}
