package broker

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T, o Options) *Broker {
	t.Helper()
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	b, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func client(t *testing.T, b *Broker, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append(opts, kgo.SeedBrokers(b.Addr()), kgo.MetadataMinAge(50*time.Millisecond))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func produce(t *testing.T, cl *kgo.Client, topic string, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		r := &kgo.Record{Topic: topic, Value: fmt.Appendf(nil, "%d", i)}
		if err := cl.ProduceSync(within(t), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

func consume(t *testing.T, cl *kgo.Client, n int) []string {
	t.Helper()
	var got []string
	for ctx := within(t); len(got) < n; {
		fs := cl.PollFetches(ctx)
		if err := fs.Err(); err != nil {
			t.Fatalf("after %d of %d records: %v", len(got), n, err)
		}
		fs.EachRecord(func(r *kgo.Record) { got = append(got, string(r.Value)) })
	}
	return got
}

func want(from, to int) string {
	var s []string
	for i := from; i < to; i++ {
		s = append(s, fmt.Sprint(i))
	}
	return fmt.Sprint(s)
}

func TestRestartKeepsData(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "by", "it")
	o := Options{DataDir: dir, SyncWrites: true, Topics: map[string]int{"a": 1}}
	b := start(t, o)
	cl := client(t, b)
	produce(t, cl, "a", 0, 10)
	group := client(t, b, kgo.ConsumerGroup("g"), kgo.ConsumeTopics("a"), kgo.DisableAutoCommit())
	consume(t, group, 10)
	if err := group.CommitUncommittedOffsets(within(t)); err != nil {
		t.Fatal(err)
	}
	group.Close()
	cl.Close()
	b.Close()

	o.Topics["later"] = 3
	b = start(t, o)
	cl = client(t, b, kgo.ConsumeTopics("a"))
	produce(t, cl, "a", 10, 12)
	produce(t, cl, "later", 0, 1)
	if got := consume(t, cl, 12); fmt.Sprint(got) != want(0, 12) {
		t.Fatalf("after the restart: %v", got)
	}
	group = client(t, b, kgo.ConsumerGroup("g"), kgo.ConsumeTopics("a"), kgo.DisableAutoCommit())
	if got := consume(t, group, 2); fmt.Sprint(got) != want(10, 12) {
		t.Fatalf("the group went on at %v", got)
	}
}

func TestInMemory(t *testing.T) {
	b := start(t, Options{Topics: map[string]int{"a": 1}})
	cl := client(t, b, kgo.ConsumeTopics("a"))
	produce(t, cl, "a", 0, 5)
	if got := consume(t, cl, 5); fmt.Sprint(got) != want(0, 5) {
		t.Fatal(got)
	}
}

func TestTransaction(t *testing.T) {
	b := start(t, Options{DataDir: t.TempDir(), Topics: map[string]int{"a": 1}})
	tx := client(t, b, kgo.TransactionalID("t"), kgo.DefaultProduceTopic("a"))
	ctx := within(t)
	for _, commit := range []kgo.TransactionEndTry{kgo.TryAbort, kgo.TryCommit} {
		if err := tx.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := tx.ProduceSync(ctx, kgo.StringRecord(fmt.Sprint(commit))).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if err := tx.EndTransaction(ctx, commit); err != nil {
			t.Fatal(err)
		}
	}
	cl := client(t, b, kgo.ConsumeTopics("a"), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if got := consume(t, cl, 1); got[0] != fmt.Sprint(kgo.TryCommit) {
		t.Fatalf("read %v, which was aborted", got)
	}
}

func TestRefusals(t *testing.T) {
	dir := t.TempDir()
	running := start(t, Options{DataDir: dir})
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		o    Options
		want string
	}{
		{"port in use", Options{Listen: running.Addr()}, running.Addr() + " is in use"},
		{"directory in use", Options{Listen: "127.0.0.1:0", DataDir: dir}, dir + " is in use by another broker"},
		{"directory is a file", Options{Listen: "127.0.0.1:0", DataDir: file}, "cannot use data directory " + file},
		{"no port", Options{Listen: "localhost"}, "want host:port"},
		{"wildcard", Options{Listen: "0.0.0.0:0"}, "names no host"},
		{"any host", Options{Listen: ":0"}, "names no host"},
		{"no partitions", Options{Listen: "127.0.0.1:0", Topics: map[string]int{"a": 0}}, `topic "a" with 0 partitions`},
		{"partitions in the name", Options{Listen: "127.0.0.1:0", Topics: map[string]int{"counts:2": 1}}, `topic "counts:2": a name has`},
		{"sync without directory", Options{SyncWrites: true}, "need a data directory"},
	} {
		b, err := Start(t.Context(), c.o)
		if err == nil {
			b.Close()
			t.Errorf("%s: started", c.name)
		} else if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %q lacks %q", c.name, err, c.want)
		}
	}
	if err := running.Close(); err != nil {
		t.Fatal(err)
	}
	start(t, Options{Listen: running.Addr(), DataDir: dir}) // both are free again
}

func TestContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	b, err := Start(ctx, Options{Listen: "127.0.0.1:0", DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	b.Close() // waits for the close that the context began
	if _, err := Start(ctx, Options{Listen: "127.0.0.1:0"}); err == nil {
		t.Fatal("started under a context that had ended")
	}
}

// lines collects log lines of several goroutines.
type lines struct {
	sync.Mutex
	bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.Lock()
	defer l.Unlock()
	return l.Buffer.Write(p)
}

func TestDamageIsLogged(t *testing.T) {
	dir := t.TempDir()
	o := Options{DataDir: dir, Topics: map[string]int{"a": 1}}
	b := start(t, o)
	produce(t, client(t, b), "a", 0, 10)
	b.Close()

	segments, err := filepath.Glob(filepath.Join(dir, "*", "a-0", "*.dat"))
	if err != nil || len(segments) != 1 {
		t.Fatalf("segments %v, %v", segments, err)
	}
	raw, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)-3] ^= 1
	if err := os.WriteFile(segments[0], raw, 0o600); err != nil {
		t.Fatal(err)
	}
	var log lines
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	b = start(t, o)
	if got := consume(t, client(t, b, kgo.ConsumeTopics("a")), 9); fmt.Sprint(got) != want(0, 9) {
		t.Fatalf("what is whole was not kept: %v", got)
	}
	log.Lock()
	defer log.Unlock()
	if !strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), "a-0") {
		t.Fatalf("the damage was not reported: %q", log.String())
	}
}
