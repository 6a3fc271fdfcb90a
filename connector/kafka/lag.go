package kafka

import (
	"context"
	"strconv"
	"time"
)

const (
	lagEvery    = 200 * time.Millisecond // between two updates of the gauges
	staleAfter  = time.Second            // an end of a partition heard longer ago is asked for
	countsEvery = 60                     // between two looks at the number of partitions, × MetadataMinAge
)

// monitor starts the goroutine that publishes the lag of each partition: its
// end less the offset that the engine polls next. While nothing is fetched,
// because the job is pressed or everything was read, it asks for the ends.
func (r *reader[T]) monitor() {
	r.halt = make(chan struct{})
	ctx, stop := context.WithCancel(context.Background())
	r.done.Go(func() {
		<-r.halt
		stop()
	})
	r.done.Go(func() {
		tick := time.NewTicker(lagEvery)
		defer tick.Stop()
		published := map[place]int64{}
		counted := time.Now()
		for {
			select {
			case <-tick.C:
			case <-r.halt:
				return
			}
			if r.stale() {
				r.ask(ctx)
			}
			if time.Since(counted) > countsEvery*r.config.metadata {
				counted = time.Now()
				r.count(ctx)
			}
			if ctx.Err() == nil {
				r.publish(published)
			}
		}
	})
}

// publish sets the gauges that changed.
func (r *reader[T]) publish(published map[place]int64) {
	lags := map[place]int64{}
	r.mu.Lock()
	for at, p := range r.partitions {
		end := p.high
		if p.stop >= 0 {
			end = p.stop
		}
		if p.next >= 0 { // else the group knows where it starts, and we do not yet
			lags[at] = max(end-p.next, 0)
		}
	}
	r.mu.Unlock()
	for at := range published {
		if _, ours := lags[at]; !ours { // another member has it now
			lags[at] = 0
		}
	}
	for at, lag := range lags {
		if was, ok := published[at]; !ok || was != lag {
			r.sub.Gauge("lag", float64(lag), "topic", at.topic, "partition", strconv.Itoa(int(at.number)))
			published[at] = lag
		}
	}
}

// stale tells whether the end of some partition was last heard too long ago.
func (r *reader[T]) stale() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.partitions {
		if p.stop < 0 && time.Since(p.heard) > staleAfter {
			return true
		}
	}
	return false
}

// ask fetches the ends of all partitions. Without an answer the old ones stay.
func (r *reader[T]) ask(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, staleAfter)
	defer cancel()
	ends, err := r.admin.ListEndOffsets(ctx, r.config.topics...)
	if err != nil {
		r.sub.Log.Debug("no answer about the ends of partitions", "err", err)
	}
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	for at, p := range r.partitions {
		if end, ok := ends.Lookup(at.topic, at.number); ok && end.Err == nil {
			p.high = end.Offset
		}
		p.heard = now // asked, at least
	}
}

// count warns when a topic has got more partitions than this run reads.
func (r *reader[T]) count(ctx context.Context) {
	if r.config.balanced { // the group sees to them
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	details, err := r.admin.ListTopics(ctx, r.config.topics...)
	if err != nil {
		return
	}
	for _, d := range details {
		if n := len(d.Partitions); d.Err == nil && n > r.counts[d.Topic] {
			r.sub.Log.Warn("the topic has new partitions, which are read after a restart of the job",
				"topic", d.Topic, "partitions", n, "read", r.counts[d.Topic])
			r.counts[d.Topic] = n
		}
	}
}
