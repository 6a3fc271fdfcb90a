package file

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
)

// session reads a source in steps, as a job that is recovered again and again.
type session[T any] struct {
	readers  []connector.Reader[T]
	at       *connector.Resume // where the readers before were left
	limit    int               // records of a poll
	got      []T
	rejected []connector.Rejected
}

// leave closes the readers and keeps their positions.
func (s *session[T]) leave() error {
	for _, r := range s.readers {
		splits, err := r.(connector.Positioned).Positions()
		if err = errors.Join(err, r.Close()); err != nil {
			return err
		}
		s.at.Splits = append(s.at.Splits, splits...)
	}
	s.readers = nil
	return nil
}

// resume opens a source where another was left.
func (s *session[T]) resume(src connector.Source[T], parallelism int) error {
	if s.readers != nil {
		s.at = &connector.Resume{}
		if err := s.leave(); err != nil {
			return err
		}
	}
	for i := range parallelism {
		r, err := src.Open(context.Background(), connector.Subtask{Index: i, Parallelism: parallelism, Wake: func() {}, Resume: s.at,
			Reject: func(r connector.Rejected) error {
				r.Payload = nil
				s.rejected = append(s.rejected, r)
				return nil
			}})
		if err != nil {
			return err
		}
		s.readers = append(s.readers, r)
	}
	return nil
}

// poll polls each reader so often, or until all are done.
func (s *session[T]) poll(times int) error {
	for done := 0; times > 0 && done < len(s.readers); times-- {
		done = 0
		for _, r := range s.readers {
			b := event.NewRecords[T](0)
			st, err := r.Poll(b, connector.Limit{Records: s.limit, Bytes: 1 << 20})
			if err != nil {
				return err
			}
			s.got = append(s.got, b.Values...)
			if st.State == connector.Done {
				done++
			}
		}
	}
	return nil
}

const all = 1 << 20 // polls

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// TestNewFiles: files that were read to their end are not read again, also when
// they have grown or were gone for a while; a file that grows is read on.
func TestNewFiles(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	put := func(name string, lines ...string) {
		t.Helper()
		f, err := os.OpenFile(path(name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		must(t, err)
		_, err = f.WriteString(strings.Join(lines, "\n") + "\n")
		must(t, err, f.Close())
	}
	put("a.txt", "1", "2")
	put("c.txt", "3", "4", "5", "6")
	s := session[string]{limit: 3}
	must(t, s.resume(Source[string](dir), 1), s.poll(2))
	if want := []string{"1", "2", "3", "4", "5"}; !slices.Equal(s.got, want) {
		t.Fatalf("got %q, want %q", s.got, want)
	}
	put("a.txt", "added later")
	put("b.txt", "8")
	put("c.txt", "7")
	must(t, s.resume(Source[string](dir), 2), s.poll(all))
	must(t, os.Rename(path("a.txt"), path(".a")))
	must(t, s.resume(Source[string](dir), 3), s.poll(all), os.Rename(path(".a"), path("a.txt")))
	must(t, s.resume(Source[string](dir), 1), s.poll(all))
	slices.Sort(s.got)
	if want := []string{"1", "2", "3", "4", "5", "6", "7", "8"}; !slices.Equal(s.got, want) {
		t.Errorf("got %q, want %q", s.got, want)
	}
}

// TestResumeAtEveryPoll recovers after each poll of a file with an overlong line
// and bad rows: records and line numbers are those of a reader that goes through.
func TestResumeAtEveryPoll(t *testing.T) {
	text := "\ufeffn,file,text\n"
	for k := range 10 {
		text += fmt.Sprintf("%d,a,\"two\nlines\"\nbad\n", k)
		if k == 4 {
			text += strings.Repeat("x", 3<<20) + "\n"
		}
	}
	// A compressed file is passed over in steps of 1 MiB, so it takes more polls.
	for name, polls := range map[string]int{"in.csv": 1, "in.csv.gz": 6} {
		path := filepath.Join(t.TempDir(), name)
		pack(t, path, text)
		src := Source[line](path, MaxLine(1000))
		whole, steps := session[line]{limit: 3}, session[line]{limit: 1}
		must(t, whole.resume(src, 1), whole.poll(all), steps.resume(src, 1))
		for range 60 {
			must(t, steps.poll(polls), steps.resume(src, 1))
		}
		if !slices.Equal(steps.got, whole.got) || len(whole.got) != 10 {
			t.Errorf("%s: got %v, want %v", name, steps.got, whole.got)
		}
		if len(steps.rejected) != len(whole.rejected) {
			t.Fatalf("%s: got %d rejected, want %d", name, len(steps.rejected), len(whole.rejected))
		}
		for i, r := range whole.rejected {
			if steps.rejected[i].Origin != r.Origin {
				t.Errorf("%s: rejected %s, want %s", name, steps.rejected[i].Origin, r.Origin)
			}
		}
	}
}

// TestChangedFile: a file that is not the one that was read is refused.
func TestChangedFile(t *testing.T) {
	text := strings.Repeat("a line of some length\n", 2000)
	for _, c := range []struct {
		name   string
		change func(path string) error
		want   string
	}{
		{"in.txt", func(p string) error { return os.Truncate(p, 100) }, "cut off or replaced"},
		{"in.txt", os.Remove, "no longer among the files"},
		{"in.txt", func(p string) error { return os.WriteFile(p, []byte("A"+text[1:]), 0o644) }, "its beginning is not as it was"},
		{"in.txt", func(p string) error {
			return os.WriteFile(p, []byte(text[:29_000]+"B"+text[29_001:]), 0o644)
		}, "what is ahead of line"},
		{"in.txt.gz", func(p string) error { pack(t, p, strings.Repeat("another line\n", 5000)); return nil }, "put back the file"},
	} {
		path := filepath.Join(t.TempDir(), c.name)
		other := filepath.Join(filepath.Dir(path), "other.txt")
		pack(t, path, text)
		pack(t, other, "x\n")
		s := session[string]{limit: 3}
		must(t, s.resume(Source[string](filepath.Dir(path)), 1), s.poll(460))
		s.at = &connector.Resume{}
		must(t, s.leave(), c.change(path))
		err := s.resume(Source[string](filepath.Dir(path)), 1)
		if err == nil {
			err = s.poll(all)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.name) {
			t.Errorf("%s: got error %v, want %q", c.name, err, c.want)
		}
	}
}

// TestStandardInputThatEnded: a job may be recovered when it has read everything.
func TestStandardInputThatEnded(t *testing.T) {
	src, in := piped(t, JSON())
	_, err := in.WriteString(row(".jsonl", 1, ""))
	must(t, err, in.Close())
	r, err := src.Open(context.Background(), connector.Subtask{Parallelism: 1, Wake: func() {}})
	must(t, err)
	for st := (connector.Status{}); err == nil && st.State != connector.Done; {
		st, err = r.Poll(event.NewRecords[line](1), connector.Limit{Records: 1, Bytes: 1})
	}
	must(t, err)
	s := session[line]{limit: 3, readers: []connector.Reader[line]{r}}
	must(t, s.resume(src, 1), s.poll(all))
	if len(s.got) > 0 {
		t.Errorf("got %v again", s.got)
	}
}

func FuzzPlace(f *testing.F) {
	p := place{ended: true, offset: 100, lines: 3, size: 200, head: print{100, 7}, tail: print{100, 8}}
	f.Add(p.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := decodePlace(b)
		if err != nil {
			return
		}
		if again, err := decodePlace(p.encode()); err != nil || again != p {
			t.Fatalf("%+v is read back as %+v, %v", p, again, err)
		}
	})
}
