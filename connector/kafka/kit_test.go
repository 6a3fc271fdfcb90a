package kafka_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/connector/connectortest"
	"github.com/affluxdev/afflux/connector/kafka"
	"github.com/affluxdev/afflux/event"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// sourceKit tests a source of topics with 5 partitions, the last of which
// stays empty.
func sourceKit(c *kfake.Cluster, addr string, options ...kafka.SourceOption) connectortest.Source[number] {
	var topic string
	options = append(options, kafka.Brokers(addr), fast, kafka.FetchMaxWait(50*time.Millisecond))
	return connectortest.Source[number]{
		New: func(tb testing.TB, n int) connector.Source[number] {
			topic = newTopic(tb, c, 5)
			send(tb, addr, numbers(topic, 0, n, 4))
			return kafka.Source[number](topic, options...)
		},
		Bad: func(tb testing.TB, n, bad int) connector.Source[number] {
			topic = newTopic(tb, c, 5)
			good := numbers(topic, 0, n, 4)
			var all []*kgo.Record
			for i, r := range good {
				all = append(all, r)
				if i < bad {
					all = append(all, &kgo.Record{Topic: topic, Partition: r.Partition, Value: []byte(`{"n":"x`)})
				}
			}
			send(tb, addr, all)
			return kafka.Source[number](topic, options...)
		},
		Key:        func(v *number) int { return v.N },
		Positioned: true,
	}
}

func TestSourceKitBounded(t *testing.T) {
	c, addr := cluster(t)
	h := sourceKit(c, addr, kafka.UntilLatest())
	h.Part = func(v *number) string { return string(rune('a' + v.N%4)) }
	connectortest.TestSource(t, h)
}

func TestSourceKitUnbounded(t *testing.T) {
	c, addr := cluster(t)
	h := sourceKit(c, addr)
	topic, create := "", h.New
	h.New = func(tb testing.TB, n int) connector.Source[number] {
		s := create(tb, n)
		topic = s.Describe().Target
		return s
	}
	h.More = func(tb testing.TB, from, n int) { send(tb, addr, numbers(topic, from, n, 4)) }
	connectortest.TestSource(t, h)
}

func TestSinkKit(t *testing.T) {
	c, addr := cluster(t)
	type record struct {
		N    int    `json:"n"`
		Text string `json:"text"`
	}
	big := record{N: 7, Text: string(make([]byte, 1<<20))}
	connectortest.TestSink(t, connectortest.Sink[record]{
		New: func(tb testing.TB) (connector.Sink[record], func(testing.TB) []record) {
			topic := newTopic(tb, c, 3)
			read := func(tb testing.TB) []record {
				var got []record
				h := openReader(tb, kafka.Source[record](topic, kafka.Brokers(addr), kafka.UntilLatest(), fast), 0, 1)
				if err := h.until(func(v *record, _ event.Time) bool { got = append(got, *v); return false }); err != nil {
					tb.Fatal(err)
				}
				h.close()
				return got
			}
			return kafka.Sink[record](topic, kafka.Brokers(addr), fast), read
		},
		Record: func(k int) record { return record{N: k, Text: "abc"} },
		Key:    func(v *record) int { return v.N },
		Bad:    &big,
	})
}

func TestExactlyOnceKit(t *testing.T) {
	onBoth(t, func(t *testing.T, n node) {
		connectortest.TestSink(t, connectortest.Sink[number]{
			New: func(tb testing.TB) (connector.Sink[number], func(testing.TB) []number) {
				topic := n.topic(tb, 3)
				read := func(tb testing.TB) []number {
					var got []number
					for _, text := range n.committed(tb, topic) {
						var v number
						if err := json.Unmarshal([]byte(text), &v); err != nil {
							tb.Fatal(err)
						}
						got = append(got, v)
					}
					return got
				}
				return kafka.Sink[number](topic, kafka.Brokers(n.addr), fast, kafka.ExactlyOnce(), kafka.TransactionalPrefix("kit-"+topic)), read
			},
			Record:   func(k int) number { return number{k} },
			Key:      func(v *number) int { return v.N },
			Atomic:   true,
			TwoPhase: true,
		})
	})
}
