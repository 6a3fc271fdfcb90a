package task

import "time"

// setAlarm finds the earliest alarm of the chain.
func (t *Task) setAlarm() {
	t.alarm = 0
	for _, l := range t.links {
		if l.alarm != 0 && (t.alarm == 0 || l.alarm < t.alarm) {
			t.alarm = l.alarm
		}
	}
}

// untilAlarm rings what is due and returns the time until the next alarm, 0 if
// there is none.
func (t *Task) untilAlarm() time.Duration {
	if t.alarm == 0 {
		return 0
	}
	now := t.host.Now()
	t.ring(now)
	if t.alarm == 0 {
		return 0
	}
	return time.Duration(t.alarm - now)
}

// ring wakes the operators whose alarm is due.
func (t *Task) ring(now int64) {
	if t.alarm == 0 || now < t.alarm {
		return
	}
	for _, l := range t.links {
		if l.alarm != 0 && l.alarm <= now {
			l.alarm = 0
			l.woken.Store(true)
			t.woken.Store(true)
		}
	}
	t.setAlarm()
}
