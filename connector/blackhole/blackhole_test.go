package blackhole_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/connector/blackhole"
	"github.com/affluxdev/afflux/connector/connectortest"
	"github.com/affluxdev/afflux/event"
)

type drop struct {
	N    int
	Text string
}

// recorder keeps what a Hole was given, since a Hole itself cannot be read.
type recorder struct {
	*blackhole.Hole[drop]
	got []drop
}

func (r *recorder) Open(ctx context.Context, sub connector.Subtask) (connector.Writer[drop], error) {
	w, err := r.Hole.Open(ctx, sub)
	return &recording{Writer: w, r: r}, err
}

type recording struct {
	connector.Writer[drop]
	r *recorder
}

func (w *recording) Write(b *event.Records[drop], from int) (int, error) {
	n, err := w.Writer.Write(b, from)
	w.r.got = append(w.r.got, b.Values[from:from+n]...)
	return n, err
}

func TestContract(t *testing.T) {
	for name, o := range map[string][]blackhole.Option{"fast": nil, "slow": {blackhole.Rate(100_000)}} {
		t.Run(name, func(t *testing.T) {
			connectortest.TestSink(t, connectortest.Sink[drop]{
				New: func(testing.TB) (connector.Sink[drop], func(testing.TB) []drop) {
					r := &recorder{Hole: blackhole.Sink[drop](o...)}
					return r, func(tb testing.TB) []drop {
						if r.Records() != int64(len(r.got)) {
							tb.Errorf("Records says %d, %d were taken", r.Records(), len(r.got))
						}
						return r.got
					}
				},
				Record: func(k int) drop { return drop{k, "text"} },
				Key:    func(v *drop) int { return v.N },
			})
		})
	}
}

func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hole := blackhole.Sink[drop](blackhole.Rate(2000))
		wake := make(chan struct{}, 1)
		w, err := hole.Open(context.Background(), connector.Subtask{Parallelism: 2, Wake: func() {
			select {
			case wake <- struct{}{}:
			default:
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		b := event.NewRecords[drop](3000)
		for k := range 3000 {
			b.Append(drop{k, "abcd"}, 0)
		}
		start := time.Now()
		for next := 0; next < 3000; {
			n, err := w.Write(b, next)
			if err != nil {
				t.Fatal(err)
			}
			if next += n; next < 3000 {
				<-wake
			}
		}
		if took := time.Since(start); took < 2950*time.Millisecond || took > 3100*time.Millisecond {
			t.Errorf("3000 records at 1000/s for this subtask took %v", took)
		}
		if got, want := hole.Bytes(), b.Bytes(); got != want {
			t.Errorf("counted %d bytes, want %d", got, want)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestWrongRate(t *testing.T) {
	if _, err := blackhole.Sink[drop](blackhole.Rate(-1)).Open(context.Background(), connector.Subtask{Parallelism: 1}); err == nil {
		t.Error("a negative rate was accepted")
	}
}
