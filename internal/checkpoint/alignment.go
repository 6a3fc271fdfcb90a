package checkpoint

import "time"

// Alignment is the part of a gate with several channels in checkpoints: it
// decides which channels wait and when the task takes its snapshot. Its methods
// take what happened and return what to do, in order; the slice is valid until
// the next call.
//
// The caller reports things in the order of each channel: what it has processed
// before it calls [Alignment.Barrier] lies before the barrier.
//
// A task without channels (a source), or one whose channels have all ended,
// takes part through [Alignment.Inject].
type Alignment struct {
	lanes []lane
	phase alignmentPhase
	// current is the barrier at work, unless resting.
	current Barrier
	// over is the largest id that is done with: a barrier up to it is stale.
	over int64
	// missing counts the lanes that have neither ended nor passed the barrier.
	missing int
	began   time.Time
	out     []Action
}

type lane struct {
	ended   bool
	passed  bool // the current barrier
	blocked bool
}

type alignmentPhase uint8

const (
	resting   alignmentPhase = iota
	aligning                 // some channels have passed the barrier, or were told of it
	capturing                // the snapshot is taken, records before the barrier still come
)

// NewAlignment is for a gate with that many channels, none of which has ended.
func NewAlignment(channels int) *Alignment { return &Alignment{lanes: make([]lane, channels)} }

// Announce says that a barrier is on its way in a channel, behind records that
// are not processed yet. It is needed only for barriers that may overtake: the
// time limit runs although no channel has delivered the barrier.
func (a *Alignment) Announce(now time.Time, channel int, b Barrier) []Action {
	a.out = a.out[:0]
	if a.adopt(now, b) && a.phase == aligning && !a.lanes[channel].ended {
		a.overtake(now)
	}
	return a.out
}

// Barrier says that everything before the barrier in a channel was processed.
func (a *Alignment) Barrier(now time.Time, channel int, b Barrier) []Action {
	a.out = a.out[:0]
	if !a.adopt(now, b) {
		return a.out
	}
	a.pass(now, channel, true)
	return a.out
}

// End says that a channel has ended and that everything in it was processed:
// that is as good as a barrier, now and for ever.
func (a *Alignment) End(now time.Time, channel int) []Action {
	a.out = a.out[:0]
	l := &a.lanes[channel]
	if l.ended {
		return a.out
	}
	if a.phase == resting || l.passed {
		l.ended = true
		return a.out
	}
	a.pass(now, channel, false)
	l.ended = true
	return a.out
}

// Inject begins a checkpoint at a task that nobody before it brings a barrier
// to. Where channels have not ended yet, the barrier lies behind their end.
func (a *Alignment) Inject(now time.Time, b Barrier) []Action {
	a.out = a.out[:0]
	if !a.adopt(now, b) || a.phase != aligning {
		return a.out
	}
	if a.missing == 0 {
		a.snapshot(now)
		a.finish()
		return a.out
	}
	a.overtake(now)
	return a.out
}

// Tick says what time it is. It is due at [Alignment.Deadline].
func (a *Alignment) Tick(now time.Time) []Action {
	a.out = a.out[:0]
	a.overtake(now)
	return a.out
}

// Cancel says that a checkpoint was aborted. Its barrier, and older ones, are
// of no importance when they come.
func (a *Alignment) Cancel(id int64) []Action {
	a.out = a.out[:0]
	if a.phase != resting && a.current.ID <= id {
		a.abandon("aborted")
	}
	a.over = max(a.over, id)
	return a.out
}

// Deadline is when [Alignment.Tick] has something to do, false if it has not.
func (a *Alignment) Deadline() (time.Time, bool) {
	if a.phase != aligning {
		return time.Time{}, false
	}
	return a.current.Overtakes()
}

// Blocked tells whether nothing must be taken from a channel.
func (a *Alignment) Blocked(channel int) bool { return a.lanes[channel].blocked }

// Capturing tells whether what comes next in a channel lies before the barrier
// of a snapshot that is taken, and belongs into the checkpoint with that id.
func (a *Alignment) Capturing(channel int) (id int64, ok bool) {
	l := a.lanes[channel]
	return a.current.ID, a.phase == capturing && !l.passed && !l.ended
}

// adopt makes b the current barrier, and tells whether it is.
func (a *Alignment) adopt(now time.Time, b Barrier) bool {
	if b.ID <= a.over {
		return false
	}
	if a.phase != resting {
		if b.ID <= a.current.ID {
			return b.ID == a.current.ID
		}
		a.abandon("a newer barrier came")
	}
	a.current, a.phase, a.began, a.missing = b, aligning, now, 0
	for i := range a.lanes {
		a.lanes[i].passed = false
		if !a.lanes[i].ended {
			a.missing++
		}
	}
	return true
}

// pass records that a channel is behind the barrier, by the barrier itself or
// by its end.
func (a *Alignment) pass(now time.Time, channel int, barrier bool) {
	l := &a.lanes[channel]
	if l.passed || l.ended {
		return
	}
	l.passed = true
	a.missing--
	if a.phase == capturing {
		a.out = append(a.out, Captured{ID: a.current.ID, Channel: channel})
		if a.missing == 0 {
			a.finish()
		}
		return
	}
	switch {
	case a.missing == 0:
		a.snapshot(now)
		a.finish()
	case a.overtake(now):
	case barrier && !a.current.AtLeastOnce:
		l.blocked = true
		a.out = append(a.out, Block{Channel: channel})
	}
}

// overtake takes the snapshot before all channels have passed, if it is time.
func (a *Alignment) overtake(now time.Time) bool {
	at, ok := a.Deadline()
	if !ok || now.Before(at) {
		return false
	}
	a.snapshot(now)
	a.phase = capturing
	return true
}

// snapshot orders the snapshot; what is behind the barrier may come after it.
func (a *Alignment) snapshot(now time.Time) {
	s := Snapshot{Barrier: a.current, StartDelay: max(0, a.began.Sub(a.current.Time)), Alignment: now.Sub(a.began)}
	for i, l := range a.lanes {
		if !l.passed && !l.ended {
			s.Capture = append(s.Capture, i)
		}
	}
	a.out = append(a.out, s)
	a.unblock()
}

func (a *Alignment) unblock() {
	var u Unblock
	for i := range a.lanes {
		if a.lanes[i].blocked {
			a.lanes[i].blocked = false
			u.Channels = append(u.Channels, i)
		}
	}
	if u.Channels != nil {
		a.out = append(a.out, u)
	}
}

func (a *Alignment) finish() {
	a.out = append(a.out, Complete{ID: a.current.ID})
	a.over, a.phase = a.current.ID, resting
}

func (a *Alignment) abandon(why string) {
	a.out = append(a.out, Abandon{ID: a.current.ID, Reason: why})
	a.unblock()
	a.over, a.phase = a.current.ID, resting
}
