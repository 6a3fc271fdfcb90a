package transform

import "github.com/affluxdev/afflux/event"

// answer takes records whose results are at hand: up to one that needs a call
// (missing), one that the user's function refuses, or as many as go at once.
func (o *Async[T, U]) answer(in *event.Records[T], from int) (to int, missing bool, err error) {
	if o.cfg.Unordered || len(o.queue) == 0 {
		full := max(cap(o.buf.Values), 1) // an emitted container may come back with none
		to, missing, err = o.answerInto(in, from, &o.buf.Values, &o.buf.Times, full)
		if len(o.buf.Values) >= full {
			o.out.Emit(o.buf)
		}
	} else {
		c := o.queue[len(o.queue)-1]
		if len(c.in) > 0 || len(c.out) >= chunk || c.epoch != o.epochs[len(o.epochs)-1].number {
			c = o.next()
			c.ready = true
		}
		had := len(c.out)
		to, missing, err = o.answerInto(in, from, &c.out, &c.times, chunk)
		o.weigh(c, had)
		if len(c.out) == 0 {
			o.queue = o.queue[:len(o.queue)-1]
			o.release(c)
		}
	}
	o.hits += int64(to - from)
	if missing {
		o.misses++
	}
	return to, missing, err
}

func (o *Async[T, U]) answerInto(in *event.Records[T], from int, out *[]U, times *[]event.Time, full int) (to int, missing bool, err error) {
	defer func() {
		if v := recover(); v != nil {
			caught(v, &err)
			to = o.pos
		}
	}()
	for i := from; i < len(in.Values); i++ {
		if len(*out) >= full {
			return i, false, nil
		}
		o.pos = i
		u, ok := o.atHand(&in.Values[i])
		if !ok {
			return i, true, nil
		}
		*out, *times = append(*out, u), append(*times, in.Times[i])
	}
	return len(in.Values), false, nil
}
