package connectortest

import (
	"testing"

	"github.com/affluxdev/afflux/connector"
)

// Source tells the kit about a source.
type Source[T any] struct {
	// New prepares an outside system that holds exactly n records, whose keys
	// are 0 to n-1, and returns a source that reads them all.
	New func(tb testing.TB, n int) connector.Source[T]
	// Key returns the key of a record.
	Key func(v *T) int
	// More, if set, makes the source returned by New give n further records
	// with the keys from on, after it was opened. It is for sources that wait
	// for data.
	More func(tb testing.TB, from, n int)
	// Bad, if set, returns a source of n good records with the keys 0 to n-1
	// and bad inputs among them that must be rejected.
	Bad func(tb testing.TB, n, bad int) connector.Source[T]
	// Part, if set, names the split that a record stands in, as the outside
	// system knows it. All records of one Poll must come from the same.
	Part func(v *T) string
	// Slack is by how many bytes a Poll may go over its limit, beyond its
	// last record. Zero stands for 4 KiB.
	Slack int64
	// Positioned says that the readers must implement connector.Positioned.
	// Readers that do are held to it in any case: positions are taken at random
	// polls, and the source that New returned is opened again with them, by other
	// numbers of subtasks. So one source value is opened several times.
	Positioned bool
	// Once says that the input cannot be read again: a reader that had begun must
	// be refused with an error when it is resumed.
	Once bool
	// Settle, if set, ends what the outside system itself runs, before the
	// kit looks for goroutines left behind.
	Settle func()
}

// TestSource checks a source against the contract. Every clause is a subtest.
func TestSource[T any](t *testing.T, h Source[T]) {
	t.Helper()
	run(t, h, sourceChecks[T](), h.Settle)
}

func sourceChecks[T any]() []check[Source[T]] {
	return []check[Source[T]]{
		{"describe", checkDescribe[T]},
		{"every record once at parallelism 1", func(tb testing.TB, h Source[T]) error { return checkOnce(tb, h, 1) }},
		{"every record once at parallelism 2", func(tb testing.TB, h Source[T]) error { return checkOnce(tb, h, 2) }},
		{"every record once at parallelism 3", func(tb testing.TB, h Source[T]) error { return checkOnce(tb, h, 3) }},
		{"limit of records", checkRecordLimit[T]},
		{"limit of bytes", checkByteLimit[T]},
		{"wakes when records arrive", checkMore[T]},
		{"rejects bad input", checkBad[T]},
		{"an error of Reject ends the poll", checkRefuse[T]},
		{"close at any moment", checkReaderClose[T]},
		{"resumes at its positions", checkResume[T]},
		{"resumes after its end", checkEnded[T]},
		{"resumes without positions", checkNewSplits[T]},
		{"refuses damaged positions", checkDamaged[T]},
		{"refuses to read again what is gone", checkRefused[T]},
	}
}
