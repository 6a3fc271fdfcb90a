package task

import (
	"encoding/json/v2"
	"fmt"
	"time"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/metric"
	"github.com/affluxdev/afflux/operator"
)

// Reject implements operator.Context.
func (l *link) Reject(value any, t event.Time, err error) error {
	switch l.node.OnError {
	case operator.Skip:
		l.counters.Skipped.Add(1)
		if now, keep := l.count(err.Error(), ""); keep {
			l.keep(now, "", err.Error(), asText(value))
		}
		return nil
	case operator.DeadLetter:
		d := event.DeadLetter{Reason: err.Error(), Record: clip(asText(value)), Time: t}
		if now, keep := l.count(d.Reason, ""); keep {
			l.keep(now, "", d.Reason, []byte(d.Record))
		}
		l.letter(d)
		return nil
	}
	return &RefusedError{err, shorten(asText(value))}
}

// RefusedError is why a function refused a record, with the beginning of the record
// as people read it.
type RefusedError struct {
	Err    error
	Record string
}

// Error implements error.
func (e *RefusedError) Error() string { return e.Err.Error() + e.Which() }

// Which is the part of the text that tells the record.
func (e *RefusedError) Which() string { return "; the record was " + e.Record }

// Unwrap returns what the function said.
func (e *RefusedError) Unwrap() error { return e.Err }

// rejectRaw is Subtask.Reject of connectors.
func (l *link) rejectRaw(r connector.Rejected) error {
	switch l.node.OnError {
	case operator.Skip:
		l.counters.Skipped.Add(1)
	case operator.DeadLetter:
	default:
		if r.Origin != "" {
			return fmt.Errorf("%s: %w", r.Origin, r.Reason)
		}
		return r.Reason
	}
	reason := r.Reason.Error()
	if now, keep := l.count(reason, r.Origin); keep {
		l.keep(now, r.Origin, reason, r.Payload)
	}
	if l.node.OnError == operator.DeadLetter {
		l.letter(event.DeadLetter{Reason: reason, Origin: r.Origin, Record: clip(r.Payload), Time: r.Time})
	}
	return nil
}

// count enters a refused record into the tray of the job, and tells whether to
// keep it there.
func (l *link) count(reason, origin string) (now time.Time, keep bool) {
	if l.t.cfg.Letters == nil {
		return now, false
	}
	now = l.t.host.Wall()
	return now, l.t.cfg.Letters.Count(l.node.Name, reason, origin, now)
}

func (l *link) keep(now time.Time, origin, reason string, value []byte) {
	l.t.cfg.Letters.Keep(metric.DeadLetter{
		At: now, Operator: l.node.Name, Subtask: l.t.cfg.Subtask, Origin: origin, Reason: reason,
		Value: string(value[:min(len(value), metric.MaxDeadLetterValue)]),
	})
}

// letter sends a record to the dead letters.
func (l *link) letter(d event.DeadLetter) {
	d.Operator, d.At = l.node.Name, l.t.host.Wall().UnixNano()
	if l.letters == nil {
		l.letters = event.NewRecords[event.DeadLetter](1)
	}
	l.letters.Append(d, d.Time)
	l.counters.DeadLettered.Add(1)
	if out := l.Output(l.node.Letters); out != nil {
		out.Emit(l.letters)
	}
	l.letters.Reset()
}

// asText is a record as people read it.
func asText(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		text = fmt.Appendf(nil, "%+v", value)
	}
	return text
}

func clip(b []byte) string { return string(b[:min(len(b), connector.MaxPayload)]) }

// shorten keeps messages readable.
func shorten(b []byte) string {
	const most = 200
	if len(b) <= most {
		return string(b)
	}
	return string(b[:most]) + "..."
}
