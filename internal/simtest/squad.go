package simtest

import "github.com/affluxdev/afflux/event"

// squad is a group of sources that are aligned. At each poll it checks that no
// other reader is further behind than the drift, so that what is read beyond it
// is one batch.
type squad struct {
	drift   int64
	members []aligned
	polls   int // that were checked against somebody
	loose   bool
}

// aligned is a reader in a squad.
type aligned interface {
	horizon() (low, high event.Time, holds bool)
	name() string
}

func (q *squad) join(a aligned) { q.members = append(q.members, a) }

func (q *squad) polled(w *world, who aligned) {
	own, _, ok := who.horizon()
	if !ok || own == event.MinTime || q.loose {
		return
	}
	for _, o := range q.members {
		if o == who {
			continue
		}
		_, high, holds := o.horizon()
		if !holds {
			continue
		}
		q.polls++
		if high == event.MinTime || own > high+event.Time(q.drift) {
			w.broken("source %s is asked for more at %d, and %s is at %d with a drift of %d", who.name(), own, o.name(), high, q.drift)
		}
	}
}
