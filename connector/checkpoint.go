package connector

import "context"

// Split is the place of a source in one of its splits.
type Split struct {
	// ID names the split for ever: a topic and partition, a path.
	ID string
	// Position says what was read of it; only the connector understands it.
	Position []byte
}

// Positioned is implemented by readers whose input can be read again from any
// place. Without it, a job that is recovered reads from the beginning, or from
// wherever the outside system thinks.
type Positioned interface {
	// Positions returns the place of every split of this reader, behind the
	// records that Poll has returned. Splits that have ended are among them: they
	// must not be read again. It is called between polls.
	Positions() ([]Split, error)
}

// Resume is where a source that is recovered goes on.
type Resume struct {
	// Splits are those of all readers at the checkpoint, whatever their number
	// was. A reader takes up those that are its own now; a split that is not
	// listed is new.
	Splits []Split
}

// Prepared is what a writer has written since the last time it was asked.
type Prepared struct {
	// Handle is what commits it, in this process or another; nil if there is
	// nothing to commit. The writer may fill it in until Durable of this or of a
	// later Prepare has returned: it is read after that, and never changes again.
	Handle []byte
	// Durable, if it is not nil, returns when all of it is safe. It is called by
	// another goroutine while the writer goes on.
	Durable func(ctx context.Context) error
}

// Preparer is implemented by writers that need not wait until what they wrote is
// durable, or that write so that nobody sees it before it is committed (two-phase
// commit). For other writers the engine calls Flush at each checkpoint.
type Preparer interface {
	// Prepare separates what was taken from what will be taken. It is called
	// between writes and does not wait.
	Prepare() (Prepared, error)
	// Commit makes visible what was prepared, once the checkpoint is complete;
	// handles come in the order they were prepared. It is called by another
	// goroutine, possibly during Write. To commit again what is committed is no
	// error. A handle of a checkpoint that was given up is committed with the
	// next one that is complete.
	Commit(ctx context.Context, handles [][]byte) error
}

// Recovery is what a sink has to finish before it is opened.
type Recovery struct {
	// Job and Operator name what wrote.
	Job, Operator string
	// Prepared are the handles of the checkpoint, of all subtasks, in order.
	Prepared [][]byte
	// Parallelism is the number of subtasks then, 0 if the job starts without a
	// checkpoint; Next the number now.
	Parallelism, Next int
}

// Recoverer is implemented by sinks whose writers are Preparers with handles.
type Recoverer interface {
	// Recover commits what the checkpoint says is prepared, and rolls back all
	// else that an earlier attempt of the job has left, which it also keeps from
	// going on. It is called once, before the writers are opened, also when a job
	// starts without a checkpoint.
	Recover(ctx context.Context, r Recovery) error
}
