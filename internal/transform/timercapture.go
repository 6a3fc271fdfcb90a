package transform

// timerCapture is what a queue of timers held at one moment. It shares the
// memory of the queue, which goes on, and may be read by another goroutine.
type timerCapture struct {
	lists   [][]timer // with deleted entries
	removed []uint32  // the seqs of those
	seq     uint32    // of the queue
	n       int       // timers
}

// capture takes what the queue holds. It costs the same for many timers as for
// few, but for the first one of a queue with deleted timers.
func (q *timers) capture() timerCapture {
	if !q.captured {
		q.captured = true
		if q.total > q.set.n {
			q.compact()
		}
	}
	c := timerCapture{removed: q.removed[:len(q.removed):len(q.removed)], seq: q.seq, n: q.set.n}
	for i := range q.buckets {
		b := &q.buckets[i]
		list := b.entries
		if i == 0 {
			list = list[q.head:]
		}
		if len(list) > 0 {
			c.lists = append(c.lists, list[:len(list):len(list)])
			b.shared = true
		}
	}
	if len(q.overdue) > 0 { // a heap changes everywhere, but is small
		c.lists = append(c.lists, append([]timer(nil), q.overdue...))
	}
	return c
}

// each calls f for each timer, in no particular order, until it fails. age is
// larger for those that were added earlier.
func (c *timerCapture) each(f func(t timer, age uint32) error) error {
	removed := make(map[uint32]struct{}, len(c.removed))
	for _, seq := range c.removed {
		removed[seq] = struct{}{}
	}
	for _, list := range c.lists {
		for _, t := range list {
			if len(removed) > 0 {
				if _, ok := removed[t.seq]; ok {
					continue
				}
			}
			if err := f(t, c.seq-t.seq); err != nil {
				return err
			}
		}
	}
	return nil
}
