package realkafka

import (
	"context"
	"errors"
	"os"
)

// TB is what ForTest needs of a testing.TB.
type TB interface {
	Helper()
	TempDir() string
	Cleanup(func())
	Logf(format string, args ...any)
	Skipf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// ForTest starts a broker that is stopped when the test ends. Where Java or the
// jars are missing the test is skipped, and fails if the environment variable CI
// is set.
func ForTest(tb TB, properties map[string]string) *Broker {
	tb.Helper()
	b, err := Start(context.Background(), tb.TempDir(), properties)
	if err != nil {
		Missing(tb, err)
	}
	tb.Cleanup(func() {
		if err := b.Stop(); err != nil {
			tb.Logf("%v", err)
		}
	})
	return b
}

// Missing ends a test for which Start has failed: it is skipped if something is
// not installed and CI is not set.
func Missing(tb TB, err error) {
	tb.Helper()
	if errors.Is(err, ErrMissing) && os.Getenv("CI") == "" {
		tb.Skipf("NOT TESTED against Apache Kafka: %v", err)
	}
	tb.Fatalf("%v", err)
}
