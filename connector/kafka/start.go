package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// locate decides where each partition starts and, for a bounded source, ends.
func (r *reader[T]) locate(ctx context.Context, mine []*partition) error {
	if len(mine) == 0 {
		return nil
	}
	c := r.config
	ctx, cancel := context.WithTimeout(ctx, c.connect)
	defer cancel()
	oldest, err := list(ctx, "oldest", func() (kadm.ListedOffsets, error) { return r.admin.ListStartOffsets(ctx, c.topics...) })
	if err != nil {
		return err
	}
	ends := r.admin.ListEndOffsets
	if c.committed {
		ends = r.admin.ListCommittedOffsets
	}
	newest, err := list(ctx, "newest", func() (kadm.ListedOffsets, error) { return ends(ctx, c.topics...) })
	if err != nil {
		return err
	}
	wanted, err := r.wanted(ctx)
	if err != nil {
		return err
	}
	for _, p := range mine {
		low, okLow := oldest.Lookup(p.topic, p.number)
		high, okHigh := newest.Lookup(p.topic, p.number)
		if !okLow || !okHigh {
			return fmt.Errorf("kafka: %s/%d disappeared while the job started", p.topic, p.number)
		}
		if p.next, err = c.startOf(p, low.Offset, high.Offset, wanted); err != nil {
			return err
		}
		p.first, p.low, p.high, p.heard = p.next, low.Offset, high.Offset, time.Now()
		if c.bounded {
			p.stop = high.Offset
		}
		if old, ok := r.resume[place{p.topic, p.number}]; ok && c.bounded && old.stop >= 0 {
			if old.stop > high.Offset && c.outside == Fail {
				return outOfRange(p.topic, p.number, fmt.Sprintf("the job should read up to offset %d, but the log ends at %d", old.stop, high.Offset))
			}
			p.stop = min(old.stop, high.Offset)
		}
	}
	return nil
}

// wanted returns the offsets that the checkpoint has, or that were committed,
// given, or found by time; nil if none of these decide.
func (r *reader[T]) wanted(ctx context.Context) (map[string]map[int32]int64, error) {
	c := r.config
	found := map[string]map[int32]int64{}
	put := func(topic string, number int32, offset int64) {
		if found[topic] == nil {
			found[topic] = map[int32]int64{}
		}
		found[topic][number] = offset
	}
	if r.resume != nil {
		for at, p := range r.resume {
			put(at.topic, at.number, p.next)
		}
		return found, nil
	}
	switch c.start {
	case startLatest, startEarliest:
		return nil, nil
	case startOffsets:
		return c.offsets, nil
	case startTime:
		at, err := list(ctx, "time's", func() (kadm.ListedOffsets, error) {
			return r.admin.ListOffsetsAfterMilli(ctx, c.startTime.UnixMilli(), c.topics...)
		})
		if err != nil {
			return nil, err
		}
		at.Each(func(o kadm.ListedOffset) { put(o.Topic, o.Partition, o.Offset) })
	case startCommitted:
		var at kadm.OffsetResponses
		err := insist(ctx, func() (err error) { // a new cluster makes its coordinators when they are asked
			if at, err = r.admin.FetchOffsetsForTopics(ctx, c.group, c.topics...); err == nil {
				err = at.Error()
			}
			return err
		})
		if errors.Is(err, kerr.GroupIDNotFound) { // it has committed nothing yet
			return found, nil
		}
		if err != nil {
			return nil, fmt.Errorf("kafka: cannot read what group %q has committed: %w", c.group, err)
		}
		at.Each(func(o kadm.OffsetResponse) {
			if o.At >= 0 {
				put(o.Topic, o.Partition, o.At)
			}
		})
	}
	return found, nil
}

// startOf is where a partition of which [low, high) can be read starts.
func (c *sourceConfig) startOf(p *partition, low, high int64, wanted map[string]map[int32]int64) (int64, error) {
	if c.start == startLatest && wanted == nil {
		return high, nil
	}
	at, ok := wanted[p.topic][p.number]
	switch {
	case !ok:
		return low, nil
	case at >= low && at <= high:
		return at, nil
	case c.outside == Earliest:
		return low, nil
	case c.outside == Latest:
		return high, nil
	}
	return 0, outOfRange(p.topic, p.number, fmt.Sprintf("the job should start at offset %d, but the log holds %d to %d", at, low, high))
}

// outOfRange says that records are missing and what the choices are.
func outOfRange(topic string, number int32, what string) error {
	return fmt.Errorf("kafka: %s/%d: %s: records were deleted before they were read, or the topic was made anew; choose with kafka.OnOutOfRange(kafka.Earliest or kafka.Latest) where to go on",
		topic, number, what)
}

// list lists offsets, as soon as every partition has a leader that answers.
func list(ctx context.Context, which string, f func() (kadm.ListedOffsets, error)) (l kadm.ListedOffsets, err error) {
	err = insist(ctx, func() (err error) {
		l, err = f()
		return errors.Join(first(err), l.Error())
	})
	if err != nil {
		return nil, fmt.Errorf("kafka: cannot list the %s offsets: %w", which, err)
	}
	return l, nil
}
