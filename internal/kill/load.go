package main

import (
	"context"
	"encoding/json/v2"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// load is the producer: it writes records as fast as it is told, in the order of
// event time, and keeps the books.
type load struct {
	cl    *kgo.Client
	rate  int
	n     int64
	start int64 // event time of the first, ms

	counts map[[2]int64]int64 // key, start of the window
	mu     sync.Mutex
	err    error
}

const (
	partitions = 4
	manyKeys   = 300
)

func newLoad(addr string, rate int) (*load, error) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(5*time.Millisecond),
		kgo.RecordDeliveryTimeout(3*time.Minute))
	if err != nil {
		return nil, err
	}
	return &load{cl: cl, rate: rate, start: 1_700_000_000_000, counts: map[[2]int64]int64{}}, nil
}

// key of a record: some are much more frequent than others.
func key(n int64) int64 {
	h := uint64(n) * 0x9e3779b97f4a7c15
	h ^= h >> 29
	return int64(h%manyKeys) * int64(h>>40%3) / 2
}

// produce runs until ctx ends; what it has begun to send is in the topic then.
func (l *load) produce(ctx context.Context) error {
	const tick = 10 * time.Millisecond
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		for range l.rate / int(time.Second/tick) {
			e := Event{Key: key(l.n), At: l.start + l.n*1000/int64(l.rate)}
			b, err := json.Marshal(e)
			if err != nil {
				return err
			}
			r := &kgo.Record{Topic: inTopic, Partition: int32(l.n % partitions), Value: b}
			l.n++
			l.counts[[2]int64{e.Key, e.At - e.At%span.Milliseconds()}]++
			l.cl.Produce(context.Background(), r, func(_ *kgo.Record, err error) {
				if err != nil {
					l.mu.Lock()
					l.err = err
					l.mu.Unlock()
				}
			})
		}
		select {
		case <-ctx.Done():
			if err := l.cl.Flush(context.Background()); err != nil {
				return err
			}
			l.mu.Lock()
			defer l.mu.Unlock()
			if l.err != nil {
				return fmt.Errorf("a record of the load was not delivered: %w", l.err)
			}
			return nil
		case <-t.C:
		}
	}
}
