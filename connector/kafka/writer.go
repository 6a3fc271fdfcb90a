package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

// delivery is what the writers of all record types have in common: what was
// taken, and what became of it. The client calls acknowledged from its own
// goroutines, the engine Commit and what Prepare returned; all else belongs to
// the goroutine that writes.
type delivery struct {
	config     *sinkConfig
	sub        connector.Subtask
	partitions int32
	batch      int32 // bytes of the largest batch
	byHand     bool  // the user chooses partitions

	cl      *kgo.Client // of all spans; nil with exactly once
	pool    *producers  // nil without
	now     *span       // being written; nil if the next record needs a producer
	sealed  []*span     // not known to be acknowledged, in order
	flushed bool        // nothing was written since Flush
	closed  bool

	held    atomic.Int64 // bytes taken and not acknowledged
	count   atomic.Int64 // records taken and not acknowledged
	acked   atomic.Int64 // records acknowledged in all
	pressed atomic.Bool  // Write took less than all: the engine waits for Wake
	failed  atomic.Pointer[error]

	broken  context.Context // ends with the first failure, or with Close
	abandon context.CancelFunc
	done    sync.WaitGroup // the watch
}

// writer writes the records of one subtask.
type writer[T any] struct {
	delivery
	encode      func(*T, *Message) error
	partitionOf func(*T) int32

	slab    slab
	scratch []byte
	message Message
	shown   time.Time // when the gauges were set last
}

// watch starts the goroutine that fails the job when nothing is acknowledged
// for too long. The client's own timeout does not serve: it counts from the
// timestamp of a record, which here is the event time.
func (w *delivery) watch() {
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
		if w.now == nil && !w.begin() {
			return i - from, w.failure()
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
		s := w.now
		s.records++
		s.pending.Add(1)
		w.flushed = false
		s.cl.TryProduce(w.broken, rec, s.promise)
	}
	return b.Len() - from, nil
}

// begin starts a transaction. If no producer is free the engine is woken when
// one is.
func (w *delivery) begin() bool {
	p := w.pool.take()
	if p == nil {
		w.pressed.Store(true)
		// One that came before the flag was seen wakes nobody: look again.
		if p = w.pool.take(); p == nil {
			return false
		}
		w.pressed.Store(false)
	}
	if err := p.cl.BeginTransaction(); err != nil {
		w.fail(fmt.Errorf("kafka: cannot begin a transaction as %q: %w", p.id, err))
	}
	w.now = newSpan(w, p.cl, p)
	return true
}

// wake tells the engine to go on writing if it waits.
func (w *delivery) wake() {
	if w.pressed.CompareAndSwap(true, false) {
		w.sub.Wake()
	}
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
func (w *delivery) room(size int64) bool {
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

// acknowledged counts a record that the client is done with.
func (w *delivery) acknowledged(rec *kgo.Record, err error) {
	held := w.held.Add(-sizeOf(rec))
	w.count.Add(-1)
	if err != nil {
		w.fail(w.explain(rec, err))
	} else {
		w.acked.Add(1)
	}
	if err != nil || held <= w.config.buffer/4*3 {
		w.wake()
	}
}

// explain says why a record could not be delivered.
func (w *delivery) explain(rec *kgo.Record, err error) error {
	where := fmt.Sprintf("%s/%d", rec.Topic, rec.Partition)
	switch {
	case errors.Is(err, kerr.MessageTooLarge):
		return fmt.Errorf("kafka: cannot write to %s: %w; lower kafka.BatchBytes (now %d) or raise the topic's max.message.bytes", where, err, w.batch)
	case denied(err):
		return fmt.Errorf("kafka: cannot write to %s: %w; ask for the right to write", where, err)
	case errors.Is(err, errOtherProducer), w.pool != nil && slices.ContainsFunc([]error{
		kerr.ProducerFenced, kerr.InvalidProducerEpoch, kerr.InvalidTxnState, kerr.InvalidProducerIDMapping, kerr.TransactionAbortable,
	}, func(e error) bool { return errors.Is(err, e) }):
		return fmt.Errorf("kafka: a transaction on topic %q was ended by others: %w; it was open for longer than kafka.TransactionTimeout (now %v), or another attempt of this job runs, or another job uses the same kafka.TransactionalPrefix", rec.Topic, err, w.config.transactionTimeout)
	case w.byHand && (rec.Partition < 0 || rec.Partition >= w.partitions):
		return fmt.Errorf("kafka: kafka.PartitionBy chose partition %d, but topic %q has %d: %w", rec.Partition, rec.Topic, w.partitions, err)
	}
	return fmt.Errorf("kafka: cannot write to %s: %w", where, err)
}

// fail keeps the first failure, tells the engine and gives up what waits.
func (w *delivery) fail(err error) {
	if w.failed.CompareAndSwap(nil, &err) {
		w.abandon()
		w.sub.Wake()
	}
}

func (w *delivery) failure() error {
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
	defer w.show(true)
	return w.flush(ctx)
}

func (w *delivery) flush(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(w.broken, cancel)()
	var err error
	for _, s := range append(slices.Clip(w.sealed), w.now) {
		if s != nil && err == nil {
			err = s.cl.Flush(ctx)
		}
	}
	if failure := w.failure(); failure != nil {
		return failure
	}
	if err != nil {
		return fmt.Errorf("kafka: %d records for topic %q are not acknowledged: %w", w.count.Load(), w.config.topic, err)
	}
	w.flushed = true
	return nil
}

// errClosed stands for a failure once the writer is closed, so that what is
// given up then wakes nobody.
var errClosed = errors.New("kafka: the sink is closed")

// Close implements connector.Writer. Records that were not flushed may be lost.
// Transactions that are prepared stay open for those who recover.
func (w *delivery) Close() error {
	if w.closed {
		return nil
	}
	w.closed = true
	var err error
	if w.pool != nil && w.now != nil && w.now.records > 0 && w.flushed && !w.sub.Checkpoints {
		err = w.commitLast()
	}
	w.failed.CompareAndSwap(nil, &errClosed)
	w.pressed.Store(false)
	w.abandon()
	w.done.Wait()
	if w.pool == nil {
		w.cl.Close()
		return nil
	}
	if w.now != nil {
		if w.now.records > 0 {
			w.pool.abort(w.now.by)
		} else {
			w.now.cl.Close()
		}
	}
	w.pool.close()
	return err
}

// commitLast commits what a job without checkpoints has written.
func (w *delivery) commitLast() error {
	ctx, cancel := context.WithTimeout(context.Background(), w.config.delivery)
	defer cancel()
	p, err := w.Prepare()
	if err != nil || p.Handle == nil {
		return err
	}
	if err := p.Durable(ctx); err != nil {
		return err
	}
	return w.Commit(ctx, [][]byte{p.Handle})
}

// Buffered implements connector.Buffered. The bound includes the one record
// that is taken when nothing else is held.
func (w *delivery) Buffered() (bytes, bound int64) {
	return w.held.Load(), max(w.config.buffer, int64(w.batch)+sentOverhead)
}

// show sets the gauges, not more often than the lag of a source unless asked.
func (w *writer[T]) show(now bool) {
	if at := time.Now(); now || at.Sub(w.shown) >= lagEvery {
		w.shown = at
		w.sub.Gauge("in_flight_records", float64(w.count.Load()))
		w.sub.Gauge("in_flight_bytes", float64(w.held.Load()))
		if w.pool != nil {
			w.sub.Gauge("prepared_transactions", float64(w.pool.open()))
		}
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
