package bench

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/state"
	"github.com/affluxdev/afflux/state/memory"
	"github.com/affluxdev/afflux/state/paged"
	"github.com/affluxdev/afflux/state/pebble"
)

// Disk is what counters per key cost on a disk: all keys are counted once, in
// order of their numbers, and then evenly at random, which is the worst case: no
// key is used again soon.
type Disk struct {
	Keys, Updates int
	Budget        int64 // for all that the process holds
	Load, Update  DiskPhase
	Peak          int64 // resident memory of the process at its highest
	Held          int64 // what the backend says that it holds
	Stored        int64 // bytes of files at the end
	Raw           DiskPhase
	RawHeld       int64
}

// DiskPhase is one part of a measurement.
type DiskPhase struct {
	Rate float64       // per second
	CPU  time.Duration // of all threads, for each
}

func phase(n int, took, used time.Duration) DiskPhase {
	return DiskPhase{float64(n) / took.Seconds(), used / time.Duration(n)}
}

const diskBatch = 256 // records that a task handles together

// Of the budget, thirteen sixteenths are for the state. The limit that Go is told is
// lower than the budget by what Pebble allocates outside of it: a quarter of the
// state's part, and the program itself.
const (
	stateSixteenths = 13
	programSize     = 20 << 20
)

// MeasureDisk counts in Pebble, in files under dir, with a budget in bytes, and
// then makes the same updates to a table in memory. It fails when counts differ.
func MeasureDisk(dir string, budget int64, keys, updates int) (d *Disk, err error) {
	dir, err = os.MkdirTemp(dir, "afflux-bench-*")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	d = &Disk{Keys: keys, Updates: updates, Budget: budget}
	limit := debug.SetMemoryLimit(budget - d.forState()/4 - programSize)
	debug.FreeOSMemory()
	stop, peak := watchMemory()
	sum, err := d.onDisk(dir)
	stop()
	debug.SetMemoryLimit(limit)
	d.Peak = peak.bytes
	if err != nil {
		return nil, err
	}
	debug.FreeOSMemory()
	if want := d.inMemory(); sum != want {
		return nil, fmt.Errorf("the counts on disk add up to %d, in memory to %d", sum, want)
	}
	return d, nil
}

func (d *Disk) forState() int64 { return d.Budget / 16 * stateSixteenths }

// keyOf is the key of a record of the second phase.
func (d *Disk) keyOf(i int) uint64 { return scramble(uint64(i)) % uint64(d.Keys) }

func (d *Disk) onDisk(dir string) (sum uint64, err error) {
	disk, err := pebble.In(dir, d.forState())
	if err != nil {
		return 0, err
	}
	kv, err := disk.Open("count", 0)
	if err != nil {
		return 0, err
	}
	b, err := paged.NewBackend[uint64](kv, disk.Resident())
	if err != nil {
		return 0, errors.Join(err, kv.Close())
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	counts := state.NewValue[int64](b.Store(), "count")
	if err := b.Store().Seal(); err != nil {
		return 0, err
	}
	var keys, hashes [diskBatch]uint64
	var slots [diskBatch]uint32
	count := func(n int, key func(int) uint64) (DiskPhase, error) {
		start, before := time.Now(), cpuTime()
		for i := 0; i < n; i += diskBatch {
			m := min(diskBatch, n-i)
			for j := range m {
				keys[j] = key(i + j)
				hashes[j] = event.HashUint64(keys[j])
			}
			if err := b.Select(keys[:m], hashes[:m], slots[:m]); err != nil {
				return DiskPhase{}, err
			}
			for _, slot := range slots[:m] {
				b.Store().Use(slot)
				c := counts.Upsert()
				*c++
				sum += uint64(*c)
			}
			if err := b.Settle(keys[:m], hashes[:m], slots[:m]); err != nil {
				return DiskPhase{}, err
			}
		}
		return phase(n, time.Since(start), cpuTime()-before), nil
	}
	if d.Load, err = count(d.Keys, func(i int) uint64 { return uint64(i) }); err != nil {
		return 0, err
	}
	if d.Update, err = count(d.Updates, d.keyOf); err != nil {
		return 0, err
	}
	d.Held, d.Stored = b.Bytes(), sizeOf(dir)
	return sum, nil
}

// inMemory is the same in a table.
func (d *Disk) inMemory() (sum uint64) {
	var keys, hashes [diskBatch]uint64
	var out [diskBatch]*int64
	t := memory.NewTable[uint64, int64]()
	count := func(n int, key func(int) uint64) DiskPhase {
		start, before := time.Now(), cpuTime()
		for i := 0; i < n; i += diskBatch {
			m := min(diskBatch, n-i)
			for j := range m {
				keys[j] = key(i + j)
				hashes[j] = event.HashUint64(keys[j])
			}
			t.Lookup(keys[:m], hashes[:m], out[:m])
			for _, c := range out[:m] {
				*c++
				sum += uint64(*c)
			}
		}
		return phase(n, time.Since(start), cpuTime()-before)
	}
	count(d.Keys, func(i int) uint64 { return uint64(i) })
	d.Raw = count(d.Updates, d.keyOf)
	d.RawHeld = t.Bytes()
	return sum
}

func sizeOf(dir string) (n int64) {
	_ = filepath.WalkDir(dir, func(_ string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil //nolint:nilerr // files come and go meanwhile
		}
		if info, err := e.Info(); err == nil {
			n += info.Size()
		}
		return nil
	})
	return n
}

type highest struct{ bytes int64 }

// watchMemory looks at the memory of the process many times a second until
// stop is called. Then the highest may be read.
func watchMemory() (stop func(), h *highest) {
	h = &highest{}
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			h.bytes = max(h.bytes, residentMemory())
			select {
			case <-done:
				return
			case <-tick.C:
			}
		}
	})
	return func() { close(done); wg.Wait() }, h
}
