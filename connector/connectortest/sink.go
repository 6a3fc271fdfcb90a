package connectortest

import (
	"testing"

	"github.com/affluxdev/afflux/connector"
)

// Sink tells the kit about a sink.
type Sink[T any] struct {
	// New prepares an empty outside system. It returns a sink that writes to
	// it and a function that reads the records it shows as complete.
	New func(tb testing.TB) (sink connector.Sink[T], read func(tb testing.TB) []T)
	// Record makes the record with the key k.
	Record func(k int) T
	// Key returns the key of a record.
	Key func(v *T) int
	// Bad, if set, is a record that the sink can never write and must reject.
	Bad *T
	// Scribble, if set, overwrites the memory that a record points to. The
	// kit overwrites the record itself.
	Scribble func(v *T)
	// Atomic says that nothing is complete before Close after a Flush. It is
	// false for systems such as a log, in which a record stands once it is
	// written; there what Flush returned for must be readable at once.
	Atomic bool
	// TwoPhase says that the writers must implement connector.Preparer with
	// handles, and the sink connector.Recoverer. Sinks whose writers do are held to
	// it in any case. Then the function to read must return what is committed, and
	// wait for commits that the outside system is still carrying out; the sink that
	// New returned is opened several times, with Recover before, by other numbers
	// of subtasks.
	TwoPhase bool
	// Settle, if set, ends what the outside system itself runs, before the
	// kit looks for goroutines left behind.
	Settle func()
}

// TestSink checks a sink against the contract. Every clause is a subtest.
func TestSink[T any](t *testing.T, h Sink[T]) {
	t.Helper()
	run(t, h, sinkChecks[T](), h.Settle)
}

func sinkChecks[T any]() []check[Sink[T]] {
	return []check[Sink[T]]{
		{"every record once at parallelism 1", func(tb testing.TB, h Sink[T]) error { return checkWritten(tb, h, 1) }},
		{"every record once at parallelism 2", func(tb testing.TB, h Sink[T]) error { return checkWritten(tb, h, 2) }},
		{"every record once at parallelism 3", func(tb testing.TB, h Sink[T]) error { return checkWritten(tb, h, 3) }},
		{"no record at all", checkNothing[T]},
		{"flush is durable", checkFlush[T]},
		{"close without flush", checkNoFlush[T]},
		{"rejects bad records", checkBadRecord[T]},
		{"close at any moment", checkWriterClose[T]},
		{"prepares and commits", checkPrepare[T]},
		{"prepares nothing", checkNothingPrepared[T]},
		{"commits what was given up before", checkGivenUp[T]},
		{"recovers from a crash", checkRecover[T]},
	}
}
