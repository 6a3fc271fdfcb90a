package kafka

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// reader reads the partitions of one subtask. Three goroutines meet in shared:
// the engine's, which calls Poll; the fetcher, which takes records from the
// client and leaves them in the hand-over; and the monitor, which publishes
// the lag.
type reader[T any] struct {
	config    *sourceConfig
	sub       connector.Subtask
	decode    func(*Message, *T) error
	whole     bool // decode looks at more than the value
	batchType event.Type

	admin  *kadm.Client
	cl     *kgo.Client // nil if there is nothing to fetch
	budget *budget
	*shared

	stop    context.CancelFunc // of the fetcher
	done    sync.WaitGroup     // the fetcher and the monitor
	halt    chan struct{}      // closed by Close, for the monitor
	closing sync.Once

	cur     []chunk // being polled: owned by the engine's goroutine
	message Message
	quiet   time.Time // no complaint is logged before: owned by the fetcher
}

// Poll implements connector.Reader.
func (r *reader[T]) Poll(dst *event.Records[T], limit connector.Limit) (connector.Status, error) {
	before := dst.Len()
	for {
		if len(r.cur) == 0 {
			if err := r.take(); err != nil {
				return connector.Status{}, err
			}
		}
		if len(r.cur) == 0 {
			if r.config.bounded && len(r.open()) == 0 {
				return connector.Status{State: connector.Done}, nil
			}
			return connector.Status{State: connector.Idle}, nil
		}
		c := &r.cur[0]
		if r.skip(c) {
			continue
		}
		status, err := r.pollChunk(c, dst, limit)
		if err != nil || dst.Len() > before || status.State != connector.Ready {
			return status, err
		}
		if len(c.records) > 0 { // the limit let nothing through
			return status, nil
		}
	}
}

// take moves the hand-over to cur, so that the fetcher can fill it again.
func (r *reader[T]) take() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.ready) == 0 {
		return r.failed
	}
	r.cur, r.ready = r.ready, nil
	r.release()
	return nil
}

// skip drops a chunk whose partition now belongs to another member.
func (r *reader[T]) skip(c *chunk) bool {
	r.mu.Lock()
	lost := c.p.lost
	r.mu.Unlock()
	if lost {
		for _, rec := range c.records {
			r.budget.held.Add(-costOf(rec))
		}
		r.cur = r.cur[1:]
	}
	return lost
}

// pollChunk moves records of one partition to dst.
func (r *reader[T]) pollChunk(c *chunk, dst *event.Records[T], limit connector.Limit) (connector.Status, error) {
	var (
		taken, bytes, freed int64
		err                 error
		next                = int64(-1)
		read                time.Time
		start               = dst.Len()
	)
	fixed, variable := int64(r.batchType.Size()), r.batchType.Variable()
	for _, rec := range c.records {
		if dst.Len()-start >= limit.Records || bytes >= limit.Bytes && taken > 0 {
			break
		}
		if !rec.Attrs.IsControl() {
			if err = r.append(dst, rec); err != nil {
				break
			}
			bytes += fixed
			if variable {
				bytes += int64(len(rec.Value))
			}
		}
		taken, next, read = taken+1, rec.Offset+1, rec.Timestamp
		freed += costOf(rec)
	}
	clear(c.records[:taken]) // the collector may have them
	c.records = c.records[taken:]
	r.budget.held.Add(-freed)
	status := connector.Status{State: connector.Ready, Split: c.p.split}
	if err != nil {
		return status, err
	}
	over := len(c.records) == 0
	last := over && c.last
	r.mu.Lock()
	if next >= 0 {
		c.p.next, c.p.read = next, read
	}
	if last {
		c.p.ended = true
		c.p.next = max(c.p.next, c.p.stop)
	}
	r.mu.Unlock()
	if over {
		r.cur = r.cur[1:]
	}
	if last {
		status.State = connector.SplitDone
		if len(r.open()) == 0 {
			status.State = connector.Done
		}
	}
	return status, nil
}

// append decodes one record into dst, or rejects it.
func (r *reader[T]) append(dst *event.Records[T], rec *kgo.Record) error {
	at := timeOf(rec)
	v := dst.Next(at)
	var zero T
	*v = zero
	m := &r.message
	if r.whole {
		m.fill(rec, at)
	} else {
		m.Value = rec.Value
	}
	err := r.decode(m, v)
	if err == nil {
		return nil
	}
	dst.Truncate(dst.Len() - 1)
	origin := fmt.Sprintf("%s/%d/%d", rec.Topic, rec.Partition, rec.Offset)
	return r.sub.Reject(connector.Rejected{
		Reason:  fmt.Errorf("kafka: %s: %w", origin, err),
		Origin:  origin,
		Payload: rec.Value[:min(len(rec.Value), connector.MaxPayload)],
		Time:    at,
	})
}

// Splits implements connector.SplitLister.
func (r *reader[T]) Splits() []int {
	splits := []int{}
	for _, p := range r.open() {
		splits = append(splits, p.split)
	}
	r.mu.Lock()
	r.changed = false
	known := r.assigned || !r.config.balanced
	r.mu.Unlock()
	if !known && len(splits) == 0 {
		return nil
	}
	return splits
}

// SplitsChanged implements connector.SplitLister.
func (r *reader[T]) SplitsChanged() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changed
}

// Pressed implements connector.Pauser.
func (r *reader[T]) Pressed(on bool) {
	r.mu.Lock()
	was := r.pressed
	r.pressed = on
	r.mu.Unlock()
	if was == on || r.cl == nil {
		return
	}
	if on {
		r.cl.PauseFetchTopics(r.config.topics...)
		return
	}
	r.cl.ResumeFetchTopics(r.config.topics...)
	r.release()
}

// Buffered implements connector.Buffered.
func (r *reader[T]) Buffered() (bytes, bound int64) {
	return r.budget.occupied(), r.config.buffer
}

// Progress implements connector.Progress, in offsets.
func (r *reader[T]) Progress() (done, total int64) {
	if !r.config.bounded {
		return 0, 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.partitions {
		total += p.stop - p.first
		done += min(p.next, p.stop) - p.first
	}
	return done, total
}

// Close implements connector.Reader.
func (r *reader[T]) Close() error {
	r.closing.Do(func() {
		close(r.halt)
		if r.cl != nil {
			r.stop()
			if r.config.balanced {
				ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
				if err := r.cl.LeaveGroupContext(ctx); err != nil {
					r.sub.Log.Warn("the consumer group was not told that this member left", "group", r.config.group, "err", err)
				}
				cancel()
				r.cl.Close()
			} else {
				closeDirect(r.cl, r.config.topics...)
			}
		}
		r.admin.Close()
		r.done.Wait()
	})
	return nil
}
