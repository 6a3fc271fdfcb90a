package memory

import (
	"fmt"
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"
)

// frozen is the array of a table as it was at a snapshot. The task goes on with
// the same memory: whoever comes first, the task that is about to change or
// give out a slot, or the writer, saves the page that the slot is in; the other
// one waits for that, which is short.
//
// When the table takes a new array, the old one is the snapshot's alone. Slots
// without pointers need no saving from then on. What others point to is still
// the table's: pages are found by the hashes of the keys then, since none has
// moved within the old array.
type frozen struct {
	next  *frozen // an earlier snapshot that is still being written
	entry *entry
	first unsafe.Pointer
	size  uintptr
	count int  // slots
	bits  uint // slots of a page, as a power of two
	n     int  // entries
	texts arena
	pages []atomic.Uint32 // what each page is, or its place in saves; no pointers, for the collector
	over  atomic.Bool     // nothing needs to be saved any more
	mu    sync.Mutex      // the writer's while it saves a page

	saves struct { // the pages that the task has taken
		sync.Mutex
		list []*saved
	}

	// The task's alone.
	slab  *slab   // memory for what it saves
	apart bool    // the table has another array
	tags  []uint8 // of the old one
	mask  uint64
}

// saved is a page that the task has taken.
type saved struct {
	// data are the slots or, if they have pointers, what is stored for them.
	data []byte
	err  error
}

// What a page is. From taken on it is in saves, at that place.
const (
	untouched = iota
	saving
	written
	taken
)

const (
	flatPage    = 512 // bytes of a page of slots without pointers, at most
	linkedPage  = 4   // slots of a page of others
	pagesAtOnce = 8   // of slots without pointers, that the writer takes; at most 32
)

// freeze begins a snapshot. Keys of strings are in texts.
func (t *slots) freeze(e *entry, texts arena, slab *slab) *frozen {
	t.thaw()
	f := &frozen{next: t.frozen, entry: e, first: t.first, size: t.size, count: t.len(), n: t.n, texts: texts, slab: slab}
	for t.flat && t.size<<(f.bits+1) <= flatPage || !t.flat && 1<<f.bits < linkedPage {
		f.bits++
	}
	f.pages = make([]atomic.Uint32, (f.count+1<<f.bits-1)>>f.bits)
	t.frozen = f
	return f
}

// thaw forgets snapshots that are over, and tells whether there is one that is
// not.
func (t *slots) thaw() bool {
	for at := &t.frozen; *at != nil; {
		if f := *at; f.over.Load() {
			*at = f.next
		} else {
			at = &f.next
		}
	}
	return t.frozen != nil
}

// save saves the page of a slot that is about to be changed or given out.
func (t *slots) save(at, hash uint64) {
	for f := t.frozen; f != nil; f = f.next {
		if f.apart {
			f.saveHash(hash)
		} else {
			f.savePage(at >> f.bits)
		}
	}
}

// saveCluster saves the pages of a slot and those after it up to an empty one,
// which may move when it is emptied.
func (t *slots) saveCluster(at uint64) {
	for ; t.tags[at] != 0; at = (at + 1) & t.mask {
		t.save(at, *t.at(at))
	}
}

// part leaves the array to the snapshots that need it.
func (t *slots) part() {
	for at := &t.frozen; *at != nil; {
		f := *at
		switch {
		case f.apart:
		case t.flat:
			*at = f.next
			continue
		default:
			f.apart, f.tags, f.mask = true, t.tags, t.mask
		}
		at = &f.next
	}
}

// saveHash saves the pages where keys with this hash were.
func (f *frozen) saveHash(hash uint64) {
	for at := hash & f.mask; f.tags[at] != 0; at = (at + 1) & f.mask {
		if *(*uint64)(f.slot(at)) == hash {
			f.savePage(at >> f.bits)
		}
	}
}

func (f *frozen) slot(i uint64) unsafe.Pointer { return unsafe.Add(f.first, uintptr(i)*f.size) }

func (f *frozen) savePage(page uint64) {
	p := &f.pages[page]
	switch now := p.Load(); {
	case now == untouched && p.CompareAndSwap(untouched, saving):
		p.Store(f.shelve(f.copy(int(page))))
	case now == untouched || now == saving:
		for now = saving; now == saving; {
			f.mu.Lock() // if the writer has lost its processor, it gets this one
			now = p.Load()
			f.mu.Unlock()
		}
	}
}

// shelve keeps a page for the writer, and returns what the page is then.
func (f *frozen) shelve(s *saved) uint32 {
	f.saves.Lock()
	defer f.saves.Unlock()
	f.saves.list = append(f.saves.list, s)
	return taken + uint32(len(f.saves.list)-1)
}

// fetch takes a page from where the task has kept it.
func (f *frozen) fetch(page uint32) *saved {
	f.saves.Lock()
	defer f.saves.Unlock()
	s := f.saves.list[page-taken]
	f.saves.list[page-taken] = nil
	return s
}

