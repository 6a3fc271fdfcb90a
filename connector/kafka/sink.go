package kafka

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/affluxdev/afflux/codec"
	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

type sink[T any] struct{ config sinkConfig }

// Sink writes records to a topic. The timestamp of a message is the event time
// of its record, in whole milliseconds; a record without one gets the time of
// writing.
func Sink[T any](topic string, options ...SinkOption) connector.Sink[T] {
	c := newSinkConfig(topic)
	for _, o := range options {
		o.sink(&c)
	}
	if topic == "" {
		c.wrong("the topic has no name")
	}
	if c.encode != nil && c.key != nil {
		c.wrong("kafka.Key does not go with kafka.Encode, which sets the key itself")
	}
	c.checkTransactions()
	return &sink[T]{c}
}

// Describe implements connector.Sink.
func (s *sink[T]) Describe() connector.Description {
	return connector.Description{Kind: "kafka", Target: s.config.topic}
}

// Open implements connector.Sink.
func (s *sink[T]) Open(ctx context.Context, sub connector.Subtask) (connector.Writer[T], error) {
	c := s.config // a copy: the transaction timeout is found out below
	w := &writer[T]{delivery: delivery{config: &c, sub: sub, batch: c.batch, byHand: c.partition != nil}}
	if err := w.chooseEncoder(); err != nil {
		return nil, err
	}
	dial := c.dial
	if c.exactlyOnce {
		dial = c.coordination
	}
	cl, err := dial(ctx, c.options(sub.Log))
	if err != nil {
		return nil, err
	}
	if err := w.prepareTopic(ctx, kadm.NewClient(cl)); err != nil {
		cl.Close()
		return nil, err
	}
	opts := func() []kgo.Opt { return append(c.options(sub.Log), c.producerOptions(w.batch)...) }
	if c.exactlyOnce {
		if err := w.transact(ctx, cl, opts); err != nil {
			cl.Close()
			return nil, err
		}
	} else {
		cl.Close()
		if w.cl, err = kgo.NewClient(opts()...); err != nil {
			return nil, fmt.Errorf("kafka: these options do not go together: %w", err)
		}
		w.now = newSpan(&w.delivery, w.cl, nil)
	}
	w.watch()
	return w, nil
}

// transact makes the producers of transactions.
func (w *delivery) transact(ctx context.Context, cl *kgo.Client, opts func() []kgo.Opt) (err error) {
	c := w.config
	if c.transactionTimeout, err = c.timeout(ctx, cl); err != nil {
		return err
	}
	if !w.sub.Checkpoints {
		w.sub.Log.Warn("kafka.ExactlyOnce without checkpoints: nothing is committed before the job ends",
			"operator", w.sub.Operator, "topic", c.topic, "longest", c.transactionTimeout)
	}
	prefix := c.transactionalPrefix(w.sub.Job, w.sub.Operator) + strconv.Itoa(w.sub.Index) + "-"
	w.pool, err = newProducers(ctx, c, opts, prefix, cl, w.sub.Log)
	if err == nil {
		w.pool.ready, w.pool.broken = w.wake, w.fail
	}
	return err
}

// prepareTopic makes sure that the topic exists and learns its limit.
func (w *writer[T]) prepareTopic(ctx context.Context, admin *kadm.Client) error {
	c := w.config
	if c.partitions > 0 {
		ctx, cancel := context.WithTimeout(ctx, c.connect)
		defer cancel()
		_, err := admin.CreateTopic(ctx, c.partitions, c.replication, nil, c.topic)
		if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			return fmt.Errorf("kafka: cannot create topic %q with %d partitions and replication %d at %s: %w",
				c.topic, c.partitions, c.replication, c.address(), err)
		}
		// The broker that is asked next may not have heard of it yet, or of its leaders.
		err = insist(ctx, func() error {
			details, err := admin.ListTopics(ctx, c.topic)
			err = errors.Join(err, details.Error())
			details.EachPartition(func(p kadm.PartitionDetail) { err = errors.Join(err, p.Err) })
			return err
		})
		if err != nil {
			return fmt.Errorf("kafka: topic %q was created at %s and does not appear: %w", c.topic, c.address(), err)
		}
	}
	details, err := c.existing(ctx, admin, c.topic)
	if err != nil {
		return err
	}
	w.partitions = int32(len(details[c.topic].Partitions))
	ctx, cancel := context.WithTimeout(ctx, c.connect)
	defer cancel()
	configs, err := admin.DescribeTopicConfigs(ctx, c.topic)
	if err != nil { // without the right to ask, the broker tells later
		w.sub.Log.Debug("the limits of the topic are not known", "topic", c.topic, "err", err)
		return nil
	}
	for _, resource := range configs {
		for _, entry := range resource.Configs {
			if entry.Key != "max.message.bytes" {
				continue
			}
			if limit, err := strconv.ParseInt(entry.MaybeValue(), 10, 32); err == nil && limit > 0 {
				w.batch = min(w.batch, int32(limit))
			}
		}
	}
	return nil
}

func (w *writer[T]) chooseEncoder() error {
	c := w.config
	var ok bool
	mismatch := func(option string, f any) error {
		return fmt.Errorf("kafka: kafka.%s was given a %T, but the sink takes %s", option, f, event.TypeOf[T]().Name())
	}
	if c.partition != nil {
		if w.partitionOf, ok = c.partition.(func(*T) int32); !ok {
			return mismatch("PartitionBy", c.partition)
		}
	}
	if c.encode != nil {
		if w.encode, ok = c.encode.(func(*T, *Message) error); !ok {
			return mismatch("Encode", c.encode)
		}
		return nil
	}
	var key func(*T) []byte
	if c.key != nil {
		if key, ok = c.key.(func(*T) []byte); !ok {
			return mismatch("Key", c.key)
		}
	}
	values, err := codecOf[T](&c.clientConfig)
	if err != nil {
		return err
	}
	w.encode = func(v *T, m *Message) error { return w.byCodec(values, key, v, m) }
	return nil
}

// byCodec encodes the value, and copies the key, into the writer's slab.
func (w *writer[T]) byCodec(values codec.Codec[T], key func(*T) []byte, v *T, m *Message) error {
	var err error
	if w.scratch, err = values.Append(w.scratch[:0], v); err != nil {
		return err
	}
	m.Value = w.slab.copy(w.scratch)
	if key != nil {
		if k := key(v); k != nil {
			m.Key = w.slab.copy(k)
		}
	}
	return nil
}
