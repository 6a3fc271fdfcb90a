package task

import "math"

// recently is how much work of a chain its samples are remembered for, roughly,
// in nanoseconds: after a change the shares of its operators are new ones as
// soon.
const recently = 300e6

// division divides the working time of a chain among its operators: the time
// since the last sample, by what samples of late say. So what happened long ago,
// when samples were rarer or more frequent, does not count for what happens now.
type division struct {
	work int64 // of the task, up to the last sample
}

// divide is called at the end of a sample with the working time of the task so
// far.
func (d *division) divide(links []*link, work int64) {
	took := float64(max(work-d.work, 0))
	keep := recently / (recently + took)
	var sum float64
	for _, l := range links {
		l.late = l.late*keep + float64(l.own-l.sampled)
		l.sampled = l.own
		sum += l.late
	}
	if sum <= 0 {
		return
	}
	d.work = work
	for _, l := range links {
		share := l.late / sum
		l.given += took * share
		l.counters.Own.Store(int64(l.given))
		l.counters.Share.Store(math.Float64bits(share))
		l.counters.Sampled.Store(work)
	}
}
