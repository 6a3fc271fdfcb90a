package state

import "unsafe"

// pageSize is how many cells a page has: cells never move, so pointers to them
// stay valid.
const (
	pageBits = 8
	pageSize = 1 << pageBits
)

// pages is an array of cells by slot that grows without a copy.
type pages[C any] []*[pageSize]C

func (p *pages[C]) grow(n int) {
	for len(*p)*pageSize < n {
		*p = append(*p, new([pageSize]C))
	}
}

func (p pages[C]) at(slot uint32) *C { return &p[slot>>pageBits][slot&(pageSize-1)] }

// warm loads the first byte of each cell.
func (p pages[C]) warm(slots []uint32) (sum uint64) {
	if unsafe.Sizeof(*new(C)) == 0 {
		return 0
	}
	for _, slot := range slots {
		sum += uint64(*(*uint8)(unsafe.Pointer(p.at(slot))))
	}
	return sum
}

func (p pages[C]) bytes() int64 {
	return int64(len(p))*int64(unsafe.Sizeof([pageSize]C{})) + int64(cap(p))*int64(unsafe.Sizeof((*C)(nil)))
}

// forever is when a state without a time to live expires.
const forever = 1<<63 - 1

// base is what every kind of state has.
type base struct {
	s      *Store
	label  string
	ttl    int64
	onRead bool
	n      int64 // entries
}

func (b *base) name() string   { return b.label }
func (b *base) entries() int64 { return b.n }

// until is when something written or read now expires.
func (b *base) until() int64 {
	if b.ttl == 0 {
		return forever
	}
	if u := b.s.now + b.ttl; u > 0 {
		return u
	}
	return forever
}

// sizes counts what values own outside of their cells. A value that is changed
// through a pointer is measured again when the next one is opened.
type sizes[T any] struct {
	of    func(*T) int // nil: nothing
	total int64
	open  *T
	was   int
}

func (z *sizes[T]) settle() {
	if z.open != nil {
		z.total += int64(z.of(z.open) - z.was)
		z.open = nil
	}
}

// change is called with a value before it is changed through the pointer.
func (z *sizes[T]) change(v *T) {
	if z.of != nil {
		z.settle()
		z.open, z.was = v, z.of(v)
	}
}

// add and remove are called with a value that comes or goes.
func (z *sizes[T]) add(v *T) {
	if z.of != nil {
		z.settle()
		z.total += int64(z.of(v))
	}
}

func (z *sizes[T]) remove(v *T) {
	if z.of != nil {
		z.settle()
		z.total -= int64(z.of(v))
	}
}

func (z *sizes[T]) bytes() int64 {
	z.settle()
	return z.total
}
