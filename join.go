package afflux

import "fmt"

// Joined is a pair of streams divided by keys of one type. Its methods join the
// records of a key: those whose times are close (Between), those of the right
// stream that were valid at the time of a left one (AsOf), or those of one
// window.
type Joined[K comparable, A, B any] struct {
	left  *Keyed[K, A]
	right *Keyed[K, B]
}

// Join pairs the stream with another one of the same job. Records meet when
// their keys are equal.
func (k *Keyed[K, A]) Join[B any](other *Keyed[K, B]) *Joined[K, A, B] {
	k.checkJob(other.stream.job, fmt.Sprintf("key %q is joined with key %q", k.name, other.name))
	return &Joined[K, A, B]{left: k, right: other}
}

func (k *Keyed[K, A]) checkJob(other *Job, what string) {
	if other != k.stream.job {
		k.stream.job.fail(fmt.Errorf("%s of another job: both streams must be of one job", what))
	}
}
