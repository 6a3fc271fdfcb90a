package main

import (
	"context"
	"encoding/json/v2"
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/affluxdev/afflux/event"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// verdict is what the topics say, read back with a plain Kafka client after the
// jobs have ended: nothing here comes from counters of the engine.
type verdict struct {
	produced, delivered, lost, duplicated, dead int64
	// counted is the clicks that the windows hold, each counted once.
	counted int64
	latency *hdrhistogram.Histogram // microseconds
}

// windowsPerClick is how many sliding windows of the demo a click is in.
const windowsPerClick = 5

// verify reads all topics to their ends.
func verify(ctx context.Context, broker string) (*verdict, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(broker))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, clicksTopic)
	if err != nil {
		return nil, fmt.Errorf("reading the end of topic %s: %w", clicksTopic, err)
	}
	v := &verdict{latency: hdrhistogram.New(1, time.Hour.Microseconds(), 3)}
	ends.Each(func(o kadm.ListedOffset) { v.produced += o.Offset })
	seen := make([]uint8, v.produced)
	mark := func(id int64) error {
		if id < 0 || id >= v.produced {
			return fmt.Errorf("click %d was delivered but never produced", id)
		}
		if seen[id] > 0 {
			v.duplicated++
		} else {
			v.delivered++
		}
		seen[id] = 1
		return nil
	}
	err = readTopic(ctx, broker, enrichedTopic, func(b []byte) error {
		var e enriched
		if err := json.Unmarshal(b, &e); err != nil {
			return err
		}
		if err := v.latency.RecordValue(max(int64(e.Done-e.At)/1000, 1)); err != nil {
			return err
		}
		return mark(e.ID)
	})
	if err != nil {
		return nil, err
	}
	err = readTopic(ctx, broker, deadTopic, func([]byte) error { v.dead++; return nil })
	if err != nil {
		return nil, err
	}
	counts := map[event.Time]int64{}
	err = readTopic(ctx, broker, hotTopic, func(b []byte) error {
		var h hot
		if err := json.Unmarshal(b, &h); err != nil {
			return err
		}
		counts[h.Start] += h.Count
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, n := range counts {
		v.counted += n
	}
	v.counted /= windowsPerClick
	v.lost = v.produced - v.delivered - v.dead
	return v, nil
}

// readTopic calls f for each value of a topic up to its present end.
func readTopic(ctx context.Context, broker, topic string, f func(value []byte) error) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.FetchMaxBytes(4<<20), kgo.MaxConcurrentFetches(1))
	if err != nil {
		return err
	}
	defer client.Close()
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, topic)
	if err != nil {
		return fmt.Errorf("reading the end of topic %s: %w", topic, err)
	}
	left := map[int32]int64{}
	start := map[int32]kgo.Offset{}
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			left[o.Partition] = o.Offset
			start[o.Partition] = kgo.NewOffset().AtStart()
		}
	})
	client.AddConsumePartitions(map[string]map[int32]kgo.Offset{topic: start})
	for len(left) > 0 {
		fetches := client.PollRecords(ctx, 10_000)
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("reading topic %s back: %w", topic, err)
		}
		for it := fetches.RecordIter(); !it.Done(); {
			r := it.Next()
			if r.Offset < left[r.Partition] {
				if err := f(r.Value); err != nil {
					return fmt.Errorf("%s/%d/%d: %w", topic, r.Partition, r.Offset, err)
				}
			}
			if r.Offset+1 >= left[r.Partition] {
				delete(left, r.Partition)
			}
		}
	}
	return nil
}
