package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// complaintEvery bounds how often a reader logs the same kind of trouble.
const complaintEvery = 10 * time.Second

// fetch starts the fetcher: it takes one poll's worth from the client, leaves
// it in the hand-over, wakes the engine and waits until it was taken. Between
// polls it keeps no records.
func (r *reader[T]) fetch() {
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	r.done.Go(func() {
		for ctx.Err() == nil {
			if !r.hungry() {
				select {
				case <-r.free:
				case <-ctx.Done():
				}
				continue
			}
			r.budget.resize(r.cl, r.config.fetch, r.config.partition)
			fetches := r.cl.PollRecords(ctx, r.config.pollRecords)
			if ctx.Err() != nil {
				return
			}
			r.handOver(fetches)
		}
	})
}

// handOver sorts what the client gave into chunks and wakes the engine.
func (r *reader[T]) handOver(fetches kgo.Fetches) {
	var (
		chunks []chunk
		ended  = map[string][]int32{}
		failed error
		cost   int64
		now    = time.Now()
	)
	r.mu.Lock()
	fetches.EachPartition(func(f kgo.FetchTopicPartition) {
		if f.Err != nil && failed == nil {
			failed = r.verdict(f.Topic, f.Partition, f.Err)
		}
		p := r.partitions[place{f.Topic, f.Partition}]
		if p == nil || p.cut || len(f.Records) == 0 {
			return
		}
		p.hear(f.LogStartOffset, f.HighWatermark, now)
		c := chunk{p: p, records: f.Records}
		if p.stop >= 0 && c.cut() {
			ended[f.Topic] = append(ended[f.Topic], f.Partition)
		}
		for _, rec := range c.records {
			cost += costOf(rec)
		}
		chunks = append(chunks, c)
	})
	r.budget.held.Add(cost)
	r.ready = append(r.ready, chunks...)
	if r.failed == nil {
		r.failed = failed
	}
	r.mu.Unlock()
	if len(ended) > 0 {
		r.cl.RemoveConsumePartitions(ended)
	}
	if len(chunks) > 0 || failed != nil {
		r.sub.Wake()
	}
}

// cut drops the records at and after the partition's stop and tells whether
// nothing before it is left to come.
func (c *chunk) cut() bool {
	n := len(c.records)
	c.last = c.records[n-1].Offset+1 >= c.p.stop
	for n > 0 && c.records[n-1].Offset >= c.p.stop {
		n--
	}
	c.records = c.records[:n]
	c.p.cut = c.last
	return c.last
}

// verdict decides whether an error ends the job, in the user's words, or
// passes by itself: then it is logged and nil is returned.
func (r *reader[T]) verdict(topic string, number int32, err error) error {
	if loss, ok := errors.AsType[*kgo.ErrDataLoss](err); ok {
		if r.config.outside == Fail {
			return outOfRange(topic, number, fmt.Sprintf("the cluster lost what was written before offset %d", loss.ConsumedTo))
		}
		r.sub.Log.Warn("the cluster lost records; reading goes on elsewhere", "topic", topic, "partition", number,
			"read_to", loss.ConsumedTo, "goes_on_at", loss.ResetTo)
		return nil
	}
	where := fmt.Sprintf("%s/%d", topic, number)
	if topic == "" {
		where = "group " + r.config.group
	}
	switch {
	case errors.Is(err, kerr.OffsetOutOfRange):
		return outOfRange(topic, number, "the next offset to read is not in the log")
	case errors.Is(err, kgo.ErrMaxDecompress):
		return fmt.Errorf("kafka: %s: a batch needs more than %d bytes of memory: %w; raise kafka.Buffer or lower kafka.ConcurrentFetches", where, r.budget.bytes-r.budget.others, err)
	case denied(err):
		return fmt.Errorf("kafka: %s: %w; ask for the right to read", where, err)
	case errors.Is(err, kerr.UnknownTopicOrPartition), errors.Is(err, kerr.UnknownTopicID):
		return fmt.Errorf("kafka: %s was deleted, or deleted and made anew, while the job read it: %w", where, err)
	case errors.Is(err, kerr.InvalidSessionTimeout):
		return fmt.Errorf("kafka: %s: %w; choose another kafka.SessionTimeout (now %v): brokers bound it by group.min.session.timeout.ms and group.max.session.timeout.ms", where, err, r.config.session)
	case transient(err):
		if now := time.Now(); now.After(r.quiet) {
			r.quiet = now.Add(complaintEvery)
			r.sub.Log.Warn("reading from Kafka is interrupted; trying again", "at", where, "err", err)
		}
		return nil
	}
	return fmt.Errorf("kafka: cannot read %s: %w", where, err)
}

// transient tells which errors the client gets over by itself; in a group it
// has lost its partitions then, and said so.
func transient(err error) bool {
	if kerr.IsRetriable(err) || kgo.IsRetryableBrokerErr(err) {
		return true
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	return slices.ContainsFunc([]error{
		io.EOF, io.ErrUnexpectedEOF, context.DeadlineExceeded,
		kerr.UnknownMemberID, kerr.IllegalGeneration, kerr.RebalanceInProgress, // the client joins the group anew
	}, func(e error) bool { return errors.Is(err, e) })
}
