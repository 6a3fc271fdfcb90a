package file

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/affluxdev/afflux/codec"
	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/connector/connectortest"
	"github.com/affluxdev/afflux/event"
)

func TestStandardOutput(t *testing.T) {
	r, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	s := Sink[line](stdio, CSV()).(*sink[line])
	s.stdout = out
	w, err := s.Open(context.Background(), connector.Subtask{Parallelism: 1})
	if err != nil {
		t.Fatal(err)
	}
	b := event.NewRecords[line](1)
	b.Append(line{1, "f", "t"}, 0)
	if n, err := w.Write(b, 0); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	// A batch can be seen before the Flush.
	buf := make([]byte, 100)
	n, err := r.Read(buf)
	if got, want := string(buf[:n]), "n,file,text\n1,f,t\n"; got != want || err != nil {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	if err := errors.Join(w.Flush(context.Background()), w.Close(), out.Close()); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(r); len(rest) > 0 || err != nil {
		t.Errorf("Flush and Close wrote %q more, %v", rest, err)
	}
	if _, err := s.Open(context.Background(), connector.Subtask{Parallelism: 2}); err == nil {
		t.Error("standard output was opened by two subtasks")
	}
}

func TestStandardInputIsBounded(t *testing.T) {
	src, in := piped(t, JSON())
	r, err := src.Open(context.Background(), connector.Subtask{Parallelism: 1, Wake: func() {}})
	if err != nil {
		t.Fatal(err)
	}
	written := make(chan struct{})
	go func() {
		defer close(written)
		_, _ = io.WriteString(in, strings.Repeat(row(".jsonl", 1, ""), 50_000))
		_ = in.Close()
	}()
	records := 0
	for {
		dst := event.NewRecords[line](100)
		st, err := r.Poll(dst, connector.Limit{Records: 100, Bytes: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		records += dst.Len()
		if held, bound := r.(connector.Buffered).Buffered(); held < 0 || held > bound {
			t.Fatalf("%d bytes are held, the bound is %d", held, bound)
		}
		if st.State == connector.Done {
			break
		}
	}
	<-written
	if records != 50_000 {
		t.Errorf("got %d records", records)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// cells is a row whose columns are known only at run time.
type cells map[string]string

type cellRows struct{ columns []string }

func (c cellRows) NewDecoder() codec.RowDecoder[cells] { return &cellDecoder{} }
func (c cellRows) NewEncoder() codec.RowEncoder[cells] { return c }
func (c cellRows) Header() []string                    { return c.columns }

func (c cellRows) EncodeRow(row *codec.Row, v *cells) error {
	for _, name := range c.columns {
		row.Text((*v)[name])
	}
	return nil
}

type cellDecoder struct{ columns []string }

func (d *cellDecoder) Header(columns []string) error {
	d.columns = columns
	return nil
}

func (d *cellDecoder) DecodeRow(fields []string, v *cells) error {
	*v = cells{}
	for i, f := range fields {
		(*v)[d.columns[i]] = strings.Clone(f)
	}
	return nil
}

// TestOwnRows takes rows of a type of the caller's through a file.
func TestOwnRows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.csv.zst")
	rows := cellRows{[]string{"b", "a"}}
	w, err := Sink[cells](path, Rows(rows)).Open(context.Background(), connector.Subtask{Parallelism: 1})
	if err != nil {
		t.Fatal(err)
	}
	b := &event.Records[cells]{Values: []cells{{"a": "1", "b": "x,y"}, {"a": "2"}}, Times: make([]event.Time, 2)}
	_, err = w.Write(b, 0)
	if err = errors.Join(err, w.Flush(context.Background()), w.Close()); err != nil {
		t.Fatal(err)
	}
	got, _, err := readAll(Source[cells](path, Rows(rows)))
	if err != nil || !slices.EqualFunc(got, b.Values, func(x, y cells) bool { return x["a"] == y["a"] && x["b"] == y["b"] }) {
		t.Errorf("got %v, %v, want %v", got, err, b.Values)
	}
	if _, _, err := readAll(Source[line](path, Rows(rows))); err == nil || !strings.Contains(err.Error(), "rows of file.line") {
		t.Errorf("rows of another type: got %v", err)
	}
}

// TestStandardOutputPresses fills a pipe that nobody reads, then reads it.
func TestStandardOutputPresses(t *testing.T) {
	r, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer out.Close()
	s := Sink[line](stdio, JSON()).(*sink[line])
	s.stdout = out
	wake := make(chan struct{}, 1)
	sub := connector.Subtask{Parallelism: 1, Wake: func() {
		select {
		case wake <- struct{}{}:
		default:
		}
	}}
	b := event.NewRecords[line](30_000)
	for k := range 30_000 {
		b.Append(line{k, "", strings.Repeat("x", 20)}, 0)
	}
	w, err := s.Open(context.Background(), sub)
	if err != nil {
		t.Fatal(err)
	}
	next := 0
	for range 100 { // at most 64 KiB stand in the pipe and 256 KiB and a batch in the relay
		n, err := w.Write(b, next)
		if err != nil {
			t.Fatal(err)
		}
		next += n
	}
	if next == b.Len() {
		t.Fatal("a sink that nobody reads took everything")
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	if err := w.Flush(cancelled); !errors.Is(err, context.Canceled) {
		t.Errorf("Flush with a cancelled context: %v", err)
	}
	lines := make(chan int)
	go func() {
		all, _ := io.ReadAll(r)
		lines <- strings.Count(string(all), "\n")
	}()
	for next < b.Len() {
		n, err := w.Write(b, next)
		if err != nil {
			t.Fatal(err)
		}
		if next += n; next < b.Len() {
			<-wake
		}
	}
	if err := errors.Join(w.Flush(context.Background()), w.Close(), out.Close()); err != nil {
		t.Fatal(err)
	}
	if n := <-lines; n != b.Len() {
		t.Errorf("%d lines came out, %d were written", n, b.Len())
	}
}

func TestStandardOutputContract(t *testing.T) {
	connectortest.TestSink(t, connectortest.Sink[line]{
		New: func(tb testing.TB) (connector.Sink[line], func(testing.TB) []line) {
			path := filepath.Join(tb.TempDir(), "out.jsonl")
			f, err := os.Create(path)
			if err != nil {
				tb.Fatal(err)
			}
			tb.Cleanup(func() { _ = f.Close() })
			s := Sink[line](stdio, JSON()).(*sink[line])
			s.stdout = f
			return s, func(tb testing.TB) []line {
				got, _, err := readAll(Source[line](path))
				if err != nil {
					tb.Fatal(err)
				}
				return got
			}
		},
		Record: func(k int) line { return line{N: k} },
		Key:    lineKey,
	})
}

// TestStandardOutputCloses closes a writer whose pipe is full.
func TestStandardOutputCloses(t *testing.T) {
	before := goleak.IgnoreCurrent()
	r, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer out.Close()
	s := Sink[line](stdio, JSON()).(*sink[line])
	s.stdout = out
	w, err := s.Open(context.Background(), connector.Subtask{Parallelism: 1, Wake: func() {}})
	if err != nil {
		t.Fatal(err)
	}
	b := event.NewRecords[line](1)
	b.Append(line{Text: strings.Repeat("x", 1<<20)}, 0)
	if n, err := w.Write(b, 0); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
}
