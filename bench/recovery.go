package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/state"
	"github.com/affluxdev/afflux/state/pebble"
)

// Recovery is a job that counts in states of a process function, is stopped with
// a checkpoint, and goes on from it, mostly in another process.
type Recovery struct {
	Dir  string // of checkpoints, and of state on disk
	Disk bool   // where state is; in memory if not
	Keys int
}

// recoveryMemory is that of a subtask with state on disk.
const recoveryMemory = 64 << 20

// start starts the job. found is called with the count of a key before it is
// counted once more, by any subtask.
func (r Recovery) start(ctx context.Context, found func(int64)) (*afflux.Run, error) {
	j := afflux.NewJob("recovery", afflux.Parallelism(parallel),
		afflux.Checkpoints(filepath.Join(r.Dir, "checkpoints"), afflux.Every(0)), afflux.Restart(afflux.NoRestart()))
	if r.Disk {
		disk, err := pebble.In(filepath.Join(r.Dir, "state"), recoveryMemory)
		if err != nil {
			return nil, err
		}
		j.Set(afflux.StateOnDisk(disk))
	}
	out := sink[Small]{fold: sumSmall}
	const endless = 1 << 50
	afflux.From(j, "source", source[Small]{endless, r.fill}).Watermarks(afflux.InOrder()).
		KeyBy("key", (*Small).key).
		Process("count", func() *noting { return &noting{found: found} }).
		To("sum", &out)
	return j.Start(ctx)
}

// fill has all keys one after the other, and again.
func (r Recovery) fill(values []Small, times []event.Time, first, stream int) {
	for j := range values {
		i := first + j
		values[j] = Small{Key: uint64((i*parallel + stream) % r.Keys), Val: 1, TS: int64(i)}
		times[j] = event.Time(i)
	}
}

// noting counts the records of each key and tells what it had counted.
type noting struct {
	found  func(int64)
	counts *state.Value[int64]
}

// Open implements afflux.Processor.
func (n *noting) Open(ctx *afflux.OpenContext) error {
	n.counts = ctx.Value[int64]("count")
	return nil
}

// Process implements afflux.Processor.
func (n *noting) Process(*afflux.ProcessContext[uint64, Small], *Small) error {
	c := n.counts.Upsert()
	n.found(*c)
	*c++
	return nil
}

// Fill runs the job until it has counted all keys, and stops it with a
// checkpoint.
func (r Recovery) Fill(ctx context.Context) (kept Checkpointed, err error) {
	var keys atomic.Int64
	all := make(chan struct{})
	run, err := r.start(ctx, func(count int64) {
		if count == 0 && keys.Add(1) == int64(r.Keys) {
			close(all)
		}
	})
	if err != nil {
		return kept, err
	}
	select {
	case <-all:
	case <-run.Done():
		return kept, errors.Join(errors.New("the job ended before it had all keys"), run.Wait())
	}
	if err := errors.Join(run.Suspend(ctx), run.Wait()); err != nil {
		return kept, err
	}
	c := run.Snapshot().Checkpoints
	if c == nil || c.Last == nil {
		return kept, errors.New("there is no checkpoint")
	}
	return Checkpointed{Taken: c.Completed, Bytes: c.Last.Bytes, Sync: c.Last.MaxSync, Async: c.Last.MaxAsync, Duration: c.Last.Duration}, nil
}

// Recover starts the job again, calls first when it has processed a record, and
// cancels it. It returns the time that the engine took to find and read the
// checkpoint. It fails if a key has no count.
func (r Recovery) Recover(ctx context.Context, first func()) (restoring time.Duration, err error) {
	var once sync.Once
	var lost atomic.Bool
	some := make(chan struct{})
	run, err := r.start(ctx, func(count int64) {
		if count == 0 {
			lost.Store(true)
		}
		once.Do(func() { first(); close(some) })
	})
	if err != nil {
		return 0, err
	}
	select {
	case <-some:
	case <-run.Done():
		return 0, errors.Join(errors.New("the job ended before the first record"), run.Wait())
	}
	run.Cancel()
	<-run.Done()
	c := run.Snapshot().Checkpoints
	switch {
	case c == nil || c.Restored == nil:
		return 0, errors.New("the job began afresh")
	case lost.Load():
		return 0, fmt.Errorf("a key of %d was lost", r.Keys)
	}
	return c.Restored.Duration, nil
}
