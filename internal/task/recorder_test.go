package task

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/affluxdev/afflux/internal/checkpoint"
	"github.com/affluxdev/afflux/internal/graph"
	"github.com/affluxdev/afflux/state"
)

// filing is a job that takes what a task has stored.
type filing struct {
	root  string
	store checkpoint.Store
	acks  []checkpoint.Acknowledgement
	nacks []checkpoint.Decline
}

func (f *filing) Acknowledge(a checkpoint.Acknowledgement)     { f.acks = append(f.acks, a) }
func (f *filing) Decline(d checkpoint.Decline)                 { f.nacks = append(f.nacks, d) }
func (f *filing) Finished(checkpoint.Subtask, checkpoint.Part) {}
func (f *filing) Drained(checkpoint.Subtask)                   {}
func (f *filing) Store() checkpoint.Store                      { return f.store }
func (f *filing) FileName(b checkpoint.Barrier, rest string) string {
	return checkpoint.FileName(b.Kind, b.ID, rest)
}

// filingTask is a task of which only its part in checkpoints is used.
func filingTask(t *testing.T) (*Task, *filing) {
	t.Helper()
	root := t.TempDir()
	store, err := checkpoint.NewDirectory(root)
	if err != nil {
		t.Fatal(err)
	}
	job := &filing{root: root, store: store}
	task := &Task{cfg: Config{Chain: &graph.Chain{ID: 7, Parallelism: 1}}}
	task.links = []*link{{t: task, node: &graph.Node{Name: "op"}}}
	task.barriers = &barriers{t: task, job: job, align: checkpoint.NewAlignment(0)}
	return task, job
}

// pane is a capture that says what has become of it.
type pane struct {
	data              []byte
	written, released int
	err               error
	before            func() // called by Write
}

func (c *pane) Write(w io.Writer) error {
	c.written++
	if c.before != nil {
		c.before()
	}
	_, err := w.Write(c.data)
	return errors.Join(err, c.err)
}

func (c *pane) Release() { c.released++ }

// keep stores what is handed over for one operator.
func keep(t *Task, kind checkpoint.Kind, id int64, operator string, hand func(s state.Snapshot)) {
	c := newCut(t.barriers, checkpoint.Snapshot{Barrier: checkpoint.Barrier{ID: id, Kind: kind}})
	w := &piece{cut: c, operator: operator}
	c.parts = append(c.parts, w)
	hand(w)
	c.store(context.Background())
}

// keepPane is keep of one pane.
func keepPane(t *Task, kind checkpoint.Kind, id int64, operator, name, version string) *pane {
	c := &pane{data: bytes.Repeat([]byte(version), 100_000)}
	keep(t, kind, id, operator, func(s state.Snapshot) { s.Unchanging(name, version, c) })
	return c
}

// last are the files of the last part that was acknowledged.
func (f *filing) last(t *testing.T, id int64) []checkpoint.File {
	t.Helper()
	if len(f.acks) == 0 || f.acks[len(f.acks)-1].ID != id {
		t.Fatalf("checkpoint %d was not acknowledged: %v", id, f.nacks)
	}
	return f.acks[len(f.acks)-1].Part.Files
}

// expectPane checks whether a pane was written, and that it was released once.
func (c *pane) expect(t *testing.T, what string, written bool) {
	t.Helper()
	if got := c.written == 1; got != written || c.written > 1 || c.released != 1 {
		t.Errorf("%s: written %d times and released %d times, want written: %v", what, c.written, c.released, written)
	}
}

const (
	ofCheckpoint = checkpoint.Checkpoint
	ofSavepoint  = checkpoint.Savepoint
)

func TestUnchangedFilesAreReferredTo(t *testing.T) {
	task, job := filingTask(t)
	keepPane(task, ofCheckpoint, 1, "op", "pane", "v1").expect(t, "the first time", true)
	first := job.last(t, 1)
	if b := job.acks[0].Metrics.Bytes; len(first) != 1 || b < 200_000 {
		t.Fatalf("checkpoint 1 has %d files, %d bytes", len(first), b)
	}
	task.Complete(1)
	keepPane(task, ofCheckpoint, 2, "op", "pane", "v1").expect(t, "unchanged", false)
	if second := job.last(t, 2); !slices.Equal(first, second) {
		t.Errorf("checkpoint 2 has the files %v, want %v", second, first)
	}
	if b := job.acks[1].Metrics.Bytes; b != 0 {
		t.Errorf("%d bytes were written for what has not changed", b)
	}
	task.Complete(2)
	keepPane(task, ofCheckpoint, 3, "op", "pane", "v2").expect(t, "changed", true)
	task.Complete(3)
	keepPane(task, ofCheckpoint, 4, "op", "pane", "v1").expect(t, "not in the last one", true)
	task.Complete(4)
	keepPane(task, ofCheckpoint, 5, "op", "other", "v1").expect(t, "another name", true)
	task.Complete(5)
	keepPane(task, ofCheckpoint, 6, "another op", "other", "v1").expect(t, "another operator", true)

	m := &checkpoint.Manifest{Kind: ofCheckpoint, ID: 2, Files: job.acks[1].Part.Files}
	o := &checkpoint.Operator{Name: "op", Parallelism: 1, Subtasks: []checkpoint.SubtaskState{job.acks[1].Part.Operators[0].State}}
	r := newRestoration(t.Context(), &Restored{Manifest: m, Store: job.store}, o, task.links[0])
	var got string
	err := r.Files("pane", func(_ int, id string, r io.Reader) error {
		data, err := io.ReadAll(r)
		got = id + " " + string(data[:4])
		return err
	})
	if err != nil || got != "v1 v1v1" {
		t.Errorf("restored %q, %v", got, err)
	}
}

