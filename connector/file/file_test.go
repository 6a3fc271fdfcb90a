package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/connector/connectortest"
	"github.com/affluxdev/afflux/event"
)

type line struct {
	N    int    `csv:"n" json:"n"`
	File string `csv:"file" json:"file"`
	Text string `csv:"text" json:"text"`
}

func lineKey(v *line) int { return v.N }

// pack compresses by the name of the file.
func pack(tb testing.TB, path, content string) {
	tb.Helper()
	var b bytes.Buffer
	z, err := compress(&b, (&config{}).compressionOf(path))
	if err == nil {
		_, err = z.Write([]byte(content))
	}
	if err == nil {
		err = z.Close()
	}
	if err == nil {
		err = os.WriteFile(path, b.Bytes(), 0o644)
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// row writes one record in the form of an extension.
func row(ext string, n int, file string) string {
	if strings.HasPrefix(ext, ".csv") {
		return fmt.Sprintf("%d,%s,\"some \"\"text\"\",\nthat goes on\"\r\n", n, file)
	}
	return fmt.Sprintf("{\"n\":%d,\"file\":%q,\"text\":\"some text\"}\n", n, file)
}

// spread writes n records and bad inputs to up to five files.
func spread(tb testing.TB, ext string, n, bad int) string {
	dir := tb.TempDir()
	const files = 5
	for f := range files {
		var b strings.Builder
		if strings.HasPrefix(ext, ".csv") {
			b.WriteString("\ufeffn,file,text\n")
		}
		for k := f; k < n; k += files {
			b.WriteString(row(ext, k, fmt.Sprint(f)))
			if bad > 0 && k%2 == 0 {
				bad--
				b.WriteString([]string{"broken\n", "\"x\"y,1,2\n", "{\"n\":\"x\"},,\n"}[bad%3])
			}
		}
		pack(tb, filepath.Join(dir, fmt.Sprintf("part-%d%s", f, ext)), b.String())
	}
	return dir
}

func TestSourceContract(t *testing.T) {
	for _, ext := range []string{".csv", ".csv.gz", ".jsonl", ".ndjson.zst"} {
		t.Run(ext, func(t *testing.T) {
			connectortest.TestSource(t, connectortest.Source[line]{
				New:  func(tb testing.TB, n int) connector.Source[line] { return Source[line](spread(tb, ext, n, 0)) },
				Bad:  func(tb testing.TB, n, bad int) connector.Source[line] { return Source[line](spread(tb, ext, n, bad)) },
				Key:  lineKey,
				Part: func(v *line) string { return v.File },

				Positioned: true,
			})
		})
	}
}

// piped is a source of standard input and the end that writes to it.
func piped(tb testing.TB, options ...Option) (connector.Source[line], *os.File) {
	r, w, err := os.Pipe()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = r.Close(); _ = w.Close() })
	src := Source[line](stdio, options...)
	src.(*source[line]).stdin = r
	return src, w
}

// open is a source of standard input that has not ended, so that the kit
// waits for more.
type open struct{ connector.Source[line] }

func (o open) Describe() connector.Description {
	d := o.Source.Describe()
	d.Bounded = false
	return d
}

func TestStandardInputContract(t *testing.T) {
	t.Run("waiting", func(t *testing.T) {
		var in *os.File
		put := func(tb testing.TB, from, n int) {
			for k := from; k < from+n; k++ {
				if _, err := in.WriteString(row(".csv", k, "")); err != nil {
					tb.Fatal(err)
				}
			}
		}
		connectortest.TestSource(t, connectortest.Source[line]{
			New: func(tb testing.TB, n int) connector.Source[line] {
				var src connector.Source[line]
				src, in = piped(tb, CSV())
				if _, err := in.WriteString("n,file,text\n"); err != nil {
					tb.Fatal(err)
				}
				put(tb, 0, n)
				return open{src}
			},
			More: put,
			Key:  lineKey,
			Once: true,
		})
	})
	t.Run("ending", func(t *testing.T) {
		connectortest.TestSource(t, connectortest.Source[line]{
			New: func(tb testing.TB, n int) connector.Source[line] {
				src, in := piped(tb, JSON(), Gzip())
				var text strings.Builder
				for k := range n {
					text.WriteString(row(".jsonl", k, ""))
				}
				path := filepath.Join(tb.TempDir(), "in.gz")
				pack(tb, path, text.String())
				b, err := os.ReadFile(path)
				if err == nil {
					_, err = in.Write(b)
				}
				if err = errors.Join(err, in.Close()); err != nil {
					tb.Fatal(err)
				}
				return src
			},
			Key:  lineKey,
			Once: true,
		})
	})
}

