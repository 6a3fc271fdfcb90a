package transform

// lateSource is where the late records of one input go.
type lateSource[T any] struct{ out *Side[T] } // nil: nobody reads them

// late counts the current record and passes it on.
func late[T any, K comparable, U any](s *Scope[K, U], l *lateSource[T], v *T) {
	s.Count("late", 1)
	if l.out != nil {
		l.out.Emit(*v, s.Time())
	}
}
