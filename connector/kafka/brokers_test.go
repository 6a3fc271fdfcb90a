package kafka_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/affluxdev/afflux/internal/realkafka"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kversion"
)

// node is a broker that a test runs against, embedded or real.
type node struct {
	addr string
	real *realkafka.Broker // nil if it is embedded
}

// real is one Apache Kafka for all tests of this package: a start takes seconds.
var real struct {
	once   sync.Once
	dir    string
	broker *realkafka.Broker
	err    error
}

func stopReal() {
	if real.broker != nil {
		if err := real.broker.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	if real.dir != "" {
		_ = os.RemoveAll(real.dir)
	}
}

// onBoth runs a test on the embedded log, with both versions of transactions, and
// on Apache Kafka.
func onBoth(t *testing.T, f func(t *testing.T, n node)) {
	t.Run("embedded", func(t *testing.T) {
		_, addr := cluster(t)
		f(t, node{addr: addr})
	})
	t.Run("embedded as 3.6", func(t *testing.T) { // an epoch does not rise when a transaction ends
		_, addr := cluster(t, kfake.MaxVersions(kversion.V3_6_0()))
		f(t, node{addr: addr})
	})
	t.Run("kafka", func(t *testing.T) { f(t, realNode(t)) })
}

func realNode(t *testing.T) node {
	real.once.Do(func() {
		if real.dir, real.err = os.MkdirTemp("", "afflux-kafka-"); real.err == nil {
			real.broker, real.err = realkafka.Start(context.Background(), real.dir, nil)
		}
	})
	if real.err != nil {
		realkafka.Missing(t, real.err)
	}
	return node{real.broker.Addr(), real.broker}
}

func (n node) client(tb testing.TB, opts ...kgo.Opt) *kgo.Client {
	tb.Helper()
	cl, err := kgo.NewClient(append(opts, kgo.SeedBrokers(n.addr), kgo.MetadataMinAge(20*time.Millisecond), kgo.DisableClientMetrics())...)
	if err != nil {
		tb.Fatal(err)
	}
	return cl
}

func (n node) topic(tb testing.TB, partitions int32) string {
	tb.Helper()
	cl := n.client(tb)
	defer cl.Close()
	name := fmt.Sprintf("topic-%d", topics.Add(1))
	ctx, adm := within(tb), kadm.NewClient(cl)
	if _, err := adm.CreateTopic(ctx, partitions, 1, nil, name); err != nil {
		tb.Fatal(err)
	}
	for tick := time.NewTicker(5 * time.Millisecond); ; <-tick.C { // until every partition has a leader
		details, err := adm.ListTopics(ctx, name)
		err = errors.Join(err, details.Error())
		details.EachPartition(func(p kadm.PartitionDetail) { err = errors.Join(err, p.Err) })
		if err == nil {
			tick.Stop()
			return name
		}
		if ctx.Err() != nil {
			tb.Fatal(err)
		}
	}
}

// committed returns the values of a topic that are committed, by the markers in
// the topic alone: readers of committed records see no more than what precedes
// the oldest open transaction. It waits for commits that are under way.
func (n node) committed(tb testing.TB, topic string) []string {
	tb.Helper()
	ctx := within(tb)
	admin := n.client(tb)
	defer admin.Close()
	adm := kadm.NewClient(admin)
	for tick := time.NewTicker(5 * time.Millisecond); ; <-tick.C {
		list, err := adm.ListTransactions(ctx, nil, []string{"PrepareCommit", "PrepareAbort"})
		if err != nil {
			tb.Fatal(err)
		}
		if len(list) == 0 {
			tick.Stop()
			break
		}
	}
	ends, err := adm.ListEndOffsets(ctx, topic)
	for ; err != nil || ends.Error() != nil; ends, err = adm.ListEndOffsets(ctx, topic) {
		if ctx.Err() != nil { // a partition without an answer is not an empty one
			tb.Fatal(err, ends.Error())
		}
	}
	left := map[int32]int64{}
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			left[o.Partition] = o.Offset
		}
	})
	if len(left) == 0 {
		return nil
	}
	cl := n.client(tb, kgo.ConsumeTopics(topic), kgo.KeepControlRecords(), kgo.FetchMaxWait(50*time.Millisecond))
	defer cl.Close()
	type writer struct {
		partition int32
		producer  int64
	}
	open := map[writer][]string{}
	var all []string
	for len(left) > 0 {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			tb.Fatalf("%v; not read: %v", err, left)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			w := writer{r.Partition, r.ProducerID}
			switch {
			case !r.Attrs.IsTransactional():
				all = append(all, string(r.Value))
			case !r.Attrs.IsControl():
				open[w] = append(open[w], string(r.Value))
			default:
				if binary.BigEndian.Uint16(r.Key[2:]) == 1 {
					all = append(all, open[w]...)
				}
				delete(open, w)
			}
			if r.Offset+1 >= left[r.Partition] {
				delete(left, r.Partition)
			}
		})
	}
	return all
}