func TestSinkContract(t *testing.T) {
	for _, name := range []string{"out.csv", "out.csv.gz", "out.jsonl", "out.jsonl.zst"} {
		t.Run(name, func(t *testing.T) {
			connectortest.TestSink(t, connectortest.Sink[line]{
				New: func(tb testing.TB) (connector.Sink[line], func(testing.TB) []line) {
					dir := tb.TempDir()
					return Sink[line](filepath.Join(dir, name)), func(tb testing.TB) []line { return readDir(tb, dir) }
				},
				Record: func(k int) line { return line{k, "", "a, \"b\""} },
				Key:    lineKey,
				Atomic: true, TwoPhase: true,
			})
		})
	}
}

// readDir reads every complete file of a directory, and fails when partial ones
// are left.
func readDir(tb testing.TB, dir string) (got []line) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		tb.Fatal(err)
	}
	if !slices.ContainsFunc(entries, func(e os.DirEntry) bool { return !hidden(e.Name()) }) {
		return nil
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".partial") {
			tb.Errorf("%s was left behind", e.Name())
		}
	}
	got, _, err = readAll(Source[line](dir))
	if err != nil {
		tb.Fatal(err)
	}
	return got
}

// readAll reads a source that never waits.
func readAll[T any](src connector.Source[T]) (got []T, rejected []connector.Rejected, err error) {
	sub := connector.Subtask{Parallelism: 1, Wake: func() {}, Reject: func(r connector.Rejected) error {
		r.Payload = bytes.Clone(r.Payload)
		rejected = append(rejected, r)
		return nil
	}}
	r, err := src.Open(context.Background(), sub)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	for {
		dst := event.NewRecords[T](10)
		st, err := r.Poll(dst, connector.Limit{Records: 10, Bytes: 1 << 20})
		got = append(got, dst.Values...)
		if err != nil || st.State == connector.Done {
			return got, rejected, err
		}
	}
}

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestBadRows(t *testing.T) {
	long := strings.Repeat("x", 200)
	path := write(t, "in.csv", "n,file,text\n1,a,b\nx,a,b\n2,\"two\nlines\",b\n\n"+long+"\n3,\"never closed,b\n4,a,b\n5,a,b,c\n6,a,b")
	got, rejected, err := readAll(Source[line](path, MaxLine(100)))
	if err != nil {
		t.Fatal(err)
	}
	var keys []int
	for _, v := range got {
		keys = append(keys, v.N)
	}
	if want := []int{1, 2, 4, 6}; !slices.Equal(keys, want) {
		t.Errorf("got records %v, want %v", keys, want)
	}
	want := []struct{ origin, payload, reason string }{
		{":3", "x,a,b", `column "n"`},
		{":7", long[:100], "longer than 100 bytes"},
		{":8", `3,"never closed,b`, "never closes"},
		{":10", "5,a,b,c", "4 fields"},
	}
	if len(rejected) != len(want) {
		t.Fatalf("got %d rejected rows, want %d: %v", len(rejected), len(want), rejected)
	}
	for i, w := range want {
		r := rejected[i]
		if r.Origin != path+w.origin || string(r.Payload) != w.payload || !strings.Contains(r.Reason.Error(), w.reason) {
			t.Errorf("got %s, %q, %v; want %+v", r.Origin, r.Payload, r.Reason, w)
		}
	}
}

