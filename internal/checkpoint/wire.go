package checkpoint

import (
	"encoding/binary"
	"fmt"
	"math"
)

// encoder appends the fields of a section.
type encoder struct{ b []byte }

func (e *encoder) uint(v uint64)   { e.b = binary.AppendUvarint(e.b, v) }
func (e *encoder) int(v int)       { e.uint(uint64(v)) }
func (e *encoder) fixed(v uint32)  { e.b = binary.LittleEndian.AppendUint32(e.b, v) }
func (e *encoder) byte(v byte)     { e.b = append(e.b, v) }
func (e *encoder) text(s string)   { e.int(len(s)); e.b = append(e.b, s...) }
func (e *encoder) bytes(p []byte)  { e.int(len(p)); e.b = append(e.b, p...) }
func (e *encoder) instant(v int64) { e.b = binary.LittleEndian.AppendUint64(e.b, uint64(v)) }

func (e *encoder) flag(v bool) {
	if v {
		e.byte(1)
	} else {
		e.byte(0)
	}
}

// decoder reads the fields of a section. The first error stays, and with it
// every field is zero. Nothing is allocated for a length or a count that the
// bytes that are left cannot hold.
type decoder struct {
	b      []byte
	offset int64 // of b in the file
	err    error
	at     int64 // where the error is
}

func (d *decoder) fail(at int64, format string, args ...any) {
	if d.err == nil {
		d.err, d.at = fmt.Errorf(format, args...), at
	}
	d.b = nil
}

func (d *decoder) take(n int) []byte {
	p := d.b[:n:n]
	d.b, d.offset = d.b[n:], d.offset+int64(n)
	return p
}

func (d *decoder) uint(what string) uint64 {
	if d.err != nil {
		return 0
	}
	v, n := binary.Uvarint(d.b)
	if n <= 0 || n > 1 && d.b[n-1] == 0 { // one way to write a number
		d.fail(d.offset, "%s is not a number", what)
		return 0
	}
	d.take(n)
	return v
}

// int is a number that fits an int32, as all small numbers of the format do.
func (d *decoder) int(what string) int {
	at := d.offset
	v := d.uint(what)
	if v > math.MaxInt32 {
		d.fail(at, "%s is %d", what, v)
		return 0
	}
	return int(v)
}

func (d *decoder) long(what string) int64 {
	at := d.offset
	v := d.uint(what)
	if v > math.MaxInt64 {
		d.fail(at, "%s is %d", what, v)
		return 0
	}
	return int64(v)
}

// count is that of elements that take at least size bytes each.
func (d *decoder) count(what string, size int) int {
	at := d.offset
	v := d.uint("the number of " + what)
	if v > uint64(len(d.b)/size) {
		d.fail(at, "%d %s do not fit into the %d bytes that are left", v, what, len(d.b))
		return 0
	}
	return int(v)
}

func (d *decoder) bytes(what string) []byte {
	at := d.offset
	n := d.uint("the length of " + what)
	if n > uint64(len(d.b)) {
		d.fail(at, "%s is %d bytes long, but only %d are left", what, n, len(d.b))
		return nil
	}
	if n == 0 {
		return nil
	}
	return d.take(int(n))
}

func (d *decoder) text(what string) string { return string(d.bytes(what)) }

func (d *decoder) fixed(what string, n int) []byte {
	if d.err != nil || len(d.b) < n {
		d.fail(d.offset, "%s is cut off", what)
		return make([]byte, n)
	}
	return d.take(n)
}

func (d *decoder) checksum() uint32 { return binary.LittleEndian.Uint32(d.fixed("a checksum", 4)) }

func (d *decoder) instant(what string) int64 {
	return int64(binary.LittleEndian.Uint64(d.fixed(what, 8)))
}

// byte is a number of at most limit.
func (d *decoder) byte(what string, limit byte) byte {
	at := d.offset
	v := d.fixed(what, 1)[0]
	if v > limit {
		d.fail(at, "%s is %d, which is none that is known", what, v)
		return 0
	}
	return v
}

func (d *decoder) flag(what string) bool { return d.byte(what, 1) == 1 }

// end refuses bytes that are left over.
func (d *decoder) end() {
	if len(d.b) > 0 {
		d.fail(d.offset, "%d bytes are left over", len(d.b))
	}
}

// list reads elements that take at least size bytes each; nil if there are none.
func list[T any](d *decoder, what string, size int, read func() T) []T {
	n := d.count(what, size)
	if n == 0 {
		return nil
	}
	out := make([]T, 0, min(n, 4096))
	for range n {
		out = append(out, read())
		if d.err != nil {
			return nil
		}
	}
	return out
}
