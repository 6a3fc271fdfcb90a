package file

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
)

// job drives a sink of lines as a job with checkpoints does.
type job struct {
	t    *testing.T
	dir  string
	sink connector.Sink[string]
	w    connector.Writer[string]
}

func newJob(t *testing.T) *job { return newJobTo(t, "out.txt") }

func newJobTo(t *testing.T, name string) *job {
	dir := t.TempDir()
	return &job{t: t, dir: dir, sink: Sink[string](filepath.Join(dir, name))}
}

func (j *job) recover(handles ...[]byte) error {
	return j.sink.(connector.Recoverer).Recover(context.Background(), connector.Recovery{Job: "j", Operator: "o", Prepared: handles})
}

// start begins an attempt.
func (j *job) start(handles ...[]byte) {
	j.t.Helper()
	must(j.t, j.recover(handles...))
	var err error
	j.w, err = j.sink.Open(context.Background(), connector.Subtask{Job: "j", Operator: "o", Parallelism: 1, Checkpoints: true})
	must(j.t, err)
}

func (j *job) put(lines ...string) {
	j.t.Helper()
	_, err := j.w.Write(&event.Records[string]{Values: lines, Times: make([]event.Time, len(lines))}, 0)
	must(j.t, err)
}

func (j *job) prepare() []byte {
	j.t.Helper()
	p, err := j.w.(connector.Preparer).Prepare()
	must(j.t, err)
	if p.Durable != nil {
		must(j.t, p.Durable(context.Background()))
	}
	return p.Handle
}

func (j *job) commit(handles ...[]byte) error {
	return j.w.(connector.Preparer).Commit(context.Background(), handles)
}

// shows checks which files are to be seen, as name=content without line feeds,
// and how many parts are hidden.
func (j *job) shows(parts int, want ...string) {
	j.t.Helper()
	entries, err := os.ReadDir(j.dir)
	must(j.t, err)
	var got []string
	for _, e := range entries {
		switch name := e.Name(); {
		case strings.HasSuffix(name, ".part"):
			parts--
		case !hidden(name):
			b, err := os.ReadFile(filepath.Join(j.dir, name))
			must(j.t, err)
			got = append(got, name+"="+strings.ReplaceAll(string(b), "\n", ""))
		}
	}
	if !slices.Equal(got, want) || parts != 0 {
		j.t.Errorf("got %q and %d parts too few, want %q", got, parts, want)
	}
}

// TestParts follows a job with checkpoints through crashes: files appear when
// they are committed, are never replaced, and may be moved away.
func TestParts(t *testing.T) {
	j := newJob(t)
	j.start()
	j.put("a", "b")
	j.shows(1)
	first := j.prepare()
	j.shows(1)
	must(t, j.commit(first), j.commit(first))
	j.shows(0, "out-0-1.txt=ab")
	if h := j.prepare(); h != nil {
		t.Errorf("nothing was written and the handle is %s", h)
	}
	j.put("c")
	second := j.prepare()
	j.put("d")
	third := j.prepare()
	j.put("e")
	j.shows(3, "out-0-1.txt=ab")

	// A crash; the checkpoint has the second part. Somebody took the first file.
	must(t, os.Remove(filepath.Join(j.dir, "out-0-1.txt")))
	j.start(first, second)
	j.shows(0, "out-0-2.txt=c")
	if err := j.commit(third); err == nil || !strings.Contains(err.Error(), "not in the directory") {
		t.Errorf("a part that was rolled back: got %v", err)
	}
	j.put("d")
	j.put("e")
	again := j.prepare()
	must(t, os.Remove(filepath.Join(j.dir, "out-0-2.txt")))
	must(t, j.commit(again))
	j.shows(0, "out-0-3.txt=de")
	must(t, os.Remove(filepath.Join(j.dir, "out-0-3.txt")))
	must(t, j.recover(again)) // it was committed, and taken

	// The end of the input: a Flush and Close name what is left.
	j.start()
	j.put("f")
	j.prepare()
	j.put("g")
	must(t, j.w.Flush(context.Background()), j.w.Close())
	j.shows(0, "out-0-4.txt=f", "out-0-5.txt=g")

	// A job that fails keeps what is prepared, for the recovery.
	j.start()
	j.put("h")
	h := j.prepare()
	j.put("i")
	must(t, j.w.Close())
	j.shows(1, "out-0-4.txt=f", "out-0-5.txt=g")
	must(t, j.recover(h))
	j.shows(0, "out-0-4.txt=f", "out-0-5.txt=g", "out-0-6.txt=h")
}

// TestEarlierAttempt: a writer that begins a part after the recovery of the job
// cannot commit it.
func TestEarlierAttempt(t *testing.T) {
	j := newJob(t)
	j.start()
	j.put("a")
	must(t, j.commit(j.prepare()))
	old := *j
	j.start()
	old.put("b")
	if err := old.commit(old.prepare()); err == nil || !strings.Contains(err.Error(), "later attempt") {
		t.Errorf("got %v", err)
	}
	old.put("c")
	if err := old.w.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := old.w.Close(); err == nil || !strings.Contains(err.Error(), "later attempt") {
		t.Errorf("got %v", err)
	}
	j.put("d")
	must(t, j.commit(j.prepare()))
	j.shows(2, "out-0-1.txt=a", "out-0-2.txt=d")
}

func TestPartsRefuse(t *testing.T) {
	for want, spoil := range map[string]func(j *job, part string) error{
		"put the directory back": func(j *job, part string) error { return os.Remove(part) },
		"it was damaged":         func(j *job, part string) error { return os.Truncate(part, 1) },
		"exists already": func(j *job, part string) error {
			return os.WriteFile(filepath.Join(j.dir, "out-0-1.txt"), nil, 0o644)
		},
	} {
		j := newJob(t)
		j.start()
		j.put("a", "b")
		h := j.prepare()
		parsed, err := decodeHandle(h)
		must(t, err, spoil(j, filepath.Join(j.dir, parsed.Part)))
		for _, err := range []error{j.commit(h), j.recover(h)} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
		}
	}
	j := newJob(t)
	j.start()
	j.put("a")
	h := string(j.prepare())
	for _, bad := range []string{"", "x", h[:len(h)-1], strings.Replace(h, "out-0-1.txt", "../out.txt", 2), strings.Replace(h, `"sequence":1`, `"sequence":0`, 1)} {
		if err := j.recover([]byte(bad)); err == nil {
			t.Errorf("the handle %q is accepted", bad)
		}
	}
}

// TestForeignFiles: files that are there already, and parts of other jobs, are
// left alone.
func TestForeignFiles(t *testing.T) {
	j := newJob(t)
	must(t, os.WriteFile(filepath.Join(j.dir, "out-0-7.txt"), []byte("old"), 0o644))
	other := newNaming(filepath.Join(j.dir, "out.txt"), "another", "o").part("out-0-1.txt")
	must(t, os.WriteFile(filepath.Join(j.dir, other), nil, 0o644))
	j.start()
	j.put("a")
	must(t, j.commit(j.prepare()))
	j.shows(1, "out-0-7.txt=old", "out-0-8.txt=a")
}

// TestHiddenOutput: the name of the output may begin with a dot.
func TestHiddenOutput(t *testing.T) {
	j := newJobTo(t, ".out.txt")
	j.start()
	j.put("a")
	h := j.prepare()
	j.start(h)
	if b, err := os.ReadFile(filepath.Join(j.dir, ".out-0-1.txt")); err != nil || string(b) != "a\n" {
		t.Errorf("got %q, %v", b, err)
	}
}
