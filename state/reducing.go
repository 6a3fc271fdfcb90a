package state

// Reducing is a state of one value for each key into which others are folded.
type Reducing[T any] struct {
	value Value[T]
	f     func(acc, v *T)
}

// NewReducing declares a state in a store. f folds v into acc, which begins as
// the first value added.
func NewReducing[T any](s *Store, name string, f func(acc, v *T), options ...Option) *Reducing[T] {
	r := &Reducing[T]{f: f}
	r.value.declare(s, name, options)
	s.add(&r.value)
	return r
}

// Add folds a value in.
func (r *Reducing[T]) Add(v T) {
	slot := r.value.s.slot
	if p, i := r.value.page(slot); !r.value.live(p, i, slot) {
		r.value.Set(v)
		return
	}
	r.f(r.value.Upsert(), &v)
}

// Get returns the result, and whether anything was added.
func (r *Reducing[T]) Get() (T, bool) { return r.value.Get() }

// Clear removes the result.
func (r *Reducing[T]) Clear() { r.value.Clear() }