// What is returned by who takes rejected records does not pass for an end.
func TestRefusedRow(t *testing.T) {
	sub := connector.Subtask{Parallelism: 1, Wake: func() {}, Reject: func(connector.Rejected) error { return io.EOF }}
	r, err := Source[line](write(t, "in.csv", "n,file,text\nx,a,b\n1,a,b\n")).Open(context.Background(), sub)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if st, err := r.Poll(event.NewRecords[line](10), connector.Limit{Records: 10, Bytes: 1 << 20}); !errors.Is(err, io.EOF) {
		t.Errorf("got %v, %v", st, err)
	}
}

func TestSourceErrors(t *testing.T) {
	dir := t.TempDir()
	pack(t, filepath.Join(dir, "cut.csv.gz"), "n,file,text\n"+strings.Repeat("1,a,b\n2,c,d\n", 50_000))
	whole, err := os.ReadFile(filepath.Join(dir, "cut.csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	cut := write(t, "cut.csv.gz", string(whole[:len(whole)/2]))
	for _, c := range []struct {
		src  connector.Source[line]
		want []string
	}{
		{Source[line](filepath.Join(dir, "none.csv")), []string{"none.csv", "no such file"}},
		{Source[line](filepath.Join(dir, "none*.csv")), []string{"no file matches"}},
		{Source[line](t.TempDir()), []string{"has no files"}},
		{Source[line](""), []string{"path is empty"}},
		{Source[line](os.DevNull, CSV()), []string{"not a regular file"}},
		{Source[line](write(t, "a.dat", "x")), []string{"does not tell its form"}},
		{Source[line](write(t, "a.txt", "x")), []string{"string or a []byte"}},
		{Source[line](write(t, "a.csv", "n,file,colour\n")), []string{"a.csv:1:", `no column "text"`}},
		{Source[line](write(t, "b.csv", "n,file,text,colour\n")), []string{"b.csv:1:", `unknown column "colour"`}},
		{Source[line](write(t, "c.csv", "")), []string{"c.csv", "no header line"}},
		{Source[line](write(t, "d.csv.gz", "n,file,text\n")), []string{"d.csv.gz", "not gzip"}},
		{Source[line](cut), []string{"cut.csv.gz: cannot read on after line", "corrupt, or cut off"}},
		{Source[line](dir, Comma('"')), []string{"cannot separate"}},
		{Source[line](stdio, Paths(dir)), []string{"together with files"}},
	} {
		_, _, err := readAll(c.src)
		for _, w := range c.want {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("%s: got error %v, want %q", c.src.Describe().Target, err, w)
			}
		}
	}
}

func TestVanishedFile(t *testing.T) {
	dir := spread(t, ".csv", 100, 0)
	r, err := Source[line](dir).Open(context.Background(), connector.Subtask{Parallelism: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "part-3.csv")); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = r.Poll(event.NewRecords[line](10), connector.Limit{Records: 100, Bytes: 1 << 20})
	}
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "part-3.csv") {
		t.Errorf("got %v", err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func TestTextAndHeaderless(t *testing.T) {
	got, _, err := readAll(Source[string](write(t, "a.txt", "one\n\nthree")))
	if err != nil || !slices.Equal(got, []string{"one", "", "three"}) {
		t.Errorf("got %q, %v", got, err)
	}
	rows, _, err := readAll(Source[line](write(t, "a.tsv", "7;x;y\n"), CSV(), Comma(';'), Header("n", "text", "file")))
	if err != nil || !slices.Equal(rows, []line{{7, "y", "x"}}) {
		t.Errorf("got %+v, %v", rows, err)
	}
}

// full is a target on a disk with little space.
type full struct {
	target
	left int
}

func (f *full) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, &os.PathError{Op: "write", Path: ".out.csv.1.partial", Err: syscall.ENOSPC}
	}
	return f.target.Write(p)
}

