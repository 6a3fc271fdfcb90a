package task

import (
	"context"
	"maps"
	"sync"
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
	// positioned is nil where input cannot be read again.
	positioned connector.Positioned

	mu sync.Mutex
	at map[int64][]connector.Split // by checkpoint that may become complete

	ready atomic.Bool // the fields above are set
	marks marks
	// splits is how many the reader has that have not ended, -1 while it does not
	// say.
	splits atomic.Int64
	// aligned are the sources of the group that this one belongs to, nil when
	// there is none.
	aligned *member
	pausing bool
	waited  int64 // for credit, since the last poll
}

func newSource(t *Task, l *link) *source {
	s := &source{t: t, link: l, driver: l.node.Source, marks: newMarks(0, 0)}
	s.splits.Store(-1)
	if a := l.node.Align; a != nil {
		s.aligned = t.cfg.Aligned.join(t.waker, a.Drift)
	}
	return s
}

func (s *source) open() error {
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
	s.positioned, _ = u.(connector.Positioned)
	if et := s.link.node.EventTime; et != nil {
		s.marks = newMarks(et.Bound, et.Idle)
		s.marks.generate, s.marks.period = et.Generate, int64(et.Period)
	}
	typ := s.driver.Type()
	s.batch = typ.NewBatch(s.link.BatchCapacity(typ.Size()))
	s.ready.Store(true)
	return nil
}

func (s *source) run() {
	t, l := s.t, s.link
	et := l.node.EventTime
	if wm := s.marks.sent; wm != event.MinTime {
		s.aligned.publish(wm)
	}
	if s.lister != nil {
		s.assign()
	}
	limit := connector.Limit{Records: s.batch.Cap(), Bytes: t.cfg.Batch}
	for !t.draining.Load() {
		t.checkpoint()
		t.settleOutputs()
		if t.barriers != nil && t.barriers.held != 0 {
			s.wait(0)
			continue
		}
		if s.ahead() {
			s.hold()
			continue
		}
		t.sampleBegin(l)
		st, err := s.reader.Poll(s.batch, limit)
		if err != nil {
			l.fail(err)
		}
		if s.lister != nil && s.lister.SplitsChanged() {
			s.assign()
		}
		n := s.batch.Len()
		if n > 0 {
			l.counters.RecordsIn.Add(int64(n))
			if et != nil {
				if et.Assign != nil {
					et.Assign(s.batch)
				}
				s.marks.observeBatch(st.Split, s.batch)
				if l.idle {
					s.resume()
				}
			}
			at := t.markers.read()
			if out := l.outs[0]; out != nil {
				out.Emit(s.batch)
			}
			if at != 0 {
				t.markers.send(at)
			}
			s.batch.Reset()
		}
		s.relieved(st.State)
		switch st.State {
		case connector.SplitDone:
			s.marks.end(st.Split)
			if n := s.splits.Load(); n > 0 {
				s.splits.Store(n - 1)
			}
		case connector.Done:
			s.finish()
			return
		}
		if et != nil {
			s.advance(st.State)
		}
		if st.State == connector.Idle {
			s.wait(st.After)
		} else {
			t.tick()
		}
	}
	s.finish()
}

// assign takes the reader's list of splits.
func (s *source) assign() {
	list := s.lister.Splits()
	s.marks.assign(list)
	if s.splits.Store(int64(len(list))); list == nil {
		s.splits.Store(-1)
	}
}

// advance moves the watermark after a poll.
func (s *source) advance(st connector.State) {
	m := &s.marks
	if st == connector.Idle {
		m.silent()
	}
	if m.period > 0 {
		m.periodic(s.t.host.Now(), s.t.host.Wall())
	}
	wm, moved := m.watermark()
	idle := m.resting()
	if idle {
		s.aligned.publish(event.MaxTime)
	} else {
		s.aligned.publish(wm)
	}
	if moved {
		s.link.Watermark(wm)
	}
	s.link.rest(idle)
}

// resume is called when a source that was idle has records again, before they
// are passed on: from now on it holds others back.
func (s *source) resume() {
	s.aligned.publish(s.marks.sent)
	s.link.rest(false)
}

// finish lets the watermark run to the end: no record follows.
func (s *source) finish() {
	s.aligned.publish(event.MaxTime)
	s.link.Watermark(event.MaxTime)
}

// ahead tells whether alignment keeps the source from reading.
func (s *source) ahead() bool { return s.aligned != nil && s.aligned.ahead() }

// hold waits until the sources that this one is aligned with have come closer.
// The time does not count for idle splits, since nobody asks them.
func (s *source) hold() {
	t := s.t
	if t.pace.sampling {
		t.sampleEnd()
	}
	t.flush()
	now, until := t.barriers.hurry()
	d := sooner(sooner(s.patience(), t.untilAlarm()), until)
	if !s.aligned.arm() || t.woken.Load() || t.draining.Load() || now || t.barriers != nil && t.barriers.pending() {
		s.aligned.disarm()
		return
	}
	waited := t.suspend(Idle, -1, d)
	s.aligned.disarm()
	t.ring(t.pace.last)
	s.pressed(waited)
}

// sooner is the shorter of two times, of which one that is not positive means
// none.
func sooner(a, b time.Duration) time.Duration {
	if a <= 0 || b > 0 && b < a {
		return b
	}
	return a
}

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
	now, until := t.barriers.hurry()
	if now || t.barriers != nil && t.barriers.pending() {
		return
	}
	after = sooner(after, until)
	if et := s.link.node.EventTime; et != nil {
		after = sooner(sooner(after, s.marks.patience()), et.Period)
	}
	if alarm > 0 && (after <= 0 || alarm < after) {
		after = alarm
	}
	s.marks.waited(t.suspend(Idle, -1, after))
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

// commit tells how far the job had come at a checkpoint, or with 0 at its end.
func (s *source) commit(ctx context.Context, id int64) error {
	if s.committer == nil {
		return nil
	}
	if id == 0 {
		return s.committer.Commit(ctx, nil)
	}
	s.mu.Lock()
	at, ok := s.at[id]
	maps.DeleteFunc(s.at, func(n int64, _ []connector.Split) bool { return n <= id })
	s.mu.Unlock()
	if !ok {
		return nil // it has no places, or had ended
	}
	return s.committer.Commit(ctx, at)
}

// positions are the places of the reader's splits.
func (s *source) positions() (at []connector.Split, err error) {
	if s.positioned == nil {
		return nil, nil
	}
	err = guarded(func() error { at, err = s.positioned.Positions(); return err })
	return at, err
}

// remember keeps the places at a checkpoint until that is complete.
func (s *source) remember(id int64, at []connector.Split) {
	if s.committer == nil || s.positioned == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.at == nil {
		s.at = map[int64][]connector.Split{}
	}
	s.at[id] = at
}

func (s *source) close() error {
	if s.reader == nil {
		return nil
	}
	return guarded(s.reader.Close)
}
