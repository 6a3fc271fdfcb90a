package kafka_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/affluxdev/afflux/codec"
	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/connector/kafka"
	"github.com/affluxdev/afflux/event"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// read returns the numbers that a bounded source gives, sorted.
func read(t *testing.T, src connector.Source[number]) []int {
	t.Helper()
	h := openReader(t, src, 0, 1)
	defer h.close()
	var got []int
	if err := h.until(func(v *number, _ event.Time) bool { got = append(got, v.N); return false }); err != nil {
		t.Fatal(err)
	}
	if len(h.rejected) > 0 {
		t.Fatalf("rejected: %v", h.rejected[0].Reason)
	}
	slices.Sort(got)
	return got
}

func span(from, to int) []int {
	var s []int
	for i := from; i < to; i++ {
		s = append(s, i)
	}
	return s
}

func TestStartPositions(t *testing.T) {
	c, addr := cluster(t)
	topic := newTopic(t, c, 2)
	send(t, addr, numbers(topic, 0, 20, 2)) // ten in each partition
	at := func(a, b int64) kafka.SourceOption {
		return kafka.StartOffsets(map[string]map[int32]int64{topic: {0: a, 1: b}})
	}
	for _, c := range []struct {
		name    string
		options []kafka.SourceOption
		want    []int
	}{
		{"earliest", []kafka.SourceOption{kafka.StartEarliest()}, span(0, 20)},
		{"latest", []kafka.SourceOption{kafka.StartLatest()}, nil},
		{"time", []kafka.SourceOption{kafka.StartAt(time.Unix(15, 0))}, span(15, 20)},
		{"time after the end", []kafka.SourceOption{kafka.StartAt(time.Unix(99, 0))}, nil},
		{"offsets", []kafka.SourceOption{at(9, 8)}, []int{17, 18, 19}},
		{"offsets out of range, earliest", []kafka.SourceOption{at(10, 99), kafka.OnOutOfRange(kafka.Earliest)}, []int{1, 3, 5, 7, 9, 11, 13, 15, 17, 19}},
		{"offsets out of range, latest", []kafka.SourceOption{at(9, 99), kafka.OnOutOfRange(kafka.Latest)}, []int{18}},
		{"group without commits", []kafka.SourceOption{kafka.Group("new")}, span(0, 20)},
	} {
		options := append(c.options, kafka.Brokers(addr), kafka.UntilLatest(), fast)
		if got := read(t, kafka.Source[number](topic, options...)); !slices.Equal(got, c.want) {
			t.Errorf("%s: read %v, want %v", c.name, got, c.want)
		}
	}
}

func TestCommit(t *testing.T) {
	c, addr := cluster(t, kfake.GroupMinSessionTimeout(time.Second))
	for _, balanced := range []bool{false, true} {
		topic := newTopic(t, c, 3)
		send(t, addr, numbers(topic, 0, 30, 3))
		options := []kafka.SourceOption{kafka.Brokers(addr), kafka.Group("g-" + topic), fast}
		first := options
		if balanced {
			first = append(slices.Clone(options), kafka.Balanced())
		}
		h := openReader(t, kafka.Source[number](topic, first...), 0, 1)
		got := map[int]int{}
		h.until(func(v *number, _ event.Time) bool { got[v.N]++; return len(got) == 30 })
		if err := h.r.(connector.Committer).Commit(within(t), nil); err != nil {
			t.Fatal(err)
		}
		h.close()
		send(t, addr, numbers(topic, 30, 3, 3))
		again := read(t, kafka.Source[number](topic, append(slices.Clone(options), kafka.UntilLatest())...))
		if !slices.Equal(again, span(30, 33)) {
			t.Errorf("balanced %v: the next run read %v", balanced, again)
		}
	}
}

func TestSeveralTopics(t *testing.T) {
	c, addr := cluster(t)
	a, b := newTopic(t, c, 2), newTopic(t, c, 3)
	send(t, addr, append(numbers(a, 0, 50, 2), numbers(b, 50, 50, 3)...))
	seen := map[int]int{}
	for i := range 3 {
		src := kafka.Source[number](a, kafka.Topics(b), kafka.Brokers(addr), kafka.UntilLatest(), fast)
		h := openReader(t, src, i, 3)
		h.until(func(v *number, _ event.Time) bool { seen[v.N]++; return false })
		h.close()
	}
	if len(seen) != 100 || slices.Max(slices.Collect(maps.Values(seen))) != 1 {
		t.Fatalf("read %d of 100 records, one of them several times: %v", len(seen), seen)
	}
}

