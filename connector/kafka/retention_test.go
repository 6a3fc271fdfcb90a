package kafka_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/connector/kafka"
	"github.com/affluxdev/afflux/event"
)

// between waits until a gauge has a value in a range.
func (e *engine) between(t *testing.T, name string, from, to float64) {
	t.Helper()
	for deadline := time.After(patience); ; {
		e.mu.Lock()
		got, ok := e.gauges[name]
		e.mu.Unlock()
		if ok && got >= from && got <= to {
			return
		}
		select {
		case <-e.changed:
		case <-deadline:
			t.Fatalf("gauge %s is %v (%v), want %v to %v", name, got, ok, from, to)
		}
	}
}

// TestRetentionRisk: the age of what is read, and what is left before the
// beginning of the log, are known, also while nothing is read.
func TestRetentionRisk(t *testing.T) {
	onBoth(t, func(t *testing.T, n node) {
		cl := n.client(t)
		defer cl.Close()
		admin, topic := kadm.NewClient(cl), n.topic(t, 1)
		kept := "3600000"
		if _, err := admin.AlterTopicConfigs(within(t), []kadm.AlterConfig{{Name: "retention.ms", Value: &kept}}, topic); err != nil {
			t.Fatal(err)
		}
		old := numbers(topic, 0, 10, 1)
		for _, rec := range old {
			rec.Timestamp = time.Now().Add(-10 * time.Minute)
		}
		send(t, n.addr, old)
		h := openReader(t, kafka.Source[number](topic, kafka.Brokers(n.addr), fast), 0, 1)
		defer h.close()
		name := func(gauge string) string { return fmt.Sprint(gauge, []string{"topic", topic, "partition", "0"}) }
		h.gauge(t, name("retention_seconds"), 3600)
		h.gauge(t, name("retention_headroom_records"), 0)
		count := 0
		h.until(func(*number, event.Time) bool { count++; return count == 10 })
		h.gauge(t, name("retention_headroom_records"), 10)
		h.gauge(t, name("oldest_unread_age_seconds"), 0) // there is nothing more to read
		h.r.(connector.Pauser).Pressed(true)
		send(t, n.addr, numbers(topic, 10, 7, 1))
		h.between(t, name("oldest_unread_age_seconds"), 600, 900)
		gone := kadm.Offsets{}
		gone.AddOffset(topic, 0, 8, -1)
		if _, err := admin.DeleteRecords(within(t), gone); err != nil {
			t.Fatal(err)
		}
		h.gauge(t, name("retention_headroom_records"), 2)
	})
}

// TestRetentionRefused: a source that may not ask reads all the same.
func TestRetentionRefused(t *testing.T) {
	c, addr := cluster(t)
	topic := newTopic(t, c, 1)
	send(t, addr, numbers(topic, 0, 10, 1))
	refused := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.DescribeConfigs}, Count: -1, Err: kerr.TopicAuthorizationFailed})
	h := openReader(t, kafka.Source[number](topic, kafka.Brokers(addr), fast), 0, 1)
	defer h.close()
	if err := refused.Wait(within(t), 1); err != nil {
		t.Fatal(err)
	}
	n := 0
	if err := h.until(func(*number, event.Time) bool { n++; return n == 10 }); err != nil {
		t.Fatal(err)
	}
	h.gauge(t, fmt.Sprint("lag", []string{"topic", topic, "partition", "0"}), 0)
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, known := h.gauges[fmt.Sprint("retention_seconds", []string{"topic", topic, "partition", "0"})]; known {
		t.Error("the retention is known, although the brokers refused to tell")
	}
}
