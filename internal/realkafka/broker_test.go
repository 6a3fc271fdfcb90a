package realkafka

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

func client(t *testing.T, b *Broker, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append(opts, kgo.SeedBrokers(b.Addr()), kgo.MetadataMinAge(50*time.Millisecond), kgo.DisableClientMetrics())...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

func TestBrokerKeepsRecordsWhateverHappensToIt(t *testing.T) {
	began := time.Now()
	b := ForTest(t, nil)
	t.Logf("started in %v", time.Since(began).Round(time.Millisecond))
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	cl := client(t, b)
	if _, err := kadm.NewClient(cl).CreateTopic(ctx, 1, 1, nil, "t"); err != nil {
		t.Fatal(err)
	}
	sent := 0
	send := func() {
		t.Helper()
		sent++
		if err := cl.ProduceSync(ctx, &kgo.Record{Topic: "t", Value: fmt.Append(nil, sent)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	addr := b.Addr()
	send()
	if err := b.Kill(); err != nil {
		t.Fatal(err)
	}
	if b.Pid() != 0 {
		t.Errorf("a killed broker has the process id %d", b.Pid())
	}
	began = time.Now()
	if err := b.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	t.Logf("after a kill, restarted in %v", time.Since(began).Round(time.Millisecond))
	send()
	if err := b.Pause(); err != nil {
		t.Fatal(err)
	}
	short, stop := context.WithTimeout(ctx, 300*time.Millisecond)
	if client(t, b, kgo.RequestTimeoutOverhead(200*time.Millisecond)).Ping(short) == nil {
		t.Error("a paused broker answers")
	}
	stop()
	if err := b.Resume(); err != nil {
		t.Fatal(err)
	}
	send()
	if b.Addr() != addr {
		t.Errorf("the address changed from %s to %s", addr, b.Addr())
	}
	var got []string
	for in := client(t, b, kgo.ConsumeTopics("t")); len(got) < sent; {
		fetches := in.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) { got = append(got, string(r.Value)) })
	}
	if s := strings.Join(got, " "); s != "1 2 3" {
		t.Errorf("the topic holds %q", s)
	}
	if err := errors.Join(b.Stop(), b.Stop()); err != nil {
		t.Error(err)
	}
}

func TestWhatIsMissingIsNamed(t *testing.T) {
	t.Setenv("JAVA_HOME", t.TempDir())
	if _, err := Start(t.Context(), t.TempDir(), nil); !errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), "Java 17") {
		t.Errorf("without Java: %v", err)
	}
	t.Setenv("PATH", "")
	home := t.TempDir()
	if _, err := fetch(t.Context(), home); !errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), "Maven") {
		t.Errorf("without Maven: %v", err)
	}
}

// verdict is a TB that remembers how a test ended.
type verdict struct {
	TB
	said string
}

func (v *verdict) Helper()                        {}
func (v *verdict) Skipf(format string, a ...any)  { v.say("skipped", format, a) }
func (v *verdict) Fatalf(format string, a ...any) { v.say("failed", format, a) }
func (v *verdict) say(what, format string, a []any) {
	if v.said == "" { // the first one would have ended the test
		v.said = what + " " + fmt.Sprintf(format, a...)
	}
}

func TestMissingSkipsLoudlyAndFailsInCI(t *testing.T) {
	missing := fmt.Errorf("%w: no Java", ErrMissing)
	for _, c := range []struct {
		ci   string
		err  error
		want string
	}{
		{"", missing, "skipped NOT TESTED against Apache Kafka"},
		{"true", missing, "failed"},
		{"", errors.New("no space left"), "failed no space left"},
	} {
		t.Setenv("CI", c.ci)
		v := &verdict{}
		Missing(v, c.err)
		if !strings.HasPrefix(v.said, c.want) {
			t.Errorf("CI=%q, %v: the test was %q", c.ci, c.err, v.said)
		}
	}
}
