package task

import (
	"slices"
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/operator"
)

// marks holds a watermark for each split and merges them by minimum. A split
// is idle only when the reader was asked and had nothing: while the source is
// pressed or held back nobody asks, so neither makes a split idle.
type marks struct {
	bound  time.Duration
	idle   time.Duration
	splits []mark
	sent   event.Time

	generate func() operator.WatermarkGenerator // nil: by the bound
	period   int64                              // nanoseconds between two questions; 0: none
	asked    int64

	empty int64 // when it was first asked and had nothing
	alone bool  // it has been so for long and has no split at all
}

type mark struct {
	split int
	max   event.Time
	seen  int64 // when it last had a record, or was last not asked
	idle  bool

	generator operator.WatermarkGenerator
}

func newMarks(bound, idle time.Duration) marks {
	return marks{bound: bound, idle: idle, sent: event.MinTime}
}

// assign takes the list of splits that have not ended.
func (m *marks) assign(list []int, now int64) {
	m.splits = slices.DeleteFunc(m.splits, func(k mark) bool { return !slices.Contains(list, k.split) })
	for _, id := range list {
		if !slices.ContainsFunc(m.splits, func(k mark) bool { return k.split == id }) {
			m.splits = append(m.splits, m.begin(id, now))
		}
	}
}

// observeBatch takes the event times of records of a split.
func (m *marks) observeBatch(split int, b event.Batch) {
	if m.generate == nil {
		m.observe(split, b.EventTimes())
		return
	}
	k := m.of(split)
	k.idle, k.seen = false, 0
	k.raise(k.generator.Batch(b))
}

func (m *marks) observe(split int, times []event.Time) {
	k := m.of(split)
	k.max, k.idle, k.seen = latest(k.max, times), false, 0
}

func (m *marks) of(split int) *mark {
	i := slices.IndexFunc(m.splits, func(k mark) bool { return k.split == split })
	if i < 0 {
		i = len(m.splits)
		m.splits = append(m.splits, m.begin(split, 0))
	}
	return &m.splits[i]
}

func (m *marks) begin(split int, now int64) mark {
	k := mark{split: split, max: event.MinTime, seen: now}
	if m.generate != nil {
		k.generator = m.generate()
	}
	return k
}

// raise takes a watermark of a generator: max is just behind it, as with event
// times that are in order.
func (k *mark) raise(wm event.Time) {
	if wm > event.MinTime {
		k.max = max(k.max, wm.Add(1))
	}
}

// periodic asks the generators from time to time.
func (m *marks) periodic(now int64, wall time.Time) {
	if m.generate == nil || now-m.asked < m.period {
		return
	}
	m.asked = now
	for i := range m.splits {
		m.splits[i].raise(m.splits[i].generator.Period(wall))
	}
}

// latest is the largest of times and t. Four maxima do not wait for each other.
func latest(t event.Time, times []event.Time) event.Time {
	a, b, c, d := t, t, t, t
	for ; len(times) >= 4; times = times[4:] {
		a, b, c, d = max(a, times[0]), max(b, times[1]), max(c, times[2]), max(d, times[3])
	}
	for _, t := range times {
		a = max(a, t)
	}
	return max(a, b, c, d)
}

func (m *marks) end(split int) {
	m.splits = slices.DeleteFunc(m.splits, func(k mark) bool { return k.split == split })
}

// silent is called when the reader was asked and had nothing.
func (m *marks) silent(now int64) {
	if m.empty == 0 {
		m.empty = now
	}
	m.alone = len(m.splits) == 0 && now-m.empty >= int64(m.idle)
	for i := range m.splits {
		k := &m.splits[i]
		if k.seen == 0 {
			k.seen = now
		} else if now-k.seen >= int64(m.idle) {
			k.idle = true
		}
	}
}

// unasked is time in which nobody could ask.
func (m *marks) unasked(d int64) {
	if m.empty != 0 {
		m.empty += d
	}
	for i := range m.splits {
		if k := &m.splits[i]; k.seen != 0 {
			k.seen += d
		}
	}
}

// resting tells whether every split is idle.
func (m *marks) resting() bool {
	if len(m.splits) == 0 {
		return m.alone
	}
	return !slices.ContainsFunc(m.splits, func(k mark) bool { return !k.idle })
}

// adopt takes the watermark of others.
func (m *marks) adopt(wm event.Time) (event.Time, bool) {
	if wm <= m.sent {
		return m.sent, false
	}
	m.sent = wm
	return wm, true
}

// watermark is the minimum over the splits that are not idle, and whether it
// moved.
func (m *marks) watermark() (event.Time, bool) {
	lowest, any := event.MaxTime, false
	for i := range m.splits {
		if k := &m.splits[i]; !k.idle {
			any = true
			lowest = min(lowest, k.max)
		}
	}
	if !any || lowest == event.MinTime {
		return m.sent, false
	}
	wm := lowest.Add(-m.bound)
	if wm > event.MinTime {
		wm--
	}
	if wm <= m.sent {
		return m.sent, false
	}
	m.sent = wm
	return wm, true
}
