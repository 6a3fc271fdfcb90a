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

// reading is one gauge of a partition.
type reading struct {
	name string
	at   place
}

// monitor starts the goroutine that publishes how far behind each partition is:
// its end less the offset that the engine polls next, the age of what is read,
// and how close that is to being deleted. While nothing is fetched, because the
// job is pressed or everything was read, it asks for the ends.
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
		published := map[reading]float64{}
		counted := time.Now()
		var kept retention
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
			r.askRetention(ctx, &kept)
			if ctx.Err() == nil {
				r.publish(published, kept.of, time.Now())
			}
		}
	})
}

// publish sets the gauges that changed.
func (r *reader[T]) publish(published map[reading]float64, kept map[string]time.Duration, now time.Time) {
	values := map[reading]float64{}
	r.mu.Lock()
	for at, p := range r.partitions {
		if p.next < 0 { // the group knows where it starts, and we do not yet
			continue
		}
		end := p.high
		if p.stop >= 0 {
			end = p.stop
		}
		lag := max(end-p.next, 0)
		values[reading{"lag", at}] = float64(lag)
		switch {
		case lag == 0:
			values[reading{"oldest_unread_age_seconds", at}] = 0
		case !p.read.IsZero():
			values[reading{"oldest_unread_age_seconds", at}] = max(now.Sub(p.read).Seconds(), 0)
		}
		if p.low >= 0 {
			values[reading{"retention_headroom_records", at}] = float64(p.next - p.low)
		}
		if d, ok := kept[at.topic]; ok {
			values[reading{"retention_seconds", at}] = d.Seconds()
		}
	}
	r.mu.Unlock()
	for old := range published {
		if _, ours := values[old]; !ours { // another member has it now
			values[old] = 0
		}
	}
	for of, v := range values {
		if was, ok := published[of]; ok && was == v {
			continue
		}
		published[of] = v
		r.sub.Gauge(of.name, v, "topic", of.at.topic, "partition", strconv.Itoa(int(of.at.number)))
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

// ask fetches the beginnings and ends of all partitions. Without an answer the
// old ones stay.
func (r *reader[T]) ask(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, staleAfter)
	defer cancel()
	ends, err := r.admin.ListEndOffsets(ctx, r.config.topics...)
	if err != nil {
		r.sub.Log.Debug("no answer about the ends of partitions", "err", err)
	}
	starts, err := r.admin.ListStartOffsets(ctx, r.config.topics...)
	if err != nil {
		r.sub.Log.Debug("no answer about the beginnings of partitions", "err", err)
	}
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	for at, p := range r.partitions {
		if start, ok := starts.Lookup(at.topic, at.number); ok && start.Err == nil {
			p.low = max(p.low, start.Offset)
		}
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