func TestFullDisk(t *testing.T) {
	for _, name := range []string{"out.csv", "out.csv.gz"} {
		dir := t.TempDir()
		s := Sink[line](filepath.Join(dir, name)).(*sink[line])
		s.create = func(path string) (target, error) {
			f, err := newTarget(path)
			return &full{f, 1000}, err
		}
		checkFull(t, s, filepath.Join(dir, name))
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%s: the directory has %v, %v", name, left, err)
		}
	}
	if _, err := os.Stat("/dev/full"); err == nil {
		checkFull(t, Sink[line]("/dev/full", CSV()), "/dev/full")
	}
}

func checkFull(t *testing.T, s connector.Sink[line], name string) {
	t.Helper()
	w, err := s.Open(context.Background(), connector.Subtask{Parallelism: 1})
	if err != nil {
		t.Fatal(err)
	}
	b := event.NewRecords[line](100)
	for k := range 20_000 {
		b.Append(line{N: k, Text: fmt.Sprint(k * 7919)}, 0)
	}
	if _, err = w.Write(b, 0); err == nil {
		err = w.Flush(context.Background())
	}
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), name+" after ") || !strings.Contains(err.Error(), "free space") || strings.Contains(err.Error(), "partial") {
		t.Errorf("got %v", err)
	}
	if again := w.Flush(context.Background()); !errors.Is(again, err) {
		t.Errorf("the second Flush says %v", again)
	}
	if err := w.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func TestSinkNames(t *testing.T) {
	for path, want := range map[string]string{"d.x/out.csv.gz": "d.x/out-2.csv.gz", "out": "out-2", "a/out.jsonl": "a/out-2.jsonl"} {
		if got := numbered(path, 2, 3); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
	if d := Sink[line]("-", CSV()).Describe(); !d.WritesStdout || d.MaxParallelism != 1 {
		t.Errorf("got %+v", d)
	}
	if _, err := Sink[line](t.TempDir(), CSV()).Open(context.Background(), connector.Subtask{Parallelism: 1}); err == nil || !strings.Contains(err.Error(), "directory") {
		t.Errorf("got %v", err)
	}
}

func TestLineFeedIsRejected(t *testing.T) {
	rejected := 0
	path := filepath.Join(t.TempDir(), "out.txt")
	w, err := Sink[string](path).Open(context.Background(), connector.Subtask{Parallelism: 1, Reject: func(connector.Rejected) error { rejected++; return nil }})
	if err != nil {
		t.Fatal(err)
	}
	b := &event.Records[string]{Values: []string{"a", "b\nc", "d"}, Times: make([]event.Time, 3)}
	n, err := w.Write(b, 0)
	if err = errors.Join(err, w.Flush(context.Background()), w.Close()); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); n != 3 || rejected != 1 || string(got) != "a\nd\n" {
		t.Errorf("took %d, rejected %d, wrote %q, %v", n, rejected, got, err)
	}
}

func FuzzSource(f *testing.F) {
	f.Add("n,file,text\n1,a,b\n", 20)
	f.Add("n,file,text\n1,\"a\nb\",b\n\"\n2,a,b\n", 20)
	f.Add("\ufeffn,file,text\r\n1,a,b\r\n\r\n", 20)
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, s string, most int) {
		path := filepath.Join(dir, "fuzz.csv")
		if err := os.WriteFile(path, []byte(s), 0o644); err != nil {
			t.Fatal(err)
		}
		got, rejected, err := readAll(Source[line](path, MaxLine(min(max(most, 1), 1000))))
		if err == nil && len(got)+len(rejected) > strings.Count(s, "\n") {
			t.Fatalf("%q: %d records and %d rejected from %d lines", s, len(got), len(rejected), strings.Count(s, "\n"))
		}
		for _, r := range rejected {
			if !strings.Contains(s, string(r.Payload)) {
				t.Fatalf("%q: rejected %q, which is not in it", s, r.Payload)
			}
		}
	})
}
