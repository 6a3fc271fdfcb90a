package afflux

import (
	"fmt"
	"math"
	"time"

	"github.com/affluxdev/afflux/internal/transform"
	"github.com/affluxdev/afflux/operator"
)

// IntervalJoin joins records of a key whose event times are close.
type IntervalJoin[K comparable, A, B any] struct {
	joined       *Joined[K, A, B]
	lower, upper time.Duration
}

// Between joins each left record a with the right records b of its key whose
// event times are in [a+lower, a+upper], both ends included; either bound may be
// negative. Right records of the hour before are Between(-time.Hour, 0).
//
// Which pairs there are does not depend on the order in which records come. A
// pair is emitted when the second of its records comes, with the later of
// their event times. A record is kept until the watermark says that no other
// can meet it, and about an eighth of the interval longer. Records at or
// before the watermark are late: they are joined with none.
func (j *Joined[K, A, B]) Between(lower, upper time.Duration) *IntervalJoin[K, A, B] {
	if lower > upper || lower == math.MinInt64 {
		j.left.stream.job.fail(fmt.Errorf("key %q joined with key %q: between %v and %v is no time: the lower bound comes first", j.left.name, j.right.name, lower, upper))
	}
	return &IntervalJoin[K, A, B]{joined: j, lower: lower, upper: upper}
}

// Inner calls f for each pair. f must not change nor keep its arguments. When
// it panics, the pair is refused by the policy of the operator; others are not
// concerned.
func (i *IntervalJoin[K, A, B]) Inner[U any](name string, f func(a *A, b *B) U, options ...Option) *Pairs[A, B, U] {
	return intervalJoin(i, name, transform.Interval[A, B, U]{Join: f}, options)
}

// Left is Inner, and calls f with b nil for each left record that has met none
// when no other can come. Such a result has the event time at which that was
// certain: the end of the interval, or that of the record if it is later.
func (i *IntervalJoin[K, A, B]) Left[U any](name string, f func(a *A, b *B) U, options ...Option) *Pairs[A, B, U] {
	return intervalJoin(i, name, transform.Interval[A, B, U]{Join: f, KeepLeft: true}, options)
}

// Right is Inner, and calls f with a nil for each right record that has met
// none, as Left does for left ones.
func (i *IntervalJoin[K, A, B]) Right[U any](name string, f func(a *A, b *B) U, options ...Option) *Pairs[A, B, U] {
	return intervalJoin(i, name, transform.Interval[A, B, U]{Join: f, KeepRight: true}, options)
}

// Full is Left and Right together.
func (i *IntervalJoin[K, A, B]) Full[U any](name string, f func(a *A, b *B) U, options ...Option) *Pairs[A, B, U] {
	return intervalJoin(i, name, transform.Interval[A, B, U]{Join: f, KeepLeft: true, KeepRight: true}, options)
}

func intervalJoin[K comparable, A, B, U any](i *IntervalJoin[K, A, B], name string, t transform.Interval[A, B, U], options []Option) *Pairs[A, B, U] {
	t.Lower, t.Upper = i.lower, i.upper
	left, right := i.joined.left, i.joined.right
	return i.joined.pairs[U](name, "interval_join", func() operator.Operator {
		return transform.NewInterval(left.key, right.key, t, backends[K](left.stream.job))
	}, options)
}
