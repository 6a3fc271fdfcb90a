package kafka_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/affluxdev/afflux/codec"
	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/connector/kafka"
	"github.com/affluxdev/afflux/event"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A member that is pressed for several session timeouts stays in the group:
// no rebalance happens, and every record comes once.
func TestPressureKeepsMembership(t *testing.T) {
	const session = 600 * time.Millisecond
	c, addr := cluster(t, kfake.GroupMinSessionTimeout(100*time.Millisecond))
	topic := newTopic(t, c, 2)
	send(t, addr, numbers(topic, 0, 2000, 2))
	src := kafka.Source[number](topic, kafka.Brokers(addr), fast, kafka.Group("g"), kafka.Balanced(),
		kafka.SessionTimeout(session), kafka.HeartbeatInterval(100*time.Millisecond), kafka.MaxPollRecords(100))
	h := openReader(t, src, 0, 1)
	defer h.close()
	h.limit.Records = 50
	seen := map[int]int{}
	take := func(n int) func(*number, event.Time) bool {
		return func(v *number, _ event.Time) bool {
			if seen[v.N]++; seen[v.N] > 1 {
				t.Fatalf("record %d came twice", v.N)
			}
			return len(seen) >= n
		}
	}
	h.until(take(100))
	before, err := c.WaitGroupStable(within(t), "g", 1)
	if err != nil {
		t.Fatal(err)
	}
	h.r.(connector.Pauser).Pressed(true)
	beats := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, Count: -1, Observe: true})
	fetches := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Count: -1, Observe: true})
	if err := beats.Wait(within(t), 20); err != nil { // more than three sessions
		t.Fatalf("%d heartbeats while pressed: %v", beats.Hits(), err)
	}
	if n := fetches.Hits(); n > 2 {
		t.Errorf("%d fetches while pressed", n)
	}
	after := c.GroupInfo("g")
	if after.State != "Stable" || after.Epoch != before.Epoch || len(after.Members) != 1 || after.Members[0].MemberID != before.Members[0].MemberID {
		t.Fatalf("the group changed from %+v to %+v", before, after)
	}
	h.r.(connector.Pauser).Pressed(false)
	h.until(take(2000))
}

// A member that the group has forgotten joins it anew and goes on.
func TestForgottenMember(t *testing.T) {
	c, addr := cluster(t, kfake.GroupMinSessionTimeout(100*time.Millisecond))
	topic := newTopic(t, c, 2)
	send(t, addr, numbers(topic, 0, 10, 2))
	src := kafka.Source[number](topic, kafka.Brokers(addr), fast, kafka.Group("g"), kafka.Balanced(),
		kafka.SessionTimeout(5*time.Second), kafka.HeartbeatInterval(20*time.Millisecond))
	h := openReader(t, src, 0, 1)
	defer h.close()
	seen := map[int]int{}
	h.until(func(v *number, _ event.Time) bool { seen[v.N]++; return len(seen) == 10 })
	forgotten := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, Group: "g", Err: kerr.UnknownMemberID, TopLevel: true})
	if err := forgotten.Wait(within(t), 1); err != nil {
		t.Fatal(err)
	}
	send(t, addr, numbers(topic, 10, 10, 2))
	if err := h.until(func(v *number, _ event.Time) bool { seen[v.N]++; return len(seen) == 20 }); err != nil {
		t.Fatal(err)
	}
	if !h.r.(connector.SplitLister).SplitsChanged() {
		t.Error("the partitions were lost and regained, and the splits did not change")
	}
}

func TestSessionTimeoutRefused(t *testing.T) {
	c, addr := cluster(t) // at least 6 s
	topic := newTopic(t, c, 1)
	h := openReader(t, kafka.Source[number](topic, kafka.Brokers(addr), fast, kafka.Group("g"), kafka.Balanced(),
		kafka.SessionTimeout(time.Second), kafka.HeartbeatInterval(100*time.Millisecond)), 0, 1)
	defer h.close()
	err := h.until(func(*number, event.Time) bool { return false })
	if err == nil || !strings.Contains(err.Error(), "group g") || !strings.Contains(err.Error(), "kafka.SessionTimeout (now 1s)") {
		t.Errorf("got %v", err)
	}
}

