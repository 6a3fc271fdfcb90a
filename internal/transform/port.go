package transform

import (
	"errors"
	"fmt"
	"math"
	"runtime"

	"github.com/affluxdev/afflux/event"
)

// Port is one input of a Process operator: it knows the type of its records.
type Port[K comparable, U any] interface {
	process(o *Process[K, U], b event.Batch) error
}

// Receiver is the function for the records of a port.
type Receiver[K comparable, T, U any] interface {
	// Process handles a record.
	Process(s *Scope[K, U], v *T) error
}

// keyedPort selects the key of each record, a chunk at a time.
type keyedPort[K comparable, T, U any] struct {
	position
	f     Receiver[K, T, U]
	key   func(*T) K
	keys  [chunk]K
	slots [chunk]uint32
}

// NewKeyedPort returns an input whose records have keys and, from the exchange,
// their hashes.
func NewKeyedPort[K comparable, T, U any](key func(*T) K, f Receiver[K, T, U]) Port[K, U] {
	return &keyedPort[K, T, U]{f: f, key: key}
}

func (p *keyedPort[K, T, U]) process(o *Process[K, U], b event.Batch) error {
	in, s := b.(*event.Records[T]), &o.scope
	n := len(in.Values)
	for from := 0; from < n; from += chunk {
		to := min(from+chunk, n)
		keys, slots := p.keys[:to-from], p.slots[:to-from]
		for i := range keys {
			keys[i] = p.key(&in.Values[from+i])
		}
		if err := o.selectKeys(keys, in.Hashes[from:to], slots); err != nil {
			return err
		}
		for at := from; at < to; {
			done, err := p.run(s, in, at, to, from)
			at = done
			if err != nil {
				if err := s.ctx.Reject(in.Values[done], in.Times[done], err); err != nil {
					return err
				}
				at++
			}
		}
		if err := o.settleKeys(keys, in.Hashes[from:to], slots); err != nil {
			return err
		}
	}
	return nil
}

// run calls the function for records [from,to), up to one that it refuses.
func (p *keyedPort[K, T, U]) run(s *Scope[K, U], in *event.Records[T], from, to, base int) (done int, err error) {
	defer func() {
		if v := recover(); v != nil {
			caught(v, &err)
			done = p.pos
		}
	}()
	for i := from; i < to; i++ {
		p.pos = i
		slot := p.slots[i-base]
		s.key, s.hash, s.slot, s.time = p.keys[i-base], in.Hashes[i], slot, in.Times[i]
		s.store.Use(slot)
		if err := p.f.Process(s, &in.Values[i]); err != nil {
			return i, err
		}
	}
	return to, nil
}

// plainPort is an input whose records have no keys.
type plainPort[K comparable, T, U any] struct {
	position
	f         Receiver[K, T, U]
	broadcast bool
}

// NewPlainPort returns an input without keys: its function may read broadcast
// states only.
func NewPlainPort[K comparable, T, U any](f Receiver[K, T, U]) Port[K, U] {
	return &plainPort[K, T, U]{f: f}
}

// NewBroadcastPort returns an input without keys that every subtask gets all
// records of, in one order. Its function may write broadcast states.
func NewBroadcastPort[K comparable, T, U any](f Receiver[K, T, U]) Port[K, U] {
	return &plainPort[K, T, U]{f: f, broadcast: true}
}

func (p *plainPort[K, T, U]) process(o *Process[K, U], b event.Batch) error {
	in, s := b.(*event.Records[T]), &o.scope
	s.store.AllowBroadcast(p.broadcast)
	defer s.store.AllowBroadcast(false)
	for at := 0; at < len(in.Values); {
		done, err := p.run(s, in, at)
		at = done
		if err != nil {
			if err := s.ctx.Reject(in.Values[done], in.Times[done], err); err != nil {
				return err
			}
			at++
		}
	}
	return nil
}

// run calls the function for records from an index on, up to one that it
// refuses.
func (p *plainPort[K, T, U]) run(s *Scope[K, U], in *event.Records[T], from int) (done int, err error) {
	defer func() {
		if v := recover(); v != nil {
			caught(v, &err)
			if e := (runtime.Error)(nil); errors.As(err, &e) {
				err = fmt.Errorf("%w; note that states of keys cannot be used here, where there is no current key", err)
			}
			done = p.pos
		}
	}()
	var none K
	s.key, s.hash, s.slot = none, 0, math.MaxUint32
	s.store.Use(math.MaxUint32)
	for i := from; i < len(in.Values); i++ {
		p.pos = i
		s.time = in.Times[i]
		if err := p.f.Process(s, &in.Values[i]); err != nil {
			return i, err
		}
	}
	return len(in.Values), nil
}