func TestWholeMessage(t *testing.T) {
	c, addr := cluster(t)
	topic := newTopic(t, c, 2)
	when := time.UnixMilli(1_700_000_000_123)
	send(t, addr, []*kgo.Record{{Topic: topic, Partition: 1, Key: []byte("k"), Value: []byte("v"), Timestamp: when,
		Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("x")}}}})
	src := kafka.Source[string](topic, kafka.Brokers(addr), kafka.UntilLatest(), fast,
		kafka.Decode(func(m *kafka.Message, v *string) error {
			*v = fmt.Sprintf("%s/%d/%d %s=%s %s=%s %d", m.Topic, m.Partition, m.Offset, m.Key, m.Value, m.Headers[0].Key, m.Headers[0].Value, m.Time.Std().UnixMilli())
			return nil
		}))
	h := openReader(t, src, 0, 1)
	defer h.close()
	want := topic + "/1/0 k=v h=x 1700000000123"
	h.until(func(v *string, at event.Time) bool {
		if *v != want || at != event.At(when) {
			t.Errorf("got %s at %s, want %s", *v, at, want)
		}
		return false
	})
}

func TestBadRecord(t *testing.T) {
	c, addr := cluster(t)
	topic := newTopic(t, c, 1)
	records := numbers(topic, 0, 5, 1)
	records[2].Value = []byte(`{"n":`)
	send(t, addr, records)
	h := openReader(t, kafka.Source[number](topic, kafka.Brokers(addr), kafka.UntilLatest(), fast), 0, 1)
	defer h.close()
	var got []int
	h.until(func(v *number, _ event.Time) bool { got = append(got, v.N); return false })
	if !slices.Equal(got, []int{0, 1, 3, 4}) {
		t.Errorf("read %v", got)
	}
	if len(h.rejected) != 1 {
		t.Fatalf("%d messages were rejected", len(h.rejected))
	}
	r := h.rejected[0]
	if r.Origin != topic+"/0/2" || string(r.Payload) != `{"n":` || r.Time != event.At(time.Unix(2, 0)) || !strings.Contains(r.Reason.Error(), r.Origin) {
		t.Errorf("rejected %+v", r)
	}
}

func TestCodecs(t *testing.T) {
	c, addr := cluster(t)
	avro, err := codec.AvroOf[number]()
	if err != nil {
		t.Fatal(err)
	}
	rows, err := codec.StructRows[number]()
	if err != nil {
		t.Fatal(err)
	}
	csv, err := codec.CSVRow(rows, ',', "n")
	if err != nil {
		t.Fatal(err)
	}
	for name, use := range map[string]kafka.Option{"avro": kafka.Codec(avro), "csv": kafka.Codec(csv), "json": kafka.Codec(codec.JSON[number]())} {
		topic := newTopic(t, c, 1)
		w := openWriter(t, kafka.Sink[number](topic, kafka.Brokers(addr), fast, use))
		w.write(0, 10)
		w.flush(nil)
		w.close()
		if got := read(t, kafka.Source[number](topic, kafka.Brokers(addr), kafka.UntilLatest(), fast, use)); !slices.Equal(got, span(0, 10)) {
			t.Errorf("%s: read %v", name, got)
		}
	}
	topic := newTopic(t, c, 1)
	send(t, addr, []*kgo.Record{{Topic: topic, Value: []byte("7,x")}})
	h := openReader(t, kafka.Source[string](topic, kafka.Brokers(addr), kafka.UntilLatest(), fast, kafka.Codec(codec.String())), 0, 1)
	defer h.close()
	h.until(func(v *string, _ event.Time) bool {
		if *v != "7,x" {
			t.Errorf("got %q", *v)
		}
		return false
	})
}

// A transaction ends with a control record: the last offset is no record.
func TestBoundedByTransaction(t *testing.T) {
	c, addr := cluster(t)
	topic := newTopic(t, c, 1)
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.TransactionalID("t"), kgo.DefaultProduceTopic(topic), kgo.DisableClientMetrics())
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	for i, end := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort, kgo.TryCommit, kgo.TryAbort} {
		if err := cl.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := cl.ProduceSync(within(t), kgo.StringRecord(fmt.Sprintf(`{"n":%d}`, i))).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if err := cl.EndTransaction(within(t), end); err != nil {
			t.Fatal(err)
		}
	}
	if got := read(t, kafka.Source[number](topic, kafka.Brokers(addr), kafka.UntilLatest(), fast)); !slices.Equal(got, []int{0, 2}) {
		t.Errorf("committed: read %v", got)
	}
	if got := read(t, kafka.Source[number](topic, kafka.Brokers(addr), kafka.UntilLatest(), fast, kafka.ReadUncommitted())); !slices.Equal(got, span(0, 4)) {
		t.Errorf("uncommitted: read %v", got)
	}
}

func TestLag(t *testing.T) {
	c, addr := cluster(t)
	topic := newTopic(t, c, 1)
	send(t, addr, numbers(topic, 0, 10, 1))
	h := openReader(t, kafka.Source[number](topic, kafka.Brokers(addr), fast), 0, 1)
	defer h.close()
	name := fmt.Sprint("lag", []string{"topic", topic, "partition", "0"})
	h.gauge(t, name, 10)
	n := 0
	h.until(func(*number, event.Time) bool { n++; return n == 10 })
	h.gauge(t, name, 0)
	h.r.(connector.Pauser).Pressed(true)
	send(t, addr, numbers(topic, 10, 7, 1)) // nothing is fetched, and the lag is still seen
	h.gauge(t, name, 7)
}

