package kafka_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/affluxdev/afflux/connector/kafka"
	"github.com/affluxdev/afflux/event"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// restartable returns a function that starts a broker on the same port and
// data each time.
func restartable(t *testing.T) func() (*kfake.Cluster, string) {
	dir, port := t.TempDir(), freePort(t)
	return func() (*kfake.Cluster, string) {
		return cluster(t, kfake.DataDir(dir), kfake.Ports(port))
	}
}

func TestReadThroughOutage(t *testing.T) {
	start := restartable(t)
	c, addr := start()
	topic := newTopic(t, c, 2)
	send(t, addr, numbers(topic, 0, 100, 2))
	h := openReader(t, kafka.Source[number](topic, kafka.Brokers(addr), fast), 0, 1)
	defer h.close()
	seen := map[int]int{}
	take := func(n int) func(*number, event.Time) bool {
		return func(v *number, _ event.Time) bool {
			if seen[v.N]++; seen[v.N] > 1 {
				t.Errorf("record %d came twice", v.N)
			}
			return len(seen) == n
		}
	}
	h.until(take(100))
	c.Close()
	start()
	send(t, addr, numbers(topic, 100, 100, 2))
	if err := h.until(take(200)); err != nil {
		t.Fatal(err)
	}
}

func TestWriteThroughOutage(t *testing.T) {
	start := restartable(t)
	c, addr := start()
	topic := newTopic(t, c, 2)
	w := openWriter(t, kafka.Sink[number](topic, kafka.Brokers(addr), fast, kafka.BufferBytes(64<<10)))
	defer w.close()
	w.write(0, 50)
	w.flush(nil)
	c.Close()
	part := event.NewRecords[number](200)
	for i := range 200 {
		part.Append(number{50 + i}, event.MinTime)
	}
	taken, err := w.w.Write(part, 0) // nobody is there to acknowledge
	if err != nil || taken == 0 || taken == 200 {
		t.Fatalf("took %d of 200, %v: want what fits the buffer", taken, err)
	}
	start()
	for taken < 200 {
		<-w.wakes
		n, err := w.w.Write(part, taken)
		if err != nil {
			t.Fatal(err)
		}
		taken += n
	}
	w.flush(nil)
	seen := map[string]int{}
	for _, r := range fetchAll(t, addr, topic) {
		seen[string(r.Value)]++
	}
	if len(seen) != 250 {
		t.Errorf("%d different records of 250 arrived", len(seen))
	}
	for v, n := range seen {
		if n > 1 {
			t.Errorf("%s arrived %d times", v, n)
		}
	}
}

// A broker that stays away fails the sink, and Close of neither side hangs.
func TestBrokerGoneForGood(t *testing.T) {
	c, addr := cluster(t)
	topic := newTopic(t, c, 1)
	h := openReader(t, kafka.Source[number](topic, kafka.Brokers(addr), fast), 0, 1)
	w := openWriter(t, kafka.Sink[number](topic, kafka.Brokers(addr), fast, kafka.DeliveryTimeout(300*time.Millisecond)))
	c.Close()
	w.write(0, 1)
	w.flush([]string{"1 records", topic, "within 300ms", addr})
	if _, err := w.w.Write(w.batch(1, 1), 0); err == nil {
		t.Error("Write goes on after the failure")
	}
	h.close()
	w.close()
}

func TestFlushObeysContext(t *testing.T) {
	c, addr := cluster(t)
	topic := newTopic(t, c, 1)
	w := openWriter(t, kafka.Sink[number](topic, kafka.Brokers(addr), fast))
	defer w.close()
	c.Close()
	w.write(0, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := w.w.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "1 records") {
		t.Errorf("got %v", err)
	}
}

func TestReadErrors(t *testing.T) {
	for name, c := range map[string]struct {
		err  *kerr.Error
		want string
	}{
		"no right":     {kerr.TopicAuthorizationFailed, "ask for the right to read"},
		"out of range": {kerr.OffsetOutOfRange, "kafka.OnOutOfRange"},
		"unheard of":   {kerr.InvalidConfig, "cannot read"},
	} {
		broker, addr := cluster(t)
		topic := newTopic(t, broker, 1)
		send(t, addr, numbers(topic, 0, 1, 1))
		h := openReader(t, kafka.Source[number](topic, kafka.Brokers(addr), fast, kafka.FetchMaxWait(20*time.Millisecond)), 0, 1)
		h.until(func(*number, event.Time) bool { return true })
		broker.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Topic: topic, Err: c.err, Count: -1})
		err := h.until(func(*number, event.Time) bool { return false })
		if err == nil || !strings.Contains(err.Error(), topic+"/0") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v", name, err)
		}
		if again := h.until(func(*number, event.Time) bool { return false }); again == nil {
			t.Errorf("%s: Poll goes on after the failure", name)
		}
		h.close()
	}
}

// Records that retention deletes before they were read are not skipped in
// silence.
func TestRetentionOvertakes(t *testing.T) {
	for policy, want := range map[kafka.Range][]int{kafka.Fail: nil, kafka.Earliest: {7, 8, 9, 10}, kafka.Latest: {10}} {
		c, addr := cluster(t)
		topic := newTopic(t, c, 1)
		send(t, addr, numbers(topic, 0, 10, 1))
		deleted, asked := make(chan struct{}), make(chan struct{}, 1)
		c.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
			poke(asked)
			c.SleepControl(func() { <-deleted })
			return nil, nil, false
		})
		h := openReader(t, kafka.Source[number](topic, kafka.Brokers(addr), fast, kafka.OnOutOfRange(policy), kafka.FetchMaxWait(20*time.Millisecond)), 0, 1)
		<-asked
		if err := c.DeleteRecords(topic, 0, 7); err != nil {
			t.Fatal(err)
		}
		listed := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}, Count: -1, Observe: true})
		close(deleted)
		if policy == kafka.Latest { // the end must be known before there is more
			if err := listed.Wait(within(t), 1); err != nil {
				t.Fatal(err)
			}
		}
		if policy != kafka.Fail {
			send(t, addr, numbers(topic, 10, 1, 1))
		}
		var got []int
		err := h.until(func(v *number, _ event.Time) bool { got = append(got, v.N); return v.N == 10 })
		if failed := err != nil && strings.Contains(err.Error(), "OnOutOfRange"); failed != (policy == kafka.Fail) || !slices.Equal(got, want) {
			t.Errorf("policy %d: read %v, want %v; %v", policy, got, want, err)
		}
		h.close()
	}
}
