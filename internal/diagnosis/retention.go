package diagnosis

import (
	"fmt"
	"time"

	"github.com/affluxdev/afflux/internal/metric"
)

// Gauges of a source that say how close its position is to where data is deleted,
// one for each partition.
const (
	// unreadAge is the age of the oldest record that is not yet read, seconds, and
	// retentionTime how old records become, seconds.
	unreadAge     = "oldest_unread_age_seconds"
	retentionTime = "retention_seconds"
	// headroom is how many records the position is ahead of the oldest there is.
	headroom = "retention_headroom_records"
)

const (
	// soon is the time to the loss, in seconds, from which on it is critical.
	soon = 12 * 3600
	// farOut is how many times the time observed may be looked ahead.
	farOut = 60
	// halfGone is the part of the retention that unread records have reached when
	// it is told, however slowly they age.
	halfGone = 0.50
)

// loss is how records of a source come closer to being deleted unread.
type loss struct {
	partition string
	left      float64 // seconds
	evidence  string
}

// retention is the finding that data will be deleted before it is read.
func (p *period) retention(t *trend) (Finding, bool) {
	if t.falling || !t.known || t.lag <= 0 || t.keepsUp() {
		return Finding{}, false
	}
	worst := lossOf(p.history(t.source.Operator.ID))
	if worst == nil {
		return Finding{}, false
	}
	f := Finding{Operator: t.source.Operator.Name, Subtask: -1, Cause: Retention, Severity: Critical}
	if worst.left > soon {
		f.Severity = Warning
	}
	where := ""
	if worst.partition != "" {
		where = " of " + worst.partition
	}
	f.Evidence = sentence(fmt.Sprintf("unread records%s are deleted in about %s", where, spanOf(worst.left)), worst.evidence, t.behind())
	f.Remedy = "raise the retention of the input now (Kafka: retention.ms and retention.bytes of the topic), then remove what limits the job"
	f.Avoid = "restarting the job, or skipping to the end of the input: both lose time or records"
	return f, true
}

// moment is what was known of the partitions of a source at a time.
type moment struct {
	at time.Time
	partitions
}

// sparse is the time between the older moments that are looked at.
const sparse = 10 * time.Second

// history are moments of a source, the newest first: about one a second of the
// window, and fewer before.
func (p *period) history(id int) (out []moment) {
	step := spaced
	for i := len(p.samples) - 1; i >= 0; i-- {
		s := p.samples[i]
		if len(out) > window {
			step = sparse
		}
		if len(out) == 0 || out[len(out)-1].at.Sub(s.At) >= step {
			out = append(out, moment{s.At, partitionsOf(s, id)})
		}
	}
	return out
}

// lossOf is the partition whose records are lost first, nil if none are.
func lossOf(history []moment) (worst *loss) {
	now := history[0]
	for _, key := range now.keys {
		if now.of[key]["lag"] <= 0 {
			continue // all is read, or another member reads it
		}
		for _, l := range []*loss{byRecords(history, key), byAge(history, key)} {
			if l != nil && (worst == nil || l.left < worst.left) {
				l.partition = key
				worst = l
			}
		}
	}
	return worst
}

// byRecords looks how fast the oldest record there is comes closer to the
// position.
func byRecords(history []moment, key string) *loss {
	room, ok := history[0].of[key][headroom]
	if !ok {
		return nil
	}
	first, seconds, n := monotone(history, key, headroom, -1)
	if n < fewest || first <= room {
		return nil
	}
	rate := (first - room) / seconds
	if left := max(room, 0) / rate; left <= farOut*seconds {
		return &loss{left: left, evidence: fmt.Sprintf("the log keeps %s records before the position, %s fewer each second", metric.FormatCount(room), metric.FormatCount(rate))}
	}
	return nil
}

// byAge looks how fast unread records come to the age at which they are deleted.
func byAge(history []moment, key string) *loss {
	age, ok := history[0].of[key][unreadAge]
	limit := history[0].of[key][retentionTime]
	if !ok || limit <= 0 {
		return nil
	}
	first, seconds, n := monotone(history, key, unreadAge, +1)
	if n < fewest || first >= age {
		return nil
	}
	rate := (age - first) / seconds
	left := max(limit-age, 0) / rate
	if age < halfGone*limit && left > min(farOut*seconds, soon) {
		return nil
	}
	return &loss{left: left, evidence: fmt.Sprintf("the oldest is %s old, and they are kept for %s", spanOf(age), spanOf(limit))}
}

// fewest is in how many intervals a gauge must have moved to go on like that: a
// log deletes whole segments, and one step tells no speed.
const fewest = 4

// monotone goes back while a gauge moved in one direction only, and returns its
// value then, the seconds since, and in how many intervals it did move.
func monotone(history []moment, key, name string, direction float64) (first, seconds float64, intervals int) {
	first = history[0].of[key][name]
	for _, m := range history[1:] {
		was, ok := m.of[key][name]
		if !ok || (first-was)*direction < 0 {
			break
		}
		if was != first {
			intervals++
		}
		first, seconds = was, history[0].at.Sub(m.at).Seconds()
	}
	return first, max(seconds, 1e-3), intervals
}

// gauges are numbers of one partition by name.
type gauges map[string]float64

// partitions are the gauges of a source by partition, in their order.
type partitions struct {
	keys []string
	of   map[string]gauges
}

func partitionsOf(j *metric.Job, id int) partitions {
	p := partitions{of: map[string]gauges{}}
	for i := range j.Operators {
		if j.Operators[i].ID != id {
			continue
		}
		for k := range j.Operators[i].Subtasks {
			for _, g := range j.Operators[i].Subtasks[k].Gauges {
				if g.Name != headroom && g.Name != unreadAge && g.Name != retentionTime && g.Name != "lag" || !finite(g.Value) {
					continue
				}
				key := partitionOf(g.Labels)
				if p.of[key] == nil {
					p.of[key] = gauges{}
					p.keys = append(p.keys, key)
				}
				p.of[key][g.Name] = g.Value
			}
		}
	}
	return p
}

// partitionOf names a partition by the values of its labels: clicks/3.
func partitionOf(labels []string) (name string) {
	for i := 1; i < len(labels); i += 2 {
		if name != "" {
			name += "/"
		}
		name += labels[i]
	}
	return name
}
