package kafka

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/affluxdev/afflux/codec"
	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

type source[T any] struct{ config sourceConfig }

// Source reads the records of a topic. Event times are the timestamps of the
// messages. A message that cannot be decoded is rejected with its topic,
// partition and offset.
func Source[T any](topic string, options ...SourceOption) connector.Source[T] {
	c := newSourceConfig(topic)
	for _, o := range options {
		o.source(&c)
	}
	c.check()
	return &source[T]{c}
}

// Describe implements connector.Source.
func (s *source[T]) Describe() connector.Description {
	return connector.Description{
		Kind:    "kafka",
		Target:  strings.Join(s.config.topics, ", "),
		Bounded: s.config.bounded,
	}
}

// Open implements connector.Source.
func (s *source[T]) Open(ctx context.Context, sub connector.Subtask) (connector.Reader[T], error) {
	c := &s.config
	r := &reader[T]{config: c, sub: sub, batchType: event.TypeOf[T]()}
	if err := r.chooseDecoder(); err != nil {
		return nil, err
	}
	cl, err := c.dial(ctx, c.options(sub.Log))
	if err != nil {
		return nil, err
	}
	r.admin = kadm.NewClient(cl)
	if err := r.prepare(ctx); err != nil {
		cl.Close()
		return nil, err
	}
	return r, nil
}

func (r *reader[T]) chooseDecoder() (err error) {
	if r.config.decode == nil {
		var c codec.Codec[T]
		if c, err = codecOf[T](&r.config.clientConfig); err == nil {
			r.decode = func(m *Message, v *T) error { return c.Decode(m.Value, v) }
		}
		return err
	}
	var ok bool
	if r.decode, ok = r.config.decode.(func(*Message, *T) error); !ok {
		return fmt.Errorf("kafka: kafka.Decode was given a %T, but the source yields %s", r.config.decode, event.TypeOf[T]().Name())
	}
	r.whole = true
	return nil
}

// prepare finds the partitions, decides where they start and begins to fetch.
func (r *reader[T]) prepare(ctx context.Context) error {
	c := r.config
	details, err := c.existing(ctx, r.admin, c.topics...)
	if err != nil {
		return err
	}
	r.shared = newShared(details)
	if err := r.takeUp(); err != nil {
		return err
	}
	fetches := c.concurrent
	if fetches == 0 {
		fetches = min(max(leaders(details), 1), 4)
	}
	r.budget = newBudget(c.buffer, fetches)
	r.budget.asked = r.budget.size(c.fetch)
	opts := append(c.options(r.sub.Log), c.consumerOptions(r.budget, fetches)...)
	if c.balanced {
		opts = append(opts, r.groupOptions()...)
	} else {
		mine := r.own(details)
		if err := r.locate(ctx, mine); err != nil {
			return err
		}
		from := r.assign(mine)
		if len(from) == 0 { // more subtasks than partitions, or all of them ended
			r.monitor()
			return nil
		}
		opts = append(opts, kgo.ConsumePartitions(from))
	}
	if r.cl, err = kgo.NewClient(opts...); err != nil {
		return fmt.Errorf("kafka: these options do not go together: %w", err)
	}
	r.budget.client.Store(r.cl)
	r.fetch()
	r.monitor()
	return nil
}

func (c *sourceConfig) consumerOptions(b *budget, fetches int) []kgo.Opt {
	opts := []kgo.Opt{
		kgo.WithDecompressor(b),
		kgo.WithHooks(b),
		kgo.MaxConcurrentFetches(fetches),
		kgo.FetchMaxBytes(b.asked),
		kgo.FetchMaxPartitionBytes(min(b.asked, c.partition)),
		kgo.FetchMinBytes(c.minBytes),
		kgo.FetchMaxWait(c.maxWait),
	}
	if c.committed {
		opts = append(opts, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	}
	if c.bounded { // the last offset of a partition may be a control record
		opts = append(opts, kgo.KeepControlRecords())
	}
	switch c.outside {
	case Earliest:
		opts = append(opts, kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	case Latest:
		opts = append(opts, kgo.ConsumeResetOffset(kgo.NewOffset().AtEnd()))
	default:
		opts = append(opts, kgo.ConsumeResetOffset(kgo.NoResetOffset()))
	}
	return opts
}

// leaders counts the brokers that lead partitions.
func leaders(details kadm.TopicDetails) int {
	seen := map[int32]bool{}
	details.EachPartition(func(p kadm.PartitionDetail) { seen[p.Leader] = true })
	return len(seen)
}

// own returns the partitions of this subtask: of all partitions sorted by
// topic and number, those at index, index+parallelism and so on.
func (r *reader[T]) own(details kadm.TopicDetails) []*partition {
	var all []*partition
	details.EachPartition(func(p kadm.PartitionDetail) {
		all = append(all, &partition{topic: p.Topic, number: p.Partition, next: -1, stop: -1, low: -1})
	})
	slices.SortFunc(all, func(a, b *partition) int {
		return cmp.Or(cmp.Compare(a.topic, b.topic), cmp.Compare(a.number, b.number))
	})
	var mine []*partition
	for i, p := range all {
		p.split = i
		if i%max(r.sub.Parallelism, 1) == r.sub.Index {
			mine = append(mine, p)
		}
	}
	return mine
}

// assign takes partitions over and returns those to fetch, with their offsets.
func (r *reader[T]) assign(mine []*partition) map[string]map[int32]kgo.Offset {
	from := map[string]map[int32]kgo.Offset{}
	for _, p := range mine {
		p.ended = p.stop >= 0 && p.next >= p.stop
		p.cut = p.ended
		r.shared.partitions[place{p.topic, p.number}] = p
		if p.ended {
			continue
		}
		if from[p.topic] == nil {
			from[p.topic] = map[int32]kgo.Offset{}
		}
		from[p.topic][p.number] = kgo.NewOffset().At(p.next)
	}
	return from
}
