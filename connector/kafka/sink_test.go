package kafka_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/connector/kafka"
	"github.com/affluxdev/afflux/event"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// writing writes to a writer as the engine does.
type writing struct {
	*engine
	tb testing.TB
	w  connector.Writer[number]
}

func openWriter(tb testing.TB, sink connector.Sink[number]) *writing {
	tb.Helper()
	w := &writing{engine: &engine{}, tb: tb}
	var err error
	if w.w, err = sink.Open(within(tb), w.subtask(0, 1)); err != nil {
		tb.Fatal(err)
	}
	return w
}

func (w *writing) batch(from, n int) *event.Records[number] {
	b := event.NewRecords[number](n)
	for i := from; i < from+n; i++ {
		b.Append(number{i}, event.At(time.Unix(int64(i), 0)))
	}
	return b
}

func (w *writing) write(from, n int) {
	w.tb.Helper()
	b := w.batch(from, n)
	for done := 0; done < n; {
		took, err := w.w.Write(b, done)
		if err != nil {
			w.tb.Fatal(err)
		}
		if len(w.rejected) > 0 {
			w.tb.Fatalf("rejected: %v", w.rejected[0].Reason)
		}
		bytes, bound := w.w.(connector.Buffered).Buffered()
		if bytes > bound {
			w.tb.Fatalf("the writer holds %d bytes, its bound is %d", bytes, bound)
		}
		if done += took; done < n {
			<-w.wakes
		}
	}
}

// flush flushes; with wants, it must fail with an error that has them all.
func (w *writing) flush(wants []string) {
	w.tb.Helper()
	err := w.w.Flush(within(w.tb))
	if wants == nil && err != nil {
		w.tb.Fatal(err)
	}
	for _, want := range wants {
		if err == nil || !strings.Contains(err.Error(), want) {
			w.tb.Fatalf("flush: %v lacks %q", err, want)
		}
	}
}

func (w *writing) close() {
	w.tb.Helper()
	if err := w.w.Close(); err != nil {
		w.tb.Fatal(err)
	}
}

// The partition of a key is the one that Kafka's own clients choose.
func TestKeyAndTime(t *testing.T) {
	c, addr := cluster(t)
	topic := newTopic(t, c, 7)
	w := openWriter(t, kafka.Sink[number](topic, kafka.Brokers(addr), fast,
		kafka.Key(func(v *number) []byte { return fmt.Appendf(nil, "key-%d", v.N) })))
	w.write(0, 100)
	w.flush(nil)
	w.close()
	records := fetchAll(t, addr, topic)
	if len(records) != 100 {
		t.Fatalf("%d of 100 records arrived", len(records))
	}
	partitioner := kgo.StickyKeyPartitioner(nil).ForTopic(topic)
	for _, r := range records {
		var n int
		fmt.Sscanf(string(r.Key), "key-%d", &n)
		if want := partitioner.Partition(&kgo.Record{Key: r.Key}, 7); int(r.Partition) != want {
			t.Errorf("%s went to partition %d, want %d", r.Key, r.Partition, want)
		}
		if string(r.Value) != fmt.Sprintf(`{"n":%d}`, n) || !r.Timestamp.Equal(time.Unix(int64(n), 0)) {
			t.Errorf("record %d: %s at %v", n, r.Value, r.Timestamp)
		}
	}
}

func TestEncodeAndPartition(t *testing.T) {
	c, addr := cluster(t)
	topic := newTopic(t, c, 3)
	w := openWriter(t, kafka.Sink[number](topic, kafka.Brokers(addr), fast,
		kafka.Encode(func(v *number, m *kafka.Message) error {
			m.Key, m.Value = []byte("k"), fmt.Append(nil, v.N)
			m.Headers = append(m.Headers, kafka.Header{Key: "h", Value: []byte("x")})
			m.Time = event.MinTime
			return nil
		}),
		kafka.PartitionBy(func(v *number) int32 { return int32(v.N % 3) })))
	before := time.Now().Truncate(time.Millisecond)
	w.write(0, 9)
	w.flush(nil)
	w.close()
	for _, r := range fetchAll(t, addr, topic) {
		var n int
		fmt.Sscan(string(r.Value), &n)
		if int(r.Partition) != n%3 || string(r.Key) != "k" || len(r.Headers) != 1 || string(r.Headers[0].Value) != "x" {
			t.Errorf("got %+v", r)
		}
		if r.Timestamp.Before(before) || r.Timestamp.After(time.Now()) {
			t.Errorf("written at %v", r.Timestamp)
		}
	}
	w = openWriter(t, kafka.Sink[number](topic, kafka.Brokers(addr), fast, kafka.PartitionBy(func(*number) int32 { return 3 })))
	defer w.close()
	w.write(0, 1)
	w.flush([]string{"chose partition 3", topic, "has 3"})
}

func TestCreateTopic(t *testing.T) {
	c, addr := cluster(t)
	for range 2 { // the second time it is there
		w := openWriter(t, kafka.Sink[number]("made", kafka.Brokers(addr), fast, kafka.CreateTopic(5, -1)))
		w.write(0, 1)
		w.flush(nil)
		w.close()
	}
	if c.PartitionInfo("made", 4) == nil || c.PartitionInfo("made", 5) != nil {
		t.Error("the topic has not 5 partitions")
	}
}

