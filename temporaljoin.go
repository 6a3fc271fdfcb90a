package afflux

import (
	"github.com/affluxdev/afflux/internal/transform"
	"github.com/affluxdev/afflux/operator"
)

// TemporalJoin joins records with what was valid at their time.
type TemporalJoin[K comparable, A, B any] struct{ joined *Joined[K, A, B] }

// AsOf takes the right stream for the versions of a table: a right record is
// valid from its event time until that of the next one with its key; of those
// with one time, the last to come. Each left record is joined with the version
// of its key that is valid at its own event time.
//
// A left record waits until the watermark has passed it, since a version of
// its time may still come; the result has its event time. So a right stream
// that is silent for long needs Disorder.IdleAfter. The last version of a key is kept
// for ever, earlier ones until the watermark has passed the next. Records at or
// before the watermark are late: left ones are not answered, and right ones do
// not become versions.
func (j *Joined[K, A, B]) AsOf() *TemporalJoin[K, A, B] { return &TemporalJoin[K, A, B]{j} }

// Inner calls f for each left record with its version; those of which there was
// none yet are dropped. f must not change nor keep its arguments. When it
// panics, the pair is refused by the policy of the operator.
func (t *TemporalJoin[K, A, B]) Inner[U any](name string, f func(a *A, b *B) U, options ...Option) *Pairs[A, B, U] {
	return temporalJoin(t, name, false, f, options)
}

// Left is Inner, and calls f with b nil for left records of which there was no
// version yet.
func (t *TemporalJoin[K, A, B]) Left[U any](name string, f func(a *A, b *B) U, options ...Option) *Pairs[A, B, U] {
	return temporalJoin(t, name, true, f, options)
}

func temporalJoin[K comparable, A, B, U any](t *TemporalJoin[K, A, B], name string, keepLeft bool, f func(a *A, b *B) U, options []Option) *Pairs[A, B, U] {
	left, right := t.joined.left, t.joined.right
	p := t.joined.pairs[U](name, "temporal_join", func() operator.Operator {
		return transform.NewTemporal(left.key, right.key, keepLeft, f, backends[K](left.stream.job))
	}, options)
	p.node.Order.Needs = "takes, of the right records of a key with one event time, the last to come"
	return p
}
