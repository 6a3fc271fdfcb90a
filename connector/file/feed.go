package file

import (
	"io"
	"os"
	"sync"
	"sync/atomic"
)

// chunk and chunks bound what a feed holds ahead: 8 × 64 KiB.
const (
	chunk  = 64 << 10
	chunks = 8
)

// feed reads standard input on a goroutine of its own, so that Poll does not
// wait. Its Read returns errNothing when nothing is at hand.
type feed struct {
	wake   func()
	held   *atomic.Int64 // bytes in full and whole
	full   chan []byte   // in order; closed at the end
	empty  chan []byte
	stop   chan struct{}
	wg     sync.WaitGroup
	err    error // why full was closed; read after it
	waits  atomic.Bool
	rest   []byte // of the chunk being read
	whole  []byte // that chunk
	source *patient
}

func startFeed(in *os.File, how compression, done, held *atomic.Int64, wake func()) (*feed, error) {
	source, err := newPatient(in)
	if err != nil {
		return nil, err
	}
	f := &feed{wake: wake, held: held, full: make(chan []byte, chunks), empty: make(chan []byte, chunks), stop: make(chan struct{}), source: source}
	for range chunks {
		f.empty <- nil
	}
	f.wg.Go(func() {
		f.err = f.run(counted{source, done}, how)
		close(f.full)
		f.wake()
	})
	return f, nil
}

// run passes chunks on until the input ends or close is called.
func (f *feed) run(in io.Reader, how compression) error {
	r, free, err := decompress(in, how)
	if err != nil {
		return err
	}
	defer free()
	for {
		var b []byte
		select {
		case b = <-f.empty:
		case <-f.stop:
			return os.ErrClosed
		}
		if b == nil {
			b = make([]byte, chunk)
		}
		n, err := r.Read(b)
		if n > 0 {
			f.held.Add(int64(n))
			f.full <- b[:n] // has room: there are no more chunks than that
			if f.waits.Swap(false) {
				f.wake()
			}
		} else {
			f.empty <- b
		}
		if err != nil {
			return err
		}
	}
}

// Read implements io.Reader without waiting.
func (f *feed) Read(p []byte) (int, error) {
	if len(f.rest) == 0 {
		if f.whole != nil {
			f.held.Add(int64(-len(f.whole)))
			f.empty <- f.whole[:chunk]
			f.whole = nil
		}
		b, ok, at := f.take()
		switch {
		case !at:
			return 0, errNothing
		case !ok:
			return 0, f.err
		}
		f.whole, f.rest = b, b
	}
	n := copy(p, f.rest)
	f.rest = f.rest[n:]
	return n, nil
}

// take returns the next chunk; at is false when none is at hand, and a wake-up
// will follow.
func (f *feed) take() (b []byte, ok, at bool) {
	for range 2 {
		select {
		case b, ok = <-f.full:
			return b, ok, true
		default:
		}
		f.waits.Store(true) // look once more: a chunk may have come before this was set
	}
	return nil, false, false
}

func (f *feed) close() {
	close(f.stop)
	f.source.cancel()
	f.wg.Wait()
	f.held.Store(0)
	f.source.free()
}