func TestFullBufferPresses(t *testing.T) {
	c, addr := cluster(t)
	topic := newTopic(t, c, 1)
	w := openWriter(t, kafka.Sink[number](topic, kafka.Brokers(addr), fast, kafka.BufferBytes(64<<10), kafka.BatchBytes(16<<10)))
	defer w.close()
	held := make(chan struct{})
	c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.SleepControl(func() { <-held })
		return nil, nil, false
	})
	b := w.batch(0, 1000)
	took, err := w.w.Write(b, 0)
	if err != nil || took == 0 || took == 1000 {
		t.Fatalf("took %d of 1000, %v: want what fits the buffer", took, err)
	}
	if more, err := w.w.Write(b, took); err != nil || more != 0 {
		t.Fatalf("a full buffer took %d more, %v", more, err)
	}
	if bytes, bound := w.w.(connector.Buffered).Buffered(); bytes > bound || bytes < bound/2 {
		t.Errorf("a full buffer holds %d of %d bytes", bytes, bound)
	}
	select {
	case <-w.wakes:
		t.Error("woken though nothing was acknowledged")
	default:
	}
	close(held)
	for took < 1000 {
		<-w.wakes
		n, err := w.w.Write(b, took)
		if err != nil {
			t.Fatal(err)
		}
		took += n
	}
	w.flush(nil)
	w.gauge(t, "in_flight_records[]", 0)
	w.gauge(t, "in_flight_bytes[]", 0)
	if n := len(fetchAll(t, addr, topic)); n != 1000 {
		t.Errorf("%d of 1000 records arrived", n)
	}
}

func TestDeliveryErrors(t *testing.T) {
	for name, c := range map[string]struct {
		err  *kerr.Error
		want string
	}{
		"no right":  {kerr.TopicAuthorizationFailed, "ask for the right to write"},
		"too large": {kerr.MessageTooLarge, "kafka.BatchBytes"},
		"refused":   {kerr.InvalidRecord, "INVALID_RECORD"},
	} {
		broker, addr := cluster(t)
		topic := newTopic(t, broker, 1)
		w := openWriter(t, kafka.Sink[number](topic, kafka.Brokers(addr), fast))
		broker.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: topic, Err: c.err, Count: -1})
		w.write(0, 3)
		w.flush([]string{topic + "/0", c.want})
		<-w.wakes
		if _, err := w.w.Write(w.batch(3, 1), 0); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: Write after the failure: %v", name, err)
		}
		w.close()
	}
}

// An error that passes is retried: nothing is lost, nothing doubled.
func TestRetriedDelivery(t *testing.T) {
	c, addr := cluster(t)
	topic := newTopic(t, c, 1)
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: topic, Err: kerr.NotLeaderForPartition, Count: 2},
		kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: topic, Err: kerr.NotEnoughReplicasAfterAppend, Count: 1})
	w := openWriter(t, kafka.Sink[number](topic, kafka.Brokers(addr), fast))
	w.write(0, 10)
	w.flush(nil)
	w.close()
	if n := len(fetchAll(t, addr, topic)); n != 10 {
		t.Errorf("%d records arrived, 10 were written", n)
	}
}

// The limit of the topic counts where it is lower than that of the sink.
func TestTooLargeForTopic(t *testing.T) {
	c, addr := cluster(t)
	if err := c.CreateTopic("small", 1, map[string]string{"max.message.bytes": "2000"}); err != nil {
		t.Fatal(err)
	}
	sink := kafka.Sink[number]("small", kafka.Brokers(addr), fast, kafka.Encode(func(v *number, m *kafka.Message) error {
		m.Value = make([]byte, v.N)
		return nil
	}))
	w := openWriter(t, sink)
	b := event.NewRecords[number](3)
	for _, size := range []int{1500, 2500, 1600} {
		b.Append(number{size}, event.MinTime)
	}
	if n, err := w.w.Write(b, 0); n != 3 || err != nil {
		t.Fatalf("took %d, %v", n, err)
	}
	w.flush(nil)
	w.close()
	if len(w.rejected) != 1 || !strings.Contains(w.rejected[0].Reason.Error(), "max.message.bytes") {
		t.Errorf("rejected %v", w.rejected)
	}
	if n := len(fetchAll(t, addr, "small")); n != 2 {
		t.Errorf("%d records arrived, 2 fit", n)
	}
}

func TestSinkChoices(t *testing.T) {
	c, addr := cluster(t)
	for i, options := range [][]kafka.SinkOption{
		{kafka.Acks(kafka.AckLeader)}, {kafka.WithoutIdempotence()}, {kafka.Linger(0)},
		{kafka.Compress(kafka.None)}, {kafka.Compress(kafka.Gzip)}, {kafka.Compress(kafka.LZ4)}, {kafka.Compress(kafka.Zstd)},
	} {
		topic := newTopic(t, c, 1)
		w := openWriter(t, kafka.Sink[number](topic, append(options, kafka.Brokers(addr), fast)...))
		w.write(0, 100)
		w.flush(nil)
		w.close()
		var got []string
		for _, r := range fetchAll(t, addr, topic) {
			got = append(got, string(r.Value))
		}
		if len(got) != 100 || !slices.Contains(got, `{"n":99}`) {
			t.Errorf("choice %d: %d of 100 records arrived", i, len(got))
		}
	}
}
