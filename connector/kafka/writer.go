package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// sentOverhead is the client's own memory for a record that is not
	// acknowledged, in bytes.
	sentOverhead = 320
	// batchOverhead is at least what a batch and its only record add to key,
	// value and headers.
	batchOverhead = 128
)

// writer writes the records of one subtask. The client calls acknowledged from
// its own goroutine; all else belongs to the engine's.
type writer[T any] struct {
	config      *sinkConfig
	sub         connector.Subtask
	cl          *kgo.Client
	encode      func(*T, *Message) error
	partitionOf func(*T) int32
	partitions  int32
	batch       int32 // bytes of the largest batch

	slab    slab
	scratch []byte
	message Message
	shown   time.Time // when the gauges were set last

	held    atomic.Int64 // bytes taken and not acknowledged
	count   atomic.Int64 // records taken and not acknowledged
	acked   atomic.Int64 // records acknowledged in all
	pressed atomic.Bool  // Write took less than all: the engine waits for Wake
	failed  atomic.Pointer[error]

	broken  context.Context // ends with the first failure, or with Close
	abandon context.CancelFunc
	done    sync.WaitGroup // the watch
}

// watch starts the goroutine that fails the job when nothing is acknowledged
// for too long. The client's own timeout does not serve: it counts from the
// timestamp of a record, which here is the event time.
func (w *writer[T]) watch() {
	w.broken, w.abandon = context.WithCancel(context.Background())
	limit := w.config.delivery
	w.done.Go(func() {
		tick := time.NewTicker(max(limit/10, 10*time.Millisecond))
		defer tick.Stop()
		since, seen := time.Now(), int64(0) // no progress since
		for {
			select {
			case <-tick.C:
			case <-w.broken.Done():
				return
			}
			n, acked := w.count.Load(), w.acked.Load()
			if n == 0 || acked != seen {
				since, seen = time.Now(), acked
			} else if time.Since(since) > limit {
				w.fail(fmt.Errorf("kafka: none of %d records for topic %q was acknowledged within %v (kafka.DeliveryTimeout): check the brokers %s",
					n, w.config.topic, limit, w.config.address()))
			}
		}
	})
}

// Write implements connector.Writer.
func (w *writer[T]) Write(b *event.Records[T], from int) (int, error) {
	defer w.show(false)
	for i := from; i < b.Len(); i++ {
		if err := w.failure(); err != nil {
			return i - from, err
		}
		rec, err := w.make(&b.Values[i], b.Times[i])
		if err != nil {
			if err = w.reject(&b.Values[i], b.Times[i], err); err != nil {
				return i - from, err
			}
			continue
		}
		size := sizeOf(rec)
		if !w.room(size) {
			return i - from, nil
		}
		w.count.Add(1)
		w.held.Add(size)
		w.cl.TryProduce(w.broken, rec, w.acknowledged)
	}
	return b.Len() - from, nil
}

// make encodes a record. An error means that it can never be written.
func (w *writer[T]) make(v *T, t event.Time) (*kgo.Record, error) {
	m := &w.message
	*m = Message{Topic: w.config.topic, Headers: m.Headers[:0], Time: t}
	if err := w.encode(v, m); err != nil {
		return nil, err
	}
	rec := w.slab.record()
	rec.Key, rec.Value = m.Key, m.Value
	if len(m.Headers) > 0 {
		rec.Headers = make([]kgo.RecordHeader, len(m.Headers))
		for i, h := range m.Headers {
			rec.Headers[i] = kgo.RecordHeader(h)
		}
	}
	if m.Time != event.MinTime {
		rec.Timestamp = m.Time.Std()
	}
	if size := sizeOf(rec) - sentOverhead + batchOverhead; size > int64(w.batch) {
		return nil, fmt.Errorf("the message takes %d bytes, but a batch for topic %q holds %d (the least of kafka.BatchBytes and the topic's max.message.bytes)", size, w.config.topic, w.batch)
	}
	if w.partitionOf != nil {
		rec.Partition = w.partitionOf(v)
	}
	return rec, nil
}

