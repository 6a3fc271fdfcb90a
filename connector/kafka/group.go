package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/affluxdev/afflux/connector"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// groupOptions make the client a member of the consumer group. It never
// commits by itself.
func (r *reader[T]) groupOptions() []kgo.Opt {
	c := r.config
	start := kgo.NewOffset().AtStart()
	switch c.start {
	case startLatest:
		start = kgo.NewOffset().AtEnd()
	case startTime:
		start = kgo.NewOffset().AfterMilli(c.startTime.UnixMilli())
	}
	return []kgo.Opt{
		kgo.ConsumerGroup(c.group),
		kgo.ConsumeTopics(c.topics...),
		kgo.ConsumeStartOffset(start),
		kgo.DisableAutoCommit(),
		kgo.SessionTimeout(c.session),
		kgo.HeartbeatInterval(c.heartbeat),
		kgo.RebalanceTimeout(c.rebalance),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, m map[string][]int32) { r.gained(m) }),
		kgo.OnPartitionsRevoked(func(_ context.Context, _ *kgo.Client, m map[string][]int32) { r.lost(m) }),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, m map[string][]int32) { r.lost(m) }),
	}
}

func (r *reader[T]) gained(m map[string][]int32) {
	r.mu.Lock()
	n := 0
	for topic, numbers := range m {
		for _, number := range numbers {
			at := place{topic, number}
			split, ok := r.splits[at]
			if !ok {
				split = len(r.splits)
				r.splits[at] = split
			}
			r.partitions[at] = &partition{topic: topic, number: number, split: split, first: -1, stop: -1, next: -1}
			n++
		}
	}
	r.changed = true
	r.mu.Unlock()
	if n > 0 {
		r.sub.Log.Info("partitions taken over", "group", r.config.group, "partitions", fmt.Sprint(m))
		r.sub.Wake()
	}
}

// lost forgets partitions; their records in the hand-over are dropped when
// their turn comes.
func (r *reader[T]) lost(m map[string][]int32) {
	r.mu.Lock()
	n := 0
	for topic, numbers := range m {
		for _, number := range numbers {
			at := place{topic, number}
			if p := r.partitions[at]; p != nil {
				p.lost = true
				delete(r.partitions, at)
				n++
			}
		}
	}
	r.changed = true
	r.mu.Unlock()
	if n > 0 {
		r.sub.Log.Info("partitions given up", "group", r.config.group, "partitions", fmt.Sprint(m))
		r.sub.Wake()
	}
}

// Commit implements connector.Committer: it commits, for each partition, the
// offset after the last record polled. Without a group it does nothing.
func (r *reader[T]) Commit(ctx context.Context, _ []connector.Split) error {
	if r.config.group == "" {
		return nil
	}
	if r.config.balanced {
		at := map[string]map[int32]kgo.EpochOffset{}
		for place, next := range r.positions() {
			if at[place.topic] == nil {
				at[place.topic] = map[int32]kgo.EpochOffset{}
			}
			at[place.topic][place.number] = kgo.EpochOffset{Epoch: -1, Offset: next}
		}
		return r.explain(r.commitAsMember(ctx, at))
	}
	var at kadm.Offsets
	for place, next := range r.positions() {
		at.AddOffset(place.topic, place.number, next, -1)
	}
	if len(at) == 0 {
		return nil
	}
	return r.explain(r.admin.CommitAllOffsets(ctx, r.config.group, at))
}

func (r *reader[T]) positions() map[place]int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := map[place]int64{}
	for at, p := range r.partitions {
		if p.next >= 0 {
			m[at] = p.next
		}
	}
	return m
}

func (r *reader[T]) explain(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("kafka: the positions of group %q were not committed, the next run repeats records: %w", r.config.group, err)
}

// commitAsMember commits with the identity of the member, so that a member
// which lost its place cannot overwrite the positions of its successor.
func (r *reader[T]) commitAsMember(ctx context.Context, at map[string]map[int32]kgo.EpochOffset) error {
	if len(at) == 0 {
		return nil
	}
	var failed error
	r.cl.CommitOffsetsSync(ctx, at, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
		failed = err
		if resp == nil {
			return
		}
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					failed = errors.Join(failed, fmt.Errorf("%s/%d: %w", t.Topic, p.Partition, err))
				}
			}
		}
	})
	return failed
}