// raw is the memory of pages [page,end).
func (f *frozen) raw(page, end int) []byte {
	from, to := page<<f.bits, min(end<<f.bits, f.count)
	return unsafe.Slice((*byte)(f.slot(uint64(from))), uintptr(to-from)*f.size)
}

// copy saves a page for the writer.
func (f *frozen) copy(page int) *saved {
	raw, s := f.raw(page, page+1), f.slab.next()
	if f.entry.flat {
		s.data = f.slab.take(append(f.slab.room(len(raw)), raw...))
		return s
	}
	s.data, s.err = f.encode(f.slab.room(len(raw)), raw)
	s.data = f.slab.take(s.data)
	return s
}

// slab is memory for many saved pages. It is free again when all of them are
// written.
type slab struct {
	pages []saved
	bytes []byte
}

const (
	slabPages = 128
	slabBytes = 64 << 10
)

func (s *slab) next() *saved {
	if len(s.pages) == cap(s.pages) {
		s.pages = make([]saved, 0, slabPages)
	}
	s.pages = s.pages[:len(s.pages)+1]
	return &s.pages[len(s.pages)-1]
}

// room returns an empty slice with room for n bytes.
func (s *slab) room(n int) []byte {
	if cap(s.bytes)-len(s.bytes) < n {
		s.bytes = make([]byte, 0, max(n, slabBytes))
	}
	return s.bytes[len(s.bytes):]
}

// take returns what was appended to room, which is not given out again.
func (s *slab) take(data []byte) []byte {
	if at := len(s.bytes); len(data) <= cap(s.bytes)-at { // else it has moved
		s.bytes = s.bytes[:at+len(data)]
	}
	return data[:len(data):len(data)]
}

// encode adds what is stored for the entries in slots. It does not panic, which
// would leave the task waiting for the page.
func (f *frozen) encode(to, slots []byte) (dst []byte, err error) {
	defer func() {
		if v := recover(); v != nil {
			dst, err = to, fmt.Errorf("an entry cannot be in a checkpoint: %v", v)
		}
	}()
	if f.entry.solid > 0 {
		return appendPacked(to, slots, f.size, f.entry.solid), nil
	}
	dst = to
	for ; len(slots) > 0; slots = slots[f.size:] {
		if p := unsafe.Pointer(unsafe.SliceData(slots)); *(*uint64)(p) != 0 {
			if dst, err = f.entry.append(dst, p, &f.texts); err != nil {
				return dst, err
			}
		}
	}
	return dst, nil
}

// write hands over what is stored for all entries, some pages at a time.
func (f *frozen) write(stop *atomic.Bool, put func(entries []byte) error) (err error) {
	var out, slots []byte
	step := 1
	if f.entry.flat { // other pages may take long
		step = pagesAtOnce
	}
	for page := 0; page < len(f.pages); page += step {
		if stop.Load() {
			return errReleased
		}
		if out, slots, err = f.take(page, min(page+step, len(f.pages)), out, slots[:0]); err != nil {
			return err
		}
		if len(out) >= blockSize {
			if err = put(out); err != nil {
				return err
			}
			out = out[:0]
		}
	}
	f.over.Store(true)
	return put(out)
}

// take adds what is stored for pages [from,to) to out; slots is scratch. The
// task waits for the lock only if it needs one of these pages right now.
func (f *frozen) take(from, to int, out, slots []byte) (_, _ []byte, err error) {
	lent := 0 // of the pages, a bit each: those that the task has taken
	f.mu.Lock()
	for page := from; page < to && err == nil; {
		end := page
		for end < to && f.pages[end].CompareAndSwap(untouched, saving) {
			end++
		}
		if end == page {
			lent |= 1 << (page - from)
			page++
			continue
		}
		if raw := f.raw(page, end); f.entry.flat && f.entry.solid == 0 {
			slots = append(slots, raw...)
		} else {
			out, err = f.encode(out, raw)
		}
		for ; page < end; page++ {
			f.pages[page].Store(written)
		}
	}
	f.mu.Unlock()
	if err == nil { // nobody waits for this
		out, err = f.encode(out, slots)
	}
	for ; lent != 0 && err == nil; lent &= lent - 1 {
		out, err = f.takeSaved(&f.pages[from+bits.TrailingZeros(uint(lent))], out)
	}
	return out, slots, err
}

// takeSaved adds what is stored for a page that the task has taken.
func (f *frozen) takeSaved(p *atomic.Uint32, out []byte) ([]byte, error) {
	page := p.Load()
	for ; page == saving; page = p.Load() { // the task has it for a moment
		runtime.Gosched()
	}
	p.Store(written)
	s := f.fetch(page)
	switch {
	case s.err != nil:
		return out, s.err
	case f.entry.flat:
		return f.encode(out, s.data)
	}
	return append(out, s.data...), nil
}
