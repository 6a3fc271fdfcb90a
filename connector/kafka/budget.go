package kafka

import (
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// recordOverhead is the client's own memory for a record, in bytes: its
	// struct, the pointer to it and the slack of the slice of pointers.
	recordOverhead = 224
	// minFetch is the smallest fetch asked for, in bytes as sent.
	minFetch = 16 << 10
	// firstExpansion is how many bytes of memory a byte sent is taken to cost
	// before anything was fetched: records of 32 bytes and more, uncompressed.
	firstExpansion = 8.0
)

// budget keeps what the client holds within a bound. It is part of the client
// as decompressor and as hook: it counts what batches cost in memory, refuses
// those that would exceed the share of a fetch, and sizes fetches by the cost
// seen so far.
//
// The client tells a decompressor neither the fetch nor the broker that a
// batch came with. So the share is counted anew with each fetch response read:
// between two of them at most share bytes are let through, hence at most
// concurrent × share are held by the client, however responses interleave. A
// batch larger than that waits until the reader is empty enough to hold it.
type budget struct {
	inner  kgo.Decompressor
	share  int64                      // bytes for one fetch
	bytes  int64                      // the whole bound
	others int64                      // what other fetches may let through meanwhile
	held   atomic.Int64               // bytes in the hand-over and in the engine's hands
	client atomic.Pointer[kgo.Client] // nil until it is known

	mu   sync.Mutex
	used int64 // by batches since the last fetch response

	raw, cost atomic.Int64 // of batches read since the last resize, as sent and in memory
	expansion float64      // owned by the fetcher
	asked     int32        // the fetch size in force, owned by the fetcher
}

// newBudget divides bytes between n fetches in the client, n in the hand-over
// and n in the hands of the engine.
func newBudget(bytes int64, n int) *budget {
	return &budget{
		inner:     kgo.DefaultDecompressor(),
		share:     bytes / int64(3*n),
		bytes:     bytes,
		others:    bytes / int64(3*n) * int64(n-1),
		expansion: firstExpansion,
	}
}

// Decompress implements kgo.Decompressor.
func (b *budget) Decompress(src []byte, kind kgo.CompressionCodecType) ([]byte, error) {
	out, err := b.inner.Decompress(src, kind)
	if err != nil {
		return nil, err
	}
	cost := int64(len(out)) + countRecords(out)*recordOverhead
	if cost > b.bytes-b.others {
		return nil, kgo.ErrMaxDecompress // the client adds topic and offset, and stops this partition
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	// A batch larger than a share goes alone, once there is so much room.
	fits := b.used+cost <= b.share || b.used == 0 && b.occupied()+b.others+cost <= b.bytes
	if !fits {
		// The client keeps the batches before this one, and asks again for a
		// partition that has none, since the error is of a retriable kind.
		return nil, fmt.Errorf("the reader's buffer is full: %w", kerr.ThrottlingQuotaExceeded)
	}
	b.used += cost
	return out, nil
}

// occupied is what the reader holds now, but for fetches that the client is
// looking into.
func (b *budget) occupied() int64 {
	n := b.held.Load()
	if cl := b.client.Load(); cl != nil {
		n += cl.BufferedFetchBytes() + cl.BufferedFetchRecords()*recordOverhead
	}
	return n
}

// OnBrokerRead implements kgo.HookBrokerRead: it runs before the client looks
// into a response.
func (b *budget) OnBrokerRead(_ kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, _ error) {
	const fetch = 1
	if key == fetch {
		b.mu.Lock()
		b.used = 0
		b.mu.Unlock()
	}
}

// OnFetchBatchRead implements kgo.HookFetchBatchRead: it runs for every batch,
// compressed or not.
func (b *budget) OnFetchBatchRead(_ kgo.BrokerMetadata, _ string, _ int32, m kgo.FetchBatchMetrics) {
	if m.NumRecords == 0 {
		return
	}
	b.raw.Add(int64(m.CompressedBytes))
	b.cost.Add(int64(m.UncompressedBytes) + int64(m.NumRecords)*recordOverhead)
}

// size returns how many bytes to ask for in one fetch so that, at the cost
// seen so far, they fill one share; it is at most limit.
func (b *budget) size(limit int32) int32 {
	if raw, cost := b.raw.Swap(0), b.cost.Swap(0); raw > 0 {
		if e := float64(cost) / float64(raw); e > b.expansion {
			b.expansion = e
		} else {
			b.expansion = 0.8*b.expansion + 0.2*e
		}
	}
	return int32(min(max(float64(b.share)/b.expansion, minFetch), float64(limit)))
}

// resize gives the client a new fetch size if it differs by a fifth.
func (b *budget) resize(cl *kgo.Client, limit, partition int32) {
	want := b.size(limit)
	if d := want - b.asked; max(d, -d) > b.asked/5 {
		b.asked = want
		cl.UpdateFetchMaxBytes(want, min(want, partition))
	}
}

// countRecords counts the records of a decompressed batch: each starts with
// its length as a varint.
func countRecords(batch []byte) int64 {
	var n int64
	for len(batch) > 0 {
		length, w := binary.Varint(batch)
		if w <= 0 || length < 0 || length > int64(len(batch)-w) {
			break
		}
		batch = batch[w+int(length):]
		n++
	}
	return n
}

// costOf is what a fetched record counts for.
func costOf(r *kgo.Record) int64 {
	n := recordOverhead + len(r.Key) + len(r.Value)
	for i := range r.Headers {
		n += len(r.Headers[i].Key) + len(r.Headers[i].Value)
	}
	return int64(n)
}