func TestFilesOfAbortedCheckpointsAreNotReferredTo(t *testing.T) {
	task, job := filingTask(t)
	keepPane(task, ofCheckpoint, 1, "op", "pane", "v1")
	task.Complete(1)
	keepPane(task, ofCheckpoint, 2, "op", "pane", "v2").expect(t, "changed", true)
	// 2 is not complete.
	keepPane(task, ofCheckpoint, 3, "op", "pane", "v2").expect(t, "after an aborted one", true)
	if files := job.last(t, 3); len(files) != 1 || files[0].Checkpoint != 3 {
		t.Errorf("checkpoint 3 has the files %v", files)
	}
	// Nor is 3, and what 1 has is there.
	keepPane(task, ofCheckpoint, 4, "op", "pane", "v1").expect(t, "in the last complete one", false)
}

func TestSavepointsShareNoFiles(t *testing.T) {
	task, job := filingTask(t)
	keepPane(task, ofCheckpoint, 1, "op", "pane", "v1")
	task.Complete(1)
	keepPane(task, ofSavepoint, 2, "op", "pane", "v1").expect(t, "a savepoint", true)
	if files := job.last(t, 2); len(files) != 1 || files[0].Checkpoint != 2 {
		t.Errorf("the savepoint has the files %v", files)
	}
	task.Complete(2)
	keepPane(task, ofCheckpoint, 3, "op", "pane", "v1").expect(t, "after a savepoint", false)
	if files := job.last(t, 3); len(files) != 1 || files[0].Checkpoint != 1 {
		t.Errorf("the checkpoint after it has the files %v", files)
	}
}

// What is referred to is released ahead of all writing, and files stay in the
// order in which they were handed over.
func TestReferredFilesAreReleasedFirst(t *testing.T) {
	task, job := filingTask(t)
	keepPane(task, ofCheckpoint, 1, "op", "pane", "b")
	task.Complete(1)
	referred, early := &pane{}, false
	look := func() { early = early || referred.released == 0 }
	table, first, last := &pane{before: look}, &pane{data: []byte("1"), before: look}, &pane{data: []byte("3")}
	keep(task, ofCheckpoint, 2, "op", func(s state.Snapshot) {
		s.Keyed("table", table)
		s.Unchanging("pane", "a", first)
		s.Unchanging("pane", "b", referred)
		s.File("pane", "c", func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("2")), nil })
		s.Unchanging("pane", "d", last)
	})
	if early {
		t.Error("something was written before the capture that is referred to was released")
	}
	for _, c := range []*pane{table, first, last} {
		c.expect(t, "new", true)
	}
	referred.expect(t, "referred to", false)
	job.last(t, 2)
	var names []string
	for _, b := range job.acks[1].Part.Operators[0].State.Blobs {
		names = append(names, b.Name)
	}
	if want := []string{"file:pane\ta", "file:pane\tb", "file:pane\tc", "file:pane\td"}; !slices.Equal(names, want) {
		t.Errorf("the files are %q, want %q", names, want)
	}
}

// A part that cannot be stored leaves nothing half written, and everything is
// released once.
func TestFilesThatCannotBeWritten(t *testing.T) {
	task, job := filingTask(t)
	keepPane(task, ofCheckpoint, 1, "op", "pane", "kept")
	task.Complete(1)
	for _, panics := range []bool{false, true} {
		good, bad, next, kept := &pane{data: []byte("good")}, &pane{err: errors.New("refused")}, &pane{}, &pane{}
		if panics {
			bad.before = func() { panic("refused") }
		}
		keep(task, ofCheckpoint, 2, "op", func(s state.Snapshot) {
			s.Unchanging("pane", "good", good)
			s.Unchanging("pane", "bad", bad)
			s.Unchanging("pane", "next", next)
			s.Unchanging("pane", "kept", kept)
		})
		good.expect(t, "good", true)
		bad.expect(t, "bad", true)
		next.expect(t, "next", false)
		kept.expect(t, "kept", false)
		d := job.nacks[len(job.nacks)-1]
		if len(d.Files) != 1 || !strings.Contains(d.Reason, "refused") {
			t.Errorf("declined with %q and the files %v", d.Reason, d.Files)
		}
		if err := job.store.Delete(t.Context(), d.Files[0].Name); err != nil {
			t.Fatal(err)
		}
	}
	left, err := filepath.Glob(filepath.Join(job.root, "*", ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
	// A cut that is not stored at all.
	c := newCut(task.barriers, checkpoint.Snapshot{})
	w, lost := &piece{cut: c}, &pane{}
	c.parts = append(c.parts, w)
	w.Unchanging("pane", "lost", lost)
	c.drop()
	lost.expect(t, "given up", false)
}
