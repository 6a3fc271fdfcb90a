package memory

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"unsafe"

	"github.com/affluxdev/afflux/event"
)

// Entries that are stored as their slots begin are packed, since most numbers are
// small and writing costs more than packing: an entry is a row of words of 8
// bytes, little-endian, the last one filled up with zeros. In front of every two
// words is a byte, whose halves, the low one first, say how many bytes of each
// are stored; the others are zero. The hash, which is the first word, is stored
// as what it differs in, bit by bit, from the hash of the second word as an
// integer: for keys that are integers of 64 bits, that is nothing.

const wordSize = 8

// sizeOf is how many bytes of a word are stored.
func sizeOf(word uint64) uintptr { return uintptr(bits.Len64(word)+7) / 8 }

// appendPacked adds the first solid bytes of each slot that is not empty.
func appendPacked(dst, slots []byte, size, solid uintptr) []byte {
	words := (solid + wordSize - 1) / wordSize
	last := ^uint64(0) >> (8 * (words*wordSize - solid)) // of the last word
	at := uintptr(len(dst))
	most := int(words+1) / 2 * (1 + 2*wordSize)
	dst = slices.Grow(dst, len(slots)/int(size)*most+2*wordSize) // also for what is written behind the last one
	to := unsafe.Pointer(unsafe.SliceData(dst))
	var full [packedAtOnce]unsafe.Pointer
	var like alike
	for len(slots) > 0 {
		some := slots[:min(len(slots), len(full)*int(size))]
		slots = slots[len(some):]
		n := nonEmpty(&full, unsafe.Pointer(unsafe.SliceData(some)), size, len(some)/int(size))
		if words == 3 { // mostly: a hash, a number, and a number
			at += like.pack(unsafe.Add(to, at), full[:n], last)
			continue
		}
		for _, slot := range full[:n] {
			at += packSlot(unsafe.Add(to, at), slot, words, last)
		}
	}
	return dst[:at]
}

// packedAtOnce is how many slots are looked through before those that are not empty
// are packed.
const packedAtOnce = 64

// nonEmpty sets the first of full to those of n slots, 1 or more, that are not empty, and
// returns how many these are. It has no branch that cannot be foreseen, and a loop
// that needs few registers.
//
//go:noinline
func nonEmpty(full *[packedAtOnce]unsafe.Pointer, slot unsafe.Pointer, size uintptr, n int) int {
	used := uint(0)
	for {
		full[used&(packedAtOnce-1)] = slot
		hash := *(*uint64)(slot)
		used += uint((hash | -hash) >> 63)
		if n--; n == 0 {
			return int(used)
		}
		slot = unsafe.Add(slot, size) // not behind the last one
	}
}

// alike is how the last entry of three words was packed: the next one is mostly like
// it, and then its place does not have to wait for the sizes of this one.
type alike struct {
	second, third sized
}

// sized are the words of which n bytes are stored: those that are not above span
// when least is taken off.
type sized struct {
	n           uintptr
	least, span uint64
}

func sizedAs(n uintptr) sized {
	if n == 0 {
		return sized{}
	}
	least := uint64(1) << (8 * (n - 1))
	return sized{n, least, least*255 - 1}
}

// pack packs slots of three words and returns how long that has become. It may write
// up to two words more.
func (l *alike) pack(to unsafe.Pointer, slots []unsafe.Pointer, last uint64) (size uintptr) {
	b, c := l.second, l.third
	for _, slot := range slots {
		w := (*[3]uint64)(slot)
		first, second, third := w[0]^event.HashUint64(w[1]), w[1], w[2]&last
		at := unsafe.Add(to, size)
		if first == 0 && second-b.least <= b.span && third-c.least <= c.span {
			*(*byte)(at) = byte(b.n << 4)
			*(*uint64)(unsafe.Add(at, 1)) = second
			at = unsafe.Add(at, 1+b.n)
			*(*byte)(at) = byte(c.n)
			*(*uint64)(unsafe.Add(at, 1)) = third
			size += 2 + b.n + c.n
			continue
		}
		size += packThree(at, slot, last)
		b, c = sizedAs(sizeOf(second)), sizedAs(sizeOf(third))
	}
	l.second, l.third = b, c
	return size
}

// packSlot packs a slot and returns how long that has become. It may write up to two
// words more.
func packSlot(to, slot unsafe.Pointer, words uintptr, last uint64) (size uintptr) {
	for i := uintptr(0); i < words; i += 2 {
		first, second := *(*uint64)(unsafe.Add(slot, i*wordSize)), uint64(0)
		switch i + 2 - words { // slots begin with a uint64, so they are whole words
		case 1: // there is no second one
			first &= last
		case 0:
			second = *(*uint64)(unsafe.Add(slot, (i+1)*wordSize)) & last
		default:
			second = *(*uint64)(unsafe.Add(slot, (i+1)*wordSize))
		}
		if i == 0 {
			first ^= event.HashUint64(second)
		}
		a, b := sizeOf(first), sizeOf(second)
		*(*byte)(to) = byte(a | b<<4)
		*(*uint64)(unsafe.Add(to, 1)) = first
		*(*uint64)(unsafe.Add(to, 1+a)) = second
		to = unsafe.Add(to, 1+a+b)
		size += 1 + a + b
	}
	return size
}

// packThree is packSlot of three words.
func packThree(to, slot unsafe.Pointer, last uint64) (size uintptr) {
	w := (*[3]uint64)(slot)
	first, second, third := w[0]^event.HashUint64(w[1]), w[1], w[2]&last
	a, b, c := sizeOf(first), sizeOf(second), sizeOf(third)
	*(*byte)(to) = byte(a | b<<4)
	*(*uint64)(unsafe.Add(to, 1)) = first
	to = unsafe.Add(to, 1+a)
	*(*uint64)(to) = second
	to = unsafe.Add(to, b)
	*(*byte)(to) = byte(c)
	*(*uint64)(unsafe.Add(to, 1)) = third
	return 2 + a + b + c
}

// unpack reads an entry that appendPacked has stored into its first bytes.
func unpack(entry, data []byte) (rest []byte, err error) {
	words := (len(entry) + wordSize - 1) / wordSize
	var hash uint64
	for i := 0; i < words; i += 2 {
		if len(data) == 0 {
			return nil, errCut
		}
		a, b := int(data[0]&15), int(data[0]>>4)
		data = data[1:]
		if a > wordSize || b > wordSize || len(data) < a+b || i+1 == words && b > 0 {
			return nil, errCut
		}
		first, second := wordOf(data, a), wordOf(data[a:], b)
		data = data[a+b:]
		if i == 0 {
			hash = first ^ event.HashUint64(second)
			first = hash
		}
		if !putWord(entry, i, first) || i+1 < words && !putWord(entry, i+1, second) {
			return nil, errCut
		}
	}
	return data, nil
}

// wordOf is the word of which the first n bytes are stored.
func wordOf(data []byte, n int) uint64 {
	if len(data) >= wordSize {
		return binary.LittleEndian.Uint64(data) & (1<<(8*uint(n)) - 1)
	}
	var word [wordSize]byte
	copy(word[:], data[:n])
	return binary.LittleEndian.Uint64(word[:])
}

// putWord sets a word of an entry, and tells whether it fits.
func putWord(entry []byte, i int, word uint64) bool {
	to := entry[i*wordSize:]
	if len(to) >= wordSize {
		binary.LittleEndian.PutUint64(to, word)
		return true
	}
	for j := range to {
		to[j] = byte(word >> (8 * j))
	}
	return word>>(8*len(to)) == 0
}
