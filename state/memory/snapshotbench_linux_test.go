package memory_test

import (
	"io"
	"iter"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/state"
	"github.com/affluxdev/afflux/state/memory"
	"github.com/affluxdev/afflux/state/statetest"
)

// worked is the processor time of this thread: what other programs take from
// the machine is not in it.
func worked() time.Duration {
	const ofThread = 3 // CLOCK_THREAD_CPUTIME_ID
	var t syscall.Timespec
	if _, _, err := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, ofThread, uintptr(unsafe.Pointer(&t)), 0); err != 0 {
		panic(err)
	}
	return time.Duration(t.Nano())
}

// stops measures what a snapshot costs the task: step handles a batch of evenly
// distributed keys, snapshot begins a snapshot, which is written by another
// goroutine meanwhile. It reports the call of Snapshot, the longest batch in
// processor time and by the clock while the snapshot is written and without one,
// how much longer batches took in processor time, and how long it was written.
func stops(b *testing.B, step func(numbers []uint64), snapshot func(state.Snapshot)) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	numbers := make([]uint64, benchBatch)
	x := uint64(7)
	var cpu, clock []time.Duration
	batch := func() {
		x = draw(numbers, x)
		start, work := time.Now(), worked()
		step(numbers)
		cpu, clock = append(cpu, worked()-work), append(clock, time.Since(start))
	}
	for from := uint64(0); from < benchKeys; from += benchBatch { // all keys, so that none comes later
		for i := range numbers {
			numbers[i] = (from + uint64(i)) % benchKeys
		}
		step(numbers)
	}
	medians := map[string][]float64{}
	add := func(d time.Duration, unit string) { medians[unit] = append(medians[unit], float64(d)/1e6) }
	sum := func(all []time.Duration) (s time.Duration) {
		for _, d := range all {
			s += d
		}
		return s
	}
	for b.Loop() {
		cpu, clock = cpu[:0], clock[:0]
		for range benchKeys / benchBatch {
			batch()
		}
		mean := sum(cpu) / time.Duration(len(cpu))
		add(slices.Max(cpu), "cpu-ms/longest-without")
		add(slices.Max(clock), "ms/longest-without")
		cpu, clock = cpu[:0], clock[:0]
		start, work := time.Now(), worked()
		last := &captures{}
		snapshot(last)
		add(worked()-work, "cpu-ms/call")
		done := make(chan error, 1)
		go func() { done <- last.write(io.Discard) }()
		for running := true; running; {
			select {
			case err := <-done:
				if err != nil {
					b.Fatal(err)
				}
				running = false
			default:
				batch()
			}
		}
		add(time.Since(start), "ms/written")
		add(slices.Max(cpu), "cpu-ms/longest")
		add(slices.Max(clock), "ms/longest")
		add(sum(cpu)-mean*time.Duration(len(cpu)), "cpu-ms/slower-in-sum")
	}
	for unit, all := range medians {
		slices.Sort(all)
		b.ReportMetric(all[len(all)/2], unit)
	}
}

// restoring reports how long it takes to restore a snapshot.
func restoring(b *testing.B, restore func(state.Restoration) error, snapshot func(state.Snapshot)) {
	from := &statetest.Kept{}
	snapshot(from)
	if err := from.Write(); err != nil {
		b.Fatal(err)
	}
	runtime.GC()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	start, work := time.Now(), worked()
	if err := restore(statetest.Restored{Parallelism: 1, From: []*statetest.Kept{from}}); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(time.Since(start))/1e6, "ms/restored")
	b.ReportMetric(float64(worked()-work)/1e6, "cpu-ms/restored")
}

func benchTables[K comparable](b *testing.B, keyOf func(uint64) K) {
	all := memory.NewTables[K, count]()
	table := all.New()
	hash, err := event.HasherOf[K]()
	if err != nil {
		b.Fatal(err)
	}
	names := make([]K, benchKeys)
	for i := range names {
		names[i] = keyOf(uint64(i))
	}
	keys, hashes, out := make([]K, benchBatch), make([]uint64, benchBatch), make([]*count, benchBatch)
	snapshot := func(k state.Snapshot) {
		one := iter.Seq2[string, state.Table[K, count]](func(yield func(string, state.Table[K, count]) bool) { yield("all", table) })
		if err := all.Snapshot(k, one); err != nil {
			b.Fatal(err)
		}
	}
	stops(b, func(numbers []uint64) {
		for i, n := range numbers {
			keys[i] = names[n]
			hashes[i] = hash(&keys[i])
		}
		table.Lookup(keys, hashes, out)
		for _, s := range out {
			s.n++
		}
	}, snapshot)
	restoring(b, func(r state.Restoration) error {
		return memory.NewTables[K, count]().Restore(r, func(_ string, t state.Table[K, count]) error {
			if t.Len() != table.Len() {
				b.Fatalf("%d keys restored of %d", t.Len(), table.Len())
			}
			return nil
		})
	}, snapshot)
}

func BenchmarkSnapshotIntKeys(b *testing.B) { benchTables(b, func(i uint64) uint64 { return i }) }

func BenchmarkSnapshotStringKeys(b *testing.B) {
	benchTables(b, func(i uint64) string { return number(int(i)) })
}

func BenchmarkSnapshotLongStringKeys(b *testing.B) {
	benchTables(b, func(i uint64) string { return long(int(i)) })
}

func BenchmarkSnapshotBackend(b *testing.B) {
	open := func() (state.Backend[uint64], *state.Value[int64]) {
		own := memory.NewBackend[uint64]()
		n := state.NewValue[int64](own.Store(), "n")
		if err := own.Store().Seal(); err != nil {
			b.Fatal(err)
		}
		return own, n
	}
	own, n := open()
	hashes, slots := make([]uint64, benchBatch), make([]uint32, benchBatch)
	snapshot := func(k state.Snapshot) {
		if err := own.Snapshot(k); err != nil {
			b.Fatal(err)
		}
	}
	stops(b, func(numbers []uint64) {
		for i := range numbers {
			hashes[i] = event.HashUint64(numbers[i])
		}
		err := own.Select(numbers, hashes, slots)
		if err != nil {
			b.Fatal(err)
		}
		for _, slot := range slots {
			own.Store().Use(slot)
			*n.Upsert()++
		}
		if err := own.Settle(numbers, hashes, slots); err != nil {
			b.Fatal(err)
		}
	}, snapshot)
	restored, _ := open()
	restoring(b, restored.Restore, snapshot)
	if restored.Len() != own.Len() {
		b.Fatalf("%d keys restored of %d", restored.Len(), own.Len())
	}
}
