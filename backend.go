package afflux

import (
	"fmt"

	"github.com/affluxdev/afflux/internal/transform"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/state"
	"github.com/affluxdev/afflux/state/memory"
	"github.com/affluxdev/afflux/state/paged"
)

// StateOnDisk lets the states of keyed operators be larger than memory: those in
// use are in memory, and the others on a disk, like pebble.In of package
// state/pebble. It holds for process functions and what is built on them, for
// Reduce and Aggregate, and for windows of all kinds. Results are the same as in
// memory, which is the default.
//
// Some things stay in memory: keys of process functions that have timers, and of
// each session when it ends. Keys must not hold floating-point numbers, and those
// of process functions no fields that are not exported. Accumulators may be of
// any type without functions and channels; a job that has another one fails
// when it starts.
func StateOnDisk(d state.Disk) JobOption { return jobOption(func(j *Job) { j.disk = d }) }

// backends is where the operators of a job keep their state. It is asked for
// when the job starts, since options may come after operators.
func backends[K comparable](j *Job) transform.Backends[K] {
	if j.disk == nil {
		return transform.InMemory(memory.NewBackend[K])
	}
	return func(ctx operator.Context) (state.Backend[K], error) {
		kv, err := openDisk(j.disk, ctx)
		if err != nil {
			return nil, err
		}
		b, err := paged.NewBackend[K](kv, j.disk.Resident())
		return b, unopened(kv, err)
	}
}

// tables is where the operators of a job keep accumulators.
func tables[K comparable, S any](j *Job) transform.Tables[K, S] {
	if j.disk == nil {
		return transform.InTables(memory.NewTables[K, S])
	}
	return func(ctx operator.Context) (state.Tables[K, S], error) {
		kv, err := openDisk(j.disk, ctx)
		if err != nil {
			return nil, err
		}
		t, err := paged.NewTables[K, S](kv, j.disk.Resident(), unwinding)
		return t, unopened(kv, err)
	}
}

// unwinding is what a table panics with when its disk fails: nothing that has
// been computed from then on may be emitted.
func unwinding(err error) any { return operator.Unwind{Err: err} }

// openDisk opens what a subtask keeps on a disk.
func openDisk(d state.Disk, ctx operator.Context) (state.KV, error) {
	index, _ := ctx.Subtask()
	return d.Open(ctx.Name(), index)
}

// unopened closes a store of bytes that could not be used because of err, if
// there is one.
func unopened(kv state.KV, err error) error {
	if err == nil {
		return nil
	}
	if failed := kv.Close(); failed != nil {
		return fmt.Errorf("%w; and closing it: %w", err, failed)
	}
	return err
}