// room tells whether size bytes fit the buffer; a record alone always does. If
// not, the engine is woken when a quarter of the buffer is free.
func (w *writer[T]) room(size int64) bool {
	fits := func() bool {
		held := w.held.Load()
		return held == 0 || held+size <= w.config.buffer
	}
	if fits() {
		return true
	}
	w.pressed.Store(true)
	// What was acknowledged before the flag was seen wakes nobody: look again.
	if fits() && w.pressed.CompareAndSwap(true, false) {
		return true
	}
	return false
}

// acknowledged is called by the client once for each record.
func (w *writer[T]) acknowledged(rec *kgo.Record, err error) {
	held := w.held.Add(-sizeOf(rec))
	w.count.Add(-1)
	if err != nil {
		w.fail(w.explain(rec, err))
	} else {
		w.acked.Add(1)
	}
	if (err != nil || held <= w.config.buffer/4*3) && w.pressed.CompareAndSwap(true, false) {
		w.sub.Wake()
	}
}

// explain says why a record could not be delivered.
func (w *writer[T]) explain(rec *kgo.Record, err error) error {
	where := fmt.Sprintf("%s/%d", rec.Topic, rec.Partition)
	switch {
	case errors.Is(err, kerr.MessageTooLarge):
		return fmt.Errorf("kafka: cannot write to %s: %w; lower kafka.BatchBytes (now %d) or raise the topic's max.message.bytes", where, err, w.batch)
	case denied(err):
		return fmt.Errorf("kafka: cannot write to %s: %w; ask for the right to write", where, err)
	case w.partitionOf != nil && (rec.Partition < 0 || rec.Partition >= w.partitions):
		return fmt.Errorf("kafka: kafka.PartitionBy chose partition %d, but topic %q has %d: %w", rec.Partition, rec.Topic, w.partitions, err)
	}
	return fmt.Errorf("kafka: cannot write to %s: %w", where, err)
}

// fail keeps the first failure, tells the engine and gives up what waits.
func (w *writer[T]) fail(err error) {
	if w.failed.CompareAndSwap(nil, &err) {
		w.abandon()
		w.sub.Wake()
	}
}

func (w *writer[T]) failure() error {
	if err := w.failed.Load(); err != nil {
		return *err
	}
	return nil
}

func (w *writer[T]) reject(v *T, t event.Time, reason error) error {
	payload := fmt.Appendf(nil, "%+v", *v)
	return w.sub.Reject(connector.Rejected{
		Reason:  fmt.Errorf("kafka: %s: %w", w.config.topic, reason),
		Payload: payload[:min(len(payload), connector.MaxPayload)],
		Time:    t,
	})
}

// Flush implements connector.Writer.
func (w *writer[T]) Flush(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(w.broken, cancel)()
	err := w.cl.Flush(ctx)
	w.show(true)
	if failure := w.failure(); failure != nil {
		return failure
	}
	if err != nil {
		return fmt.Errorf("kafka: %d records for topic %q are not acknowledged: %w", w.count.Load(), w.config.topic, err)
	}
	return nil
}

// errClosed stands for a failure once the writer is closed, so that what is
// given up then wakes nobody.
var errClosed = errors.New("kafka: the sink is closed")

// Close implements connector.Writer. Records that were not flushed may be lost.
func (w *writer[T]) Close() error {
	w.failed.CompareAndSwap(nil, &errClosed)
	w.pressed.Store(false)
	w.abandon()
	w.done.Wait()
	w.cl.Close()
	return nil
}

// Buffered implements connector.Buffered. The bound includes the one record
// that is taken when nothing else is held.
func (w *writer[T]) Buffered() (bytes, bound int64) {
	return w.held.Load(), max(w.config.buffer, int64(w.batch)+sentOverhead)
}

// show sets the gauges, not more often than the lag of a source unless asked.
func (w *writer[T]) show(now bool) {
	if at := time.Now(); now || at.Sub(w.shown) >= lagEvery {
		w.shown = at
		w.sub.Gauge("in_flight_records", float64(w.count.Load()))
		w.sub.Gauge("in_flight_bytes", float64(w.held.Load()))
	}
}

// sizeOf is what a record counts for until it is acknowledged.
func sizeOf(r *kgo.Record) int64 {
	n := sentOverhead + len(r.Key) + len(r.Value)
	for i := range r.Headers {
		n += len(r.Headers[i].Key) + len(r.Headers[i].Value)
	}
	return int64(n)
}
