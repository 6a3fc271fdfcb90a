package main

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/connector/kafka"
	"github.com/affluxdev/afflux/internal/broker"
)

// kafkaDecoding is a topic with some partitions in an embedded broker, whose
// records become much work to decode.
func kafkaDecoding(partitions int) func(*builder, *topic) connector.Source[Record] {
	return func(b *builder, t *topic) connector.Source[Record] {
		addr, err := b.broker(t.name, partitions)
		if err != nil {
			b.fail(err)
			return t
		}
		work := spins(b)
		return kafka.Source[Record](t.name, kafka.Brokers(addr), kafka.Decode(func(m *kafka.Message, v *Record) error {
			if len(m.Value) < 8 {
				return errors.New("no number")
			}
			work()
			v.Seq = int64(binary.BigEndian.Uint64(m.Value))
			v.Key = v.Seq
			return nil
		}))
	}
}

// broker starts one to which records come at the rate of the case.
func (b *builder) broker(topic string, partitions int) (addr string, err error) {
	br, err := broker.Start(context.Background(), broker.Options{Listen: "127.0.0.1:0", Topics: map[string]int{topic: partitions}})
	if err != nil {
		return "", err
	}
	b.cleanups = append(b.cleanups, func() { _ = br.Close() })
	cl, err := kgo.NewClient(kgo.SeedBrokers(br.Addr()), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(10*time.Millisecond))
	if err != nil {
		return "", err
	}
	b.cleanups = append(b.cleanups, cl.Close)
	b.background(func(ctx context.Context) { produce(ctx, cl, topic, partitions, b.rate) })
	return br.Addr(), nil
}

// produce writes records at a rate until ctx ends.
func produce(ctx context.Context, cl *kgo.Client, topic string, partitions int, rate float64) {
	const every = 20 * time.Millisecond
	tick := time.NewTicker(every)
	defer tick.Stop()
	began := time.Now()
	for n := uint64(0); ; {
		for due := uint64(rate * time.Since(began).Seconds()); n < due; n++ {
			value := binary.BigEndian.AppendUint64(make([]byte, 0, 100), n)
			cl.Produce(ctx, &kgo.Record{Topic: topic, Partition: int32(n % uint64(partitions)), Value: value[:100]}, nil)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
