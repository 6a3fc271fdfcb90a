package checkpoint

import (
	"fmt"
	"strings"
)

// Decision is what a [Coordinator] wants done: [Inject], [WriteManifest],
// [Withdraw], [NotifyCommit], [Abort], [Discard], [Refuse] or [FailJob].
type Decision interface {
	fmt.Stringer
	decision()
}

// Inject wants the barrier given to subtasks that nobody before them brings it
// to: sources, and tasks whose inputs have ended.
type Inject struct {
	Barrier Barrier
	Into    []Subtask
}

// WriteManifest wants the manifest stored, and then [Coordinator.ManifestWritten].
type WriteManifest struct{ Manifest *Manifest }

// Withdraw wants a manifest deleted of which it is not known whether it was
// stored, and then [Coordinator.Withdrawn].
type Withdraw struct {
	Kind Kind
	ID   int64
}

// NotifyCommit wants every subtask told that the checkpoint is complete: sinks
// commit what they prepared, and its files may be referred to. Then
// [Coordinator.Committed].
type NotifyCommit struct {
	Kind Kind
	ID   int64
}

// Abort wants every subtask told that the checkpoint is given up. What sinks
// prepared for it stays prepared: it is committed with the next one.
type Abort struct {
	Kind   Kind
	ID     int64
	Reason string
}

// Discard wants things deleted from the store that nothing needs: manifests
// first, so that none ever names a file that is gone. A failure to delete is no
// reason to stop: what is left is found by [Ownership.Garbage] at the next start.
type Discard struct {
	Checkpoints []int64 // whose manifests are deleted; never savepoints
	Files       []File
}

// Refuse answers [Coordinator.Trigger] when no checkpoint will be taken.
type Refuse struct {
	Kind   Kind
	Reason string
}

// FailJob wants the job stopped, to be recovered from its last checkpoint. It
// is the last thing that a coordinator wants, but for Discard and Refuse.
type FailJob struct {
	Reason string
	// Superseded is ErrSuperseded with its text if the job must not be recovered,
	// else nil.
	Superseded error
}

func (Inject) decision()        {}
func (WriteManifest) decision() {}
func (Withdraw) decision()      {}
func (NotifyCommit) decision()  {}
func (Abort) decision()         {}
func (Discard) decision()       {}
func (Refuse) decision()        {}
func (FailJob) decision()       {}

func (d Inject) String() string {
	into := make([]string, len(d.Into))
	for i, s := range d.Into {
		into[i] = s.String()
	}
	return fmt.Sprintf("inject %s %d into %s", d.Barrier.Kind, d.Barrier.ID, strings.Join(into, " "))
}

func (d WriteManifest) String() string {
	return fmt.Sprintf("write the manifest of %s %d (%d files)", d.Manifest.Kind, d.Manifest.ID, len(d.Manifest.Files))
}
func (d Withdraw) String() string     { return fmt.Sprintf("withdraw %s %d", d.Kind, d.ID) }
func (d NotifyCommit) String() string { return fmt.Sprintf("commit %s %d", d.Kind, d.ID) }
func (d Abort) String() string        { return fmt.Sprintf("abort %s %d: %s", d.Kind, d.ID, d.Reason) }
func (d Refuse) String() string       { return fmt.Sprintf("refuse a %s: %s", d.Kind, d.Reason) }
func (d FailJob) String() string      { return "fail the job: " + d.Reason }

func (d Discard) String() string {
	var b strings.Builder
	b.WriteString("discard")
	for _, id := range d.Checkpoints {
		fmt.Fprintf(&b, " manifest %d", id)
	}
	for _, f := range d.Files {
		b.WriteString(" " + f.Name)
	}
	return b.String()
}

func compareFiles(a, b File) int { return strings.Compare(a.Name, b.Name) }
