package afflux

import (
	"fmt"

	"github.com/affluxdev/afflux/internal/transform"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/state"
	"github.com/affluxdev/afflux/state/memory"
	"github.com/affluxdev/afflux/state/paged"
)

// StateOnDisk lets the states of process functions, and of the operators built
// on them, be larger than memory: those in use are in memory, and the others on
// a disk, like pebble.In of package state/pebble. Results are the same as in
// memory, which is the default.
//
// Keys with timers stay in memory. Keys must not hold floating-point numbers,
// nor fields that are not exported.
func StateOnDisk(d state.Disk) JobOption { return jobOption(func(j *Job) { j.disk = d }) }

// backends is where the operators of a job keep their state. It is asked for
// when the job starts, since options may come after operators.
func backends[K comparable](j *Job) transform.Backends[K] {
	if j.disk == nil {
		return transform.InMemory(memory.NewBackend[K])
	}
	return func(ctx operator.Context) (state.Backend[K], error) {
		index, _ := ctx.Subtask()
		kv, err := j.disk.Open(ctx.Name(), index)
		if err != nil {
			return nil, err
		}
		b, err := paged.NewBackend[K](kv, j.disk.Resident())
		if err != nil {
			if failed := kv.Close(); failed != nil {
				return nil, fmt.Errorf("%w; and closing it: %w", err, failed)
			}
			return nil, err
		}
		return b, nil
	}
}

// tables is where the operators of a job keep accumulators.
func tables[K comparable, S any](*Job) transform.Tables[K, S] {
	return transform.InTables(memory.NewTable[K, S])
}
