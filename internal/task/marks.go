package task

import (
	"slices"
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/operator"
)

// marks holds a watermark for each split and merges them by minimum. A split
// is idle only when the source has waited for so long for the reader to have
// anything at all: while it is pressed, held back, or at work on records of
// other splits, nobody asks and the reader may have stopped to fetch.
type marks struct {
	bound  time.Duration
	idle   time.Duration
	splits []mark
	sent   event.Time

	generate func() operator.WatermarkGenerator // nil: by the bound
	period   int64                              // nanoseconds between two questions; 0: none
	asked    int64

	empty int64 // how long there has been no split and nothing
	alone bool  // that is long enough to be idle
}

type mark struct {
	split int
	max   event.Time
	empty int64 // how long the source has waited since its last record, nanoseconds
	idle  bool

	generator operator.WatermarkGenerator
}

func newMarks(bound, idle time.Duration) marks {
	return marks{bound: bound, idle: idle, sent: event.MinTime}
}

// assign takes the list of splits that have not ended.
func (m *marks) assign(list []int) {
	m.splits = slices.DeleteFunc(m.splits, func(k mark) bool { return !slices.Contains(list, k.split) })
	for _, id := range list {
		if !slices.ContainsFunc(m.splits, func(k mark) bool { return k.split == id }) {
			m.splits = append(m.splits, m.begin(id))
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
	k.idle, k.empty = false, 0
	k.raise(k.generator.Batch(b))
}

func (m *marks) observe(split int, times []event.Time) {
	k := m.of(split)
	k.max, k.idle, k.empty = latest(k.max, times), false, 0
}

func (m *marks) of(split int) *mark {
	i := slices.IndexFunc(m.splits, func(k mark) bool { return k.split == split })
	if i < 0 {
		i = len(m.splits)
		m.splits = append(m.splits, m.begin(split))
	}
	return &m.splits[i]
}

func (m *marks) begin(split int) mark {
	k := mark{split: split, max: event.MinTime}
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

// waited is called when the source has waited for the reader to have something,
// which had nothing when it was last asked.
func (m *marks) waited(d int64) {
	m.empty += d
	for i := range m.splits {
		m.splits[i].empty += d
	}
}

// silent is called when the reader was asked and had nothing: now it is known
// that splits which were empty for long still are.
func (m *marks) silent() {
	if m.idle <= 0 {
		return
	}
	if len(m.splits) > 0 {
		m.empty = 0
	}
	m.alone = m.empty >= int64(m.idle)
	for i := range m.splits {
		if k := &m.splits[i]; k.empty >= int64(m.idle) {
			k.idle = true
		}
	}
}

// patience is how long a wait may last until another split becomes idle, 0 for
// no bound.
func (m *marks) patience() (d time.Duration) {
	if m.idle <= 0 {
		return 0
	}
	if len(m.splits) == 0 && !m.alone {
		return max(m.idle-time.Duration(m.empty), 1)
	}
	for i := range m.splits {
		if k := &m.splits[i]; !k.idle {
			d = sooner(d, max(m.idle-time.Duration(k.empty), 1))
		}
	}
	return d
}

// resting tells whether every split is idle.
func (m *marks) resting() bool {
	if len(m.splits) == 0 {
		return m.alone
	}
	return !slices.ContainsFunc(m.splits, func(k mark) bool { return !k.idle })
}

// watermark is the minimum over the splits that are not idle, and whether it
// moved. When all are idle it is that of the split that has come furthest, as if
// the others had become idle before it.
func (m *marks) watermark() (event.Time, bool) {
	lowest, furthest, active := event.MaxTime, event.MinTime, false
	for i := range m.splits {
		k := &m.splits[i]
		if k.idle {
			furthest = max(furthest, k.max)
			continue
		}
		lowest, active = min(lowest, k.max), true
	}
	if !active {
		lowest = furthest
	}
	if lowest == event.MinTime {
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