func TestNewPartitionsAreReported(t *testing.T) {
	c, addr := cluster(t)
	topic := newTopic(t, c, 1)
	h := openReader(t, kafka.Source[number](topic, kafka.Brokers(addr), fast), 0, 1)
	defer h.close()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.DisableClientMetrics())
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if _, err := kadm.NewClient(cl).UpdatePartitions(within(t), 4, topic); err != nil {
		t.Fatal(err)
	}
	h.log.wait(t, "new partitions")
	if line := h.log.String(); !strings.Contains(line, topic) || !strings.Contains(line, "partitions=4 read=1") {
		t.Errorf("logged %q", line)
	}
}

// Three members share a topic; each record comes at least once, and each
// partition has one reader in the end.
func TestBalancedMembers(t *testing.T) {
	c, addr := cluster(t, kfake.GroupMinSessionTimeout(100*time.Millisecond))
	topic := newTopic(t, c, 6)
	src := kafka.Source[number](topic, kafka.Brokers(addr), fast, kafka.Group("g"), kafka.Balanced(),
		kafka.SessionTimeout(5*time.Second), kafka.HeartbeatInterval(50*time.Millisecond))
	var members []*reading[number]
	for i := range 3 {
		members = append(members, openReader(t, src, i, 3))
		if _, err := c.WaitGroupStable(within(t), "g", i+1); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.WaitGroupInfo(within(t), "g", func(g *kfake.GroupInfo) bool {
		return g != nil && g.State == "Stable" && len(g.Members) == 3 && g.NumAssigned() == 6 && g.Members[0].NumAssigned() == 2 && g.Members[1].NumAssigned() == 2
	}); err != nil {
		t.Fatal(err)
	}
	send(t, addr, numbers(topic, 0, 60, 6))
	seen := map[int]int{}
	for i, m := range members {
		mine := 0
		m.until(func(v *number, _ event.Time) bool { seen[v.N]++; mine++; return mine == 20 })
		lister := m.r.(connector.SplitLister)
		if splits := lister.Splits(); len(splits) != 2 || lister.SplitsChanged() {
			t.Errorf("member %d has the splits %v", i, splits)
		}
	}
	for _, m := range members {
		m.close()
	}
	if len(seen) != 60 {
		t.Errorf("%d of 60 records came", len(seen))
	}
	if _, err := c.WaitGroupInfo(within(t), "g", func(g *kfake.GroupInfo) bool { return g == nil || len(g.Members) == 0 }); err != nil {
		t.Errorf("a member did not leave the group: %v", err)
	}
}

func TestSeveralBrokers(t *testing.T) {
	c, addr := cluster(t, kfake.NumBrokers(3))
	topic := newTopic(t, c, 7)
	send(t, addr, numbers(topic, 0, 700, 7))
	if got := read(t, kafka.Source[number](topic, kafka.Brokers(addr), kafka.UntilLatest(), fast)); !slices.Equal(got, span(0, 700)) {
		t.Errorf("read %d of 700 records", len(got))
	}
	if got := read(t, kafka.Source[number](topic, kafka.Brokers(addr), kafka.UntilLatest(), fast, kafka.ConcurrentFetches(1))); !slices.Equal(got, span(0, 700)) {
		t.Errorf("one fetch at a time: read %d of 700 records", len(got))
	}
}

func TestMoreSubtasksThanPartitions(t *testing.T) {
	c, addr := cluster(t)
	topic := newTopic(t, c, 1)
	send(t, addr, numbers(topic, 0, 3, 1))
	for i, want := range []int{3, 0, 0} {
		h := openReader(t, kafka.Source[number](topic, kafka.Brokers(addr), kafka.UntilLatest(), fast), i, 3)
		n := 0
		h.until(func(*number, event.Time) bool { n++; return false })
		if n != want || h.state != connector.Done {
			t.Errorf("subtask %d read %d records and said %v", i, n, h.state)
		}
		h.close()
	}
}

func TestSplitsOfBounded(t *testing.T) {
	c, addr := cluster(t)
	topic := newTopic(t, c, 4)
	send(t, addr, []*kgo.Record{{Topic: topic, Partition: 1, Value: []byte("{}")}, {Topic: topic, Partition: 3, Value: []byte("{}")}})
	h := openReader(t, kafka.Source[number](topic, kafka.Brokers(addr), kafka.UntilLatest(), fast), 0, 1)
	defer h.close()
	if got := h.r.(connector.SplitLister).Splits(); !slices.Equal(got, []int{1, 3}) {
		t.Errorf("splits %v: the empty partitions have ended", got)
	}
	h.until(func(*number, event.Time) bool { return false })
	if done, total := h.r.(connector.Progress).Progress(); done != 2 || total != 2 {
		t.Errorf("progress %d of %d", done, total)
	}
}
