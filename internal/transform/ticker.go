package transform

import (
	"time"

	"github.com/affluxdev/afflux/operator"
)

// ticker is when early results are due in processing time. It rests while
// nothing changes.
type ticker struct {
	every time.Duration // 0: never
	next  time.Time     // zero while it rests
}

// start makes a resting ticker come due after its time.
func (k *ticker) start(ctx operator.Context) {
	if k.every > 0 && k.next.IsZero() {
		k.next = ctx.Now().Add(k.every)
		ctx.WakeAt(k.next)
	}
}

// due tells once whether the time has come.
func (k *ticker) due(ctx operator.Context) bool {
	switch {
	case k.next.IsZero():
		return false
	case ctx.Now().Before(k.next):
		ctx.WakeAt(k.next)
		return false
	}
	k.next = time.Time{}
	return true
}
