package file

import (
	"context"
	"os"
	"sync"
)

// relayLimit is how many bytes wait for standard output before a writer
// presses; the batch being written may add as many again.
const relayLimit = 256 << 10

// relay writes to standard output on a goroutine of its own, so that a program
// that reads slowly presses the job and does not hold up its task.
type relay struct {
	out  *os.File
	gate *gate
	wake func()
	wg   sync.WaitGroup
	work chan struct{} // holds at most one: something to write, or stop

	mu      sync.Mutex
	pending []byte
	writing bool
	waits   bool          // the writer was told that the relay is full
	dry     chan struct{} // closed when all is written or has failed; nil if nobody waits
	err     error
	stopped bool
}

func startRelay(out *os.File, wake func()) (*relay, error) {
	g, err := newGate(out)
	if err != nil {
		return nil, err
	}
	r := &relay{out: out, gate: g, wake: wake, work: make(chan struct{}, 1)}
	r.wg.Go(r.run)
	return r, nil
}

func (r *relay) name() string { return "standard output" }

func (r *relay) run() {
	var batch []byte
	for range r.work {
		for {
			r.mu.Lock()
			if r.stopped {
				r.mu.Unlock()
				return
			}
			batch, r.pending = r.pending, batch[:0]
			r.writing = len(batch) > 0
			if !r.writing {
				if r.dry != nil {
					close(r.dry)
					r.dry = nil
				}
				r.mu.Unlock()
				break
			}
			r.mu.Unlock()
			err := r.gate.write(batch)
			r.mu.Lock()
			r.writing = false
			if err != nil {
				r.err, r.pending = err, nil
			}
			waits := r.waits
			r.waits = false
			r.mu.Unlock()
			if waits {
				r.wake()
			}
		}
	}
}

func (r *relay) signal() {
	select {
	case r.work <- struct{}{}:
	default:
	}
}

// Write queues p.
func (r *relay) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return 0, r.err
	}
	r.pending = append(r.pending, p...)
	r.signal()
	return len(p), nil
}

// full tells whether the writer must wait; a wake-up follows if so.
func (r *relay) full() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waits = len(r.pending) >= relayLimit
	return r.waits
}

// sync waits until everything is written.
func (r *relay) sync(ctx context.Context) error {
	r.mu.Lock()
	if r.err != nil || len(r.pending) == 0 && !r.writing {
		defer r.mu.Unlock()
		return r.err
	}
	if r.dry == nil {
		r.dry = make(chan struct{})
	}
	dry := r.dry
	r.signal()
	r.mu.Unlock()
	select {
	case <-dry:
	case <-ctx.Done():
		return ctx.Err()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// finish writes the end of a compressed stream.
func (r *relay) finish() error {
	err := r.sync(context.Background())
	_ = r.abandon()
	return err
}

// abandon drops what is not written. Standard output stays open: it belongs to
// the process.
func (r *relay) abandon() error {
	r.mu.Lock()
	r.stopped = true
	r.signal()
	r.mu.Unlock()
	r.gate.cancel()
	r.wg.Wait()
	r.gate.free()
	return nil
}
