package paged

import "unsafe"

// slab is an array by slot that grows without a copy.
type slab[T any] [][]T

const (
	slabBits = 10
	slabSize = 1 << slabBits
)

// grow makes room for n slots.
func (s *slab[T]) grow(n int) {
	for len(*s)<<slabBits < n {
		*s = append(*s, make([]T, slabSize))
	}
}

func (s slab[T]) at(slot uint32) *T { return &s[slot>>slabBits][slot&(slabSize-1)] }

func (s slab[T]) bytes() int64 {
	return int64(len(s))*slabSize*int64(unsafe.Sizeof(*new(T))) + int64(cap(s))*int64(unsafe.Sizeof([]T(nil)))
}
