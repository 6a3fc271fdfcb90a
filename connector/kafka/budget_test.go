package kafka

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// verbatim is a decompressor that does nothing.
type verbatim struct{}

func (verbatim) Decompress(src []byte, _ kgo.CompressionCodecType) ([]byte, error) { return src, nil }

// batchOf makes the body of a batch of n records that cost what a record of
// size bytes costs.
func batchOf(n, size int) []byte {
	var b []byte
	for range n {
		b = binary.AppendVarint(b, int64(size))
		b = append(b, make([]byte, size)...)
	}
	return b
}

func TestBudget(t *testing.T) {
	const kib = 1 << 10
	b := newBudget(300*kib, 2) // a share of 50 KiB
	b.inner = verbatim{}
	take := func(n int) string { // n records of about 1 KiB
		_, err := b.Decompress(batchOf(n, kib-recordOverhead), kgo.CodecZstd)
		switch {
		case err == nil:
			return "taken"
		case errors.Is(err, kgo.ErrMaxDecompress):
			return "never"
		case kerr.IsRetriable(err):
			return "later"
		}
		return err.Error()
	}
	next := func() { b.OnBrokerRead(kgo.BrokerMetadata{}, 1, 0, 0, 0, nil) }
	other := func() { b.OnBrokerRead(kgo.BrokerMetadata{}, 3, 0, 0, 0, nil) }

	for _, step := range []struct {
		do   func()
		n    int
		want string
	}{
		{next, 30, "taken"},
		{nil, 15, "taken"},
		{nil, 15, "later"}, // 45 of 50 KiB are used
		{other, 15, "later"},
		{next, 15, "taken"},
		{nil, 60, "later"},  // larger than a share, and not alone
		{next, 60, "taken"}, // alone, and the reader is empty
		{nil, 1, "later"},
		{func() { next(); b.held.Store(200 * kib) }, 60, "later"}, // no room for it
		{nil, 40, "taken"}, // within a share there always is
		{func() { next(); b.held.Store(0) }, 249, "taken"},
		{next, 251, "never"},
	} {
		if step.do != nil {
			step.do()
		}
		if got := take(step.n); got != step.want {
			t.Errorf("a batch of %d KiB: %s, want %s", step.n, got, step.want)
		}
	}
}

func TestFetchSizeFollowsCost(t *testing.T) {
	b := newBudget(240<<20, 1) // a share of 80 MiB
	if got := b.size(1 << 30); got != 10<<20 {
		t.Errorf("at first %d bytes, want a share less the expansion assumed", got)
	}
	read := func(raw, cost, n int) {
		b.OnFetchBatchRead(kgo.BrokerMetadata{}, "", 0, kgo.FetchBatchMetrics{NumRecords: n, CompressedBytes: raw, UncompressedBytes: cost - n*recordOverhead})
	}
	read(1000, 80_000, 10) // eighty times: asked for less at once
	if got := b.size(1 << 30); got != 1<<20 {
		t.Errorf("%d bytes, want 1 MiB", got)
	}
	for range 100 { // as it is: asked for more step by step
		read(1_000_000, 1_000_000+10*recordOverhead, 10)
		b.size(1 << 30)
	}
	if got := b.size(1 << 30); got < 79<<20 || got > 80<<20 {
		t.Errorf("%d bytes, want about 80 MiB", got)
	}
	if got := b.size(5 << 20); got != 5<<20 {
		t.Errorf("%d bytes, more than the limit", got)
	}
	read(1, 1<<30, 1)
	if got := b.size(5 << 20); got != minFetch {
		t.Errorf("%d bytes, want the least", got)
	}
}

func FuzzCountRecords(f *testing.F) {
	f.Add([]byte{})
	f.Add(batchOf(3, 7))
	f.Add([]byte(strings.Repeat("\xff", 20)))
	f.Add(binary.AppendVarint(nil, -5))
	f.Fuzz(func(t *testing.T, data []byte) {
		n := countRecords(data)
		if n < 0 || n > int64(len(data)) {
			t.Fatalf("%d records in %d bytes", n, len(data))
		}
		whole := bytes.Clone(data[:0:0])
		for range n % 100 {
			whole = append(whole, batchOf(1, 3)...)
		}
		if got := countRecords(whole); got != n%100 {
			t.Fatalf("counted %d records of %d", got, n%100)
		}
	})
}