// An engine that does not poll at all is pressure too.
func TestFetchesStopWithoutPolls(t *testing.T) {
	c, addr := cluster(t)
	topic := newTopic(t, c, 1)
	var records []*kgo.Record
	for range 400 {
		records = append(records, &kgo.Record{Topic: topic, Value: noise(64 << 10)})
	}
	send(t, addr, records, kgo.ProducerBatchCompression(kgo.NoCompression()))
	src := kafka.Source[[]byte](topic, kafka.Brokers(addr), fast, kafka.Codec(codec.Bytes()), kafka.UntilLatest(), kafka.Buffer(6<<20))
	fetches := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Count: -1, Observe: true})
	h := openReader(t, src, 0, 1)
	defer h.close()
	<-h.wakes // the hand-over is full
	h.gauge(t, fmt.Sprint("lag", []string{"topic", topic, "partition", "0"}), 400)
	if n := fetches.Hits(); n > 4 {
		t.Errorf("%d fetches though nothing was polled", n)
	}
	n := 0
	h.until(func(v *[]byte, _ event.Time) bool { n++; return false })
	if n != 400 {
		t.Errorf("read %d of 400 records", n)
	}
}

func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{})
	r.Read(b)
	return b
}

// What a reader holds stays within its bound, however the records are
// compressed and whatever their size. The helper checks it at every poll.
func TestBufferBound(t *testing.T) {
	for name, codec := range map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	} {
		for _, size := range []int{16, 300, 100_000} {
			t.Run(fmt.Sprint(name, "/", size), func(t *testing.T) { testBufferBound(t, codec, size) })
		}
	}
}

// smallBatch is the size of uncompressed batches of small records: they are always
// taken, and the bound holds for thirty times their size.
const smallBatch = 30_000

func testBufferBound(t *testing.T, compression kgo.CompressionCodec, size int) {
	c, addr := cluster(t)
	topic := newTopic(t, c, 3)
	n := min(6<<20/(size+recordOverhead), 60_000) // twice the bound in memory
	var records []*kgo.Record
	value := bytes.Repeat([]byte{'x'}, size) // compresses a thousandfold
	for i := range n {
		records = append(records, &kgo.Record{Topic: topic, Partition: int32(i % 3), Value: value})
	}
	batch := int32(200_000)
	if compression == kgo.NoCompression() && size < smallBatch {
		batch = smallBatch
	}
	send(t, addr, records, kgo.ProducerBatchCompression(compression), kgo.ProducerBatchMaxBytes(batch))
	src := kafka.Source[int](topic, kafka.Brokers(addr), kafka.UntilLatest(), fast, kafka.Buffer(3<<20),
		kafka.Decode(func(m *kafka.Message, v *int) error { *v = len(m.Value); return nil }))
	h := openReader(t, src, 0, 1)
	defer h.close()
	h.limit.Records = 20 // so that everything that can fill up does
	got := 0
	if err := h.until(func(v *int, _ event.Time) bool { got++; return false }); err != nil {
		t.Fatal(err)
	}
	if got != n {
		t.Fatalf("read %d of %d records", got, n)
	}
	_, bound := h.r.(connector.Buffered).Buffered()
	t.Logf("peak %d of %d bytes", h.peak, bound)
}

// recordOverhead is what the documentation says a record counts with.
const recordOverhead = 224

func TestBatchLargerThanTheBuffer(t *testing.T) {
	c, addr := cluster(t)
	topic := newTopic(t, c, 1)
	var records []*kgo.Record
	for range 20_000 { // in one batch of less than 1 MB, which is 5 MB in memory
		records = append(records, &kgo.Record{Topic: topic, Value: []byte("0123456789")})
	}
	send(t, addr, records, kgo.ProducerBatchCompression(kgo.ZstdCompression()), kgo.ProducerLinger(time.Second))
	options := []kafka.SourceOption{kafka.Brokers(addr), kafka.UntilLatest(), fast, kafka.Codec(codec.Bytes())}
	h := openReader(t, kafka.Source[[]byte](topic, append(options, kafka.Buffer(1<<20))...), 0, 1)
	defer h.close()
	err := h.until(func(*[]byte, event.Time) bool { return false })
	if err == nil || !strings.Contains(err.Error(), topic+"/0") || !strings.Contains(err.Error(), "raise kafka.Buffer") {
		t.Fatalf("got %v", err)
	}
	h = openReader(t, kafka.Source[[]byte](topic, append(options, kafka.Buffer(6<<20))...), 0, 1)
	defer h.close()
	n := 0
	if err := h.until(func(*[]byte, event.Time) bool { n++; return false }); err != nil || n != len(records) {
		t.Fatalf("read %d of %d records, %v", n, len(records), err)
	}
}
