package task

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
)

// pressedAfter is how long a source is blocked before its reader is told.
const pressedAfter = 100 * time.Millisecond

// source is the head of a chain that reads from outside: it polls only when
// what it polled before has been passed on, so that pressure stops it.
type source struct {
	t      *Task
	link   *link
	driver connector.SourceDriver
	reader connector.ReaderDriver
	batch  event.Batch

	lister    connector.SplitLister
	pauser    connector.Pauser
	committer connector.Committer
	progress  connector.Progress
	buffered  connector.Buffered
	measured  connector.Measured

	ready   atomic.Bool // the fields above are set
	marks   marks
	pausing bool
	waited  int64 // for credit, since the last poll
}

func newSource(t *Task, l *link) *source {
	return &source{t: t, link: l, driver: l.node.Source}
}

func (s *source) open() error {
	return guarded(func() error {
		r, err := s.driver.Open(s.t.host.Context(), s.link.subtask())
		if err != nil {
			return err
		}
		s.reader = r
		u := r.Unwrap()
		s.lister, _ = u.(connector.SplitLister)
		s.pauser, _ = u.(connector.Pauser)
		s.committer, _ = u.(connector.Committer)
		s.progress, _ = u.(connector.Progress)
		s.buffered, _ = u.(connector.Buffered)
		s.measured, _ = u.(connector.Measured)
		if et := s.link.node.EventTime; et != nil {
			s.marks = newMarks(et.Bound, et.Idle)
		}
		typ := s.driver.Type()
		s.batch = typ.NewBatch(s.link.BatchCapacity(typ.Size()))
		s.ready.Store(true)
		return nil
	})
}

func (s *source) run() {
	t, l := s.t, s.link
	et := l.node.EventTime
	if s.lister != nil {
		s.marks.assign(s.lister.Splits(), t.host.Now())
	}
	limit := connector.Limit{Records: s.batch.Cap(), Bytes: t.cfg.Batch}
	for !t.draining.Load() {
		t.checkpoint()
		t.sampleBegin(l)
		st, err := s.reader.Poll(s.batch, limit)
		if err != nil {
			l.fail(err)
		}
		if s.lister != nil && s.lister.SplitsChanged() {
			s.marks.assign(s.lister.Splits(), t.host.Now())
		}
		n := s.batch.Len()
		if n > 0 {
			l.counters.RecordsIn.Add(int64(n))
			if et != nil {
				if et.Assign != nil {
					et.Assign(s.batch)
				}
				s.marks.observe(st.Split, s.batch.EventTimes())
			}
			if out := l.outs[0]; out != nil {
				out.Emit(s.batch)
			}
			s.batch.Reset()
		}
		s.relieved(st.State)
		switch st.State {
		case connector.SplitDone:
			s.marks.end(st.Split)
		case connector.Done:
			s.finish()
			return
		}
		if et != nil {
			if st.State == connector.Idle && et.Idle > 0 {
				s.marks.silent(t.host.Now())
			}
			if wm, moved := s.marks.watermark(); moved {
				l.Watermark(wm)
			}
		}
		if st.State == connector.Idle {
			s.wait(st.After)
		} else {
			t.tick()
		}
	}
	s.finish()
}

// finish lets the watermark run to the end: no record follows.
func (s *source) finish() { s.link.Watermark(event.MaxTime) }

// wait is for data: open batches leave first.
func (s *source) wait(after time.Duration) {
	t := s.t
	if t.pace.sampling {
		t.sampleEnd()
	}
	t.flush()
	alarm := t.untilAlarm()
	if s.link.woken.Swap(false) || t.woken.Load() && len(t.waking) > 0 || t.cancelled.Load() || t.draining.Load() {
		return
	}
	if et := s.link.node.EventTime; et != nil && et.Idle > 0 && (after <= 0 || after > et.Idle) {
		after = et.Idle
	}
	if alarm > 0 && (after <= 0 || alarm < after) {
		after = alarm
	}
	t.suspend(Idle, -1, after)
	t.ring(t.pace.last)
	s.link.woken.Store(false)
}

// patience is how long a wait for credit may last before pressed is asked.
func (s *source) patience() time.Duration {
	if s.pauser == nil || s.pausing {
		return 0
	}
	return pressedAfter
}

// pressed tells the reader when a wait for credit lasts.
func (s *source) pressed(waited int64) {
	s.waited += waited
	if s.pauser != nil && !s.pausing && s.waited >= int64(pressedAfter)*9/10 {
		s.pausing = true
		s.pauser.Pressed(true)
	}
}

// relieved tells the reader that pressure is over: a batch left without a long
// wait, or the reader has nothing more at hand and must fetch again.
func (s *source) relieved(st connector.State) {
	if s.pausing && (s.waited < int64(pressedAfter)/2 || st == connector.Idle) {
		s.pausing = false
		s.pauser.Pressed(false)
	}
	s.waited = 0
}

func (s *source) commit(ctx context.Context) error {
	if s.committer == nil {
		return nil
	}
	return s.committer.Commit(ctx)
}

func (s *source) close() error {
	if s.reader == nil {
		return nil
	}
	return guarded(s.reader.Close)
}

// marks holds a watermark for each split and merges them by minimum. A split
// is idle only when the reader was asked and had nothing: while the source is
// pressed nobody asks, so pressure makes no split idle.
type marks struct {
	bound  time.Duration
	idle   time.Duration
	splits []mark
	sent   event.Time
}

type mark struct {
	split int
	max   event.Time
	seen  int64 // when it last had a record, or was last not asked
	idle  bool
}

func newMarks(bound, idle time.Duration) marks {
	return marks{bound: bound, idle: idle, sent: event.MinTime}
}

// assign takes the list of splits that have not ended.
func (m *marks) assign(list []int, now int64) {
	m.splits = slices.DeleteFunc(m.splits, func(k mark) bool { return !slices.Contains(list, k.split) })
	for _, id := range list {
		if !slices.ContainsFunc(m.splits, func(k mark) bool { return k.split == id }) {
			m.splits = append(m.splits, mark{split: id, max: event.MinTime, seen: now})
		}
	}
}

func (m *marks) observe(split int, times []event.Time) {
	i := slices.IndexFunc(m.splits, func(k mark) bool { return k.split == split })
	if i < 0 {
		i = len(m.splits)
		m.splits = append(m.splits, mark{split: split, max: event.MinTime})
	}
	k := &m.splits[i]
	k.max, k.idle, k.seen = latest(k.max, times), false, 0
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
	for i := range m.splits {
		k := &m.splits[i]
		if k.seen == 0 {
			k.seen = now
		} else if now-k.seen >= int64(m.idle) {
			k.idle = true
		}
	}
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
