package checkpoint

import (
	"fmt"
	"time"
)

// Manifest is the table of contents of a checkpoint. It is written last, in one
// piece: a checkpoint exists if and only if its manifest does.
type Manifest struct {
	// Job is the name of the job.
	Job  string
	ID   int64
	Kind Kind
	// Time is when the checkpoint began, to the nanosecond, in UTC.
	Time time.Time
	// KeyGroups is the number of key groups that keyed state is divided into.
	KeyGroups int
	Operators []Operator
	InFlight  []InFlight
	// Files are all files that ranges of the manifest lie in.
	Files []File
}

// Operator is the state of an operator. Restoring finds it by its name.
type Operator struct {
	// Name is stable: it does not change with the job's graph.
	Name string
	// Parallelism is the number of its subtasks; 1 or more.
	Parallelism int
	// Subtasks are in the order of their indexes; one without state may be left
	// out.
	Subtasks []SubtaskState
}

// SubtaskState is what a subtask of an operator needs to go on.
type SubtaskState struct {
	Index int
	// Finished tells that the subtask had ended: it has read all of its input.
	Finished bool
	// Splits are the positions of a source.
	Splits []Split
	// Keyed is the state by key, timers included.
	Keyed []Keyed
	// Blobs are what the operator keeps beside keyed state.
	Blobs []Blob
	// Prepared are the handles of what a sink has written and not committed:
	// who restores commits it.
	Prepared [][]byte
}

// Split is a position in a part of a source, opaque bytes of the connector.
type Split struct {
	ID       string
	Position []byte
}

// Keyed is state of the key groups First to Last (inclusive) of a state. State
// in memory has a range for each group; a table on disk may span several.
type Keyed struct {
	// State names the state, or the part of a store: opaque to checkpoints.
	State       string
	First, Last int
	Range       Range
}

// Blob is a named piece of state, in the manifest or (Stored) in a file.
type Blob struct {
	Name   string
	Data   []byte
	Stored *Range // Data is empty
}

// InFlight are records that were on their way from one subtask to another,
// before the barrier, when the barrier overtook them. Restoring processes them
// before all else that comes in that channel.
type InFlight struct {
	// Edge is the stable name of the arrow between the operators.
	Edge     string
	From, To int
	// Sent tells that the sender held them; those that were with the receiver
	// come first.
	Sent  bool
	Range Range
}

// Range is a piece of a file.
type Range struct {
	// File is the name of the file.
	File string
	// Offset and Length are of the contents, without what frames them, in bytes.
	Offset, Length int64
	// Checksum is the CRC-32C of the contents.
	Checksum uint32
}

// File is a file in the store. Files are never changed, and a name is never
// used again.
type File struct {
	// Name is relative to the store; see [FileName].
	Name string
	// Size is that of the whole file with its framing, in bytes.
	Size int64
	// Checkpoint is the one that it was written for.
	Checkpoint int64
}

// Part is what one subtask of a task contributes to a checkpoint.
type Part struct {
	// Operators holds the state of each operator in the task's chain; an
	// operator without state may be left out.
	Operators []OperatorPart
	InFlight  []InFlight
	// Files are all files that ranges of the part lie in.
	Files []File
}

// OperatorPart is the state of one operator in the chain. Its Index is set by
// the coordinator.
type OperatorPart struct {
	Operator string
	State    SubtaskState
}

// ranges calls f for each range of the manifest.
func (m *Manifest) ranges(f func(where string, r Range) error) error {
	for _, o := range m.Operators {
		for _, s := range o.Subtasks {
			for _, k := range s.Keyed {
				if err := f(fmt.Sprintf("state %q of %q, subtask %d", k.State, o.Name, s.Index), k.Range); err != nil {
					return err
				}
			}
			for _, b := range s.Blobs {
				if b.Stored == nil {
					continue
				}
				if err := f(fmt.Sprintf("%q of %q, subtask %d", b.Name, o.Name, s.Index), *b.Stored); err != nil {
					return err
				}
			}
		}
	}
	for _, x := range m.InFlight {
		if err := f(fmt.Sprintf("records in flight on %q from %d to %d", x.Edge, x.From, x.To), x.Range); err != nil {
			return err
		}
	}
	return nil
}

// Check verifies that the manifest agrees with itself: names, numbers, and that
// every range lies in a file. Encode and Decode call it.
func (m *Manifest) Check() error {
	switch {
	case m.ID < 1:
		return fmt.Errorf("its id is %d, not 1 or more", m.ID)
	case m.Kind > Savepoint:
		return fmt.Errorf("its kind is %d, which is none that is known", uint8(m.Kind))
	case m.KeyGroups < 1:
		return fmt.Errorf("it has %d key groups", m.KeyGroups)
	}
	names := map[string]bool{}
	for _, o := range m.Operators {
		if names[o.Name] {
			return fmt.Errorf("it has the operator %q twice", o.Name)
		}
		names[o.Name] = true
		if err := o.check(m.KeyGroups); err != nil {
			return fmt.Errorf("operator %q: %w", o.Name, err)
		}
	}
	for _, x := range m.InFlight {
		if x.From < 0 || x.To < 0 {
			return fmt.Errorf("it has records in flight on %q from subtask %d to %d", x.Edge, x.From, x.To)
		}
	}
	return m.checkFiles()
}

func (o Operator) check(groups int) error {
	if o.Parallelism < 1 {
		return fmt.Errorf("its parallelism is %d", o.Parallelism)
	}
	last := -1
	for _, s := range o.Subtasks {
		if s.Index <= last || s.Index >= o.Parallelism {
			return fmt.Errorf("subtask %d is out of order, or beyond its parallelism of %d", s.Index, o.Parallelism)
		}
		last = s.Index
		for _, k := range s.Keyed {
			if k.First < 0 || k.Last < k.First || k.Last >= groups {
				return fmt.Errorf("state %q is for key groups %d to %d of %d", k.State, k.First, k.Last, groups)
			}
		}
		for _, b := range s.Blobs {
			if b.Stored != nil && len(b.Data) > 0 {
				return fmt.Errorf("%q is both in the manifest and in a file", b.Name)
			}
		}
	}
	return nil
}

func (m *Manifest) checkFiles() error {
	sizes := make(map[string]int64, len(m.Files))
	for _, f := range m.Files {
		if err := CheckName(f.Name); err != nil {
			return err
		}
		if _, twice := sizes[f.Name]; twice {
			return fmt.Errorf("it has the file %s twice", f.Name)
		}
		size, err := contentSize(f.Size)
		if err != nil {
			return fmt.Errorf("file %s: %w", f.Name, err)
		}
		kind, id, rest, ok := parseName(f.Name)
		if !ok || id != f.Checkpoint || kind != m.Kind || id > m.ID || rest == manifestName || kind == Savepoint && id != m.ID {
			return fmt.Errorf("file %s of checkpoint %d cannot belong to %s %d", f.Name, f.Checkpoint, m.Kind, m.ID)
		}
		sizes[f.Name] = size
	}
	return m.ranges(func(where string, r Range) error {
		size, ok := sizes[r.File]
		switch {
		case !ok:
			return fmt.Errorf("%s lies in file %s, which is not among its files", where, r.File)
		case r.Offset < 0 || r.Length < 0 || r.Offset > size || r.Length > size-r.Offset:
			return fmt.Errorf("%s lies at %d, %d bytes long, in file %s, which holds %d bytes", where, r.Offset, r.Length, r.File, size)
		}
		return nil
	})
}
