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
		kgo.AdjustFetchOffsetsFn(r.adjust),
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

// adjust puts what this reader knows before what the group has: the place in the
// checkpoint that the job goes on from, or where this reader was when it gave the
// partition up. Another member may have read on from there: those records come
// again, and none is lost. It knows nothing if the job started afresh, nor of
// partitions that were new or nobody's at the checkpoint.
func (r *reader[T]) adjust(_ context.Context, from map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for topic, numbers := range from {
		for number := range numbers {
			if p, ok := r.resume[place{topic, number}]; ok {
				numbers[number] = kgo.NewOffset().At(p.next)
			}
		}
	}
	return from, nil
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
			r.partitions[at] = &partition{topic: topic, number: number, split: split, first: -1, stop: -1, next: -1, low: -1}
			n++
		}
	}
	first := !r.assigned
	r.changed, r.assigned = true, true
	r.mu.Unlock()
	if n > 0 {
		r.sub.Log.Info("partitions taken over", "group", r.config.group, "partitions", fmt.Sprint(m))
	}
	if n > 0 || first {
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
				if r.resume != nil && p.next >= 0 {
					r.resume[at] = position{p.next, -1}
				}
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

// Commit implements connector.Committer: it commits the offsets of a checkpoint,
// or those after the last records polled. Without a group it does nothing.
func (r *reader[T]) Commit(ctx context.Context, splits []connector.Split) error {
	if r.config.group == "" {
		return nil
	}
	offsets, err := r.offsetsOf(splits)
	if err != nil || len(offsets) == 0 {
		return err
	}
	if r.config.balanced {
		at := map[string]map[int32]kgo.EpochOffset{}
		for place, next := range offsets {
			if at[place.topic] == nil {
				at[place.topic] = map[int32]kgo.EpochOffset{}
			}
			at[place.topic][place.number] = kgo.EpochOffset{Epoch: -1, Offset: next}
		}
		err = r.commitAsMember(ctx, at)
	} else {
		var at kadm.Offsets
		for place, next := range offsets {
			at.AddOffset(place.topic, place.number, next, -1)
		}
		err = r.admin.CommitAllOffsets(ctx, r.config.group, at)
	}
	switch {
	case err == nil:
		return nil
	case splits == nil:
		return fmt.Errorf("kafka: the positions of group %q were not committed, the next run repeats records: %w", r.config.group, err)
	}
	return fmt.Errorf("kafka: the positions of group %q were not committed, so monitors show an older lag: %w", r.config.group, err)
}

// commitAsMember commits with the identity of the member, so that a member
// which lost its place cannot overwrite the positions of its successor.
func (r *reader[T]) commitAsMember(ctx context.Context, at map[string]map[int32]kgo.EpochOffset) error {
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
