package transform

import (
	"fmt"
	"iter"

	"github.com/affluxdev/afflux/state"
)

// statesName is the table of an operator that has one.
const statesName = "states"

// snapshotOne hands over the only table of an operator.
func (t *tables[K, S]) snapshotOne(s state.Snapshot, table state.Table[K, S]) error {
	return t.all.Snapshot(s, func(yield func(string, state.Table[K, S]) bool) { yield(statesName, table) })
}

// restoreOne takes the only table of an operator up, an empty one if there is
// none.
func (t *tables[K, S]) restoreOne(r state.Restoration) (table state.Table[K, S], err error) {
	err = t.all.Restore(r, func(name string, restored state.Table[K, S]) error {
		if name != statesName {
			return unclaimed(r, name)
		}
		table = restored
		return nil
	})
	if err == nil && table == nil {
		table = t.all.New()
	}
	return table, err
}

// unclaimed is the error for a table that the operator has no use for.
func unclaimed(r state.Restoration, name string) error {
	if r.AllowUnclaimed() {
		return nil
	}
	return fmt.Errorf("the checkpoint has a table %q, which this operator does not know: was another kind of operator under its name? Rename it, or allow state to be dropped", name)
}

// Snapshot implements operator.Stateful.
func (o *Rolling[K, T, A, U]) Snapshot(s state.Snapshot) error {
	return o.tables.snapshotOne(s, o.table)
}

// Restore implements operator.Stateful.
func (o *Rolling[K, T, A, U]) Restore(r state.Restoration) (err error) {
	o.table, err = o.tables.restoreOne(r)
	return err
}

// Snapshot implements operator.Stateful.
func (o *Count[K, T, A, U]) Snapshot(s state.Snapshot) error {
	if err := keepProgress(s, &defined{o.definition}); err != nil {
		return err
	}
	return o.tables.snapshotOne(s, o.table)
}

// Restore implements operator.Stateful.
func (o *Count[K, T, A, U]) Restore(r state.Restoration) error {
	_, all, err := kept[defined](r.Blobs)
	if err != nil {
		return err
	}
	for _, p := range all {
		if err := p.check(o.definition); err != nil {
			return err
		}
	}
	o.table, err = o.tables.restoreOne(r)
	return err
}

// defined is the definition of windows, as text.
type defined struct {
	Windows string `json:"windows"`
}

// check refuses state of windows of another make: what they have in common
// with those of now means something else.
func (d defined) check(now string) error {
	if d.Windows != now {
		return fmt.Errorf("its state is of windows %s, and now it has %s: give the operator another name to begin anew", d.Windows, now)
	}
	return nil
}

// partName is the name of a table of an operator that has one for each part of
// time. Beside the number of the part a name has the last window that has fired:
// subtasks may have had watermarks that are not the same.
const partName = "part=%d,fired=%d"

// parsePart reads such a name.
func parsePart(name string) (number, fired int64, ok bool) {
	n, err := fmt.Sscanf(name, partName, &number, &fired)
	return number, fired, err == nil && n == 2 && fmt.Sprintf(partName, number, fired) == name
}

// named names the tables of parts of time.
func named[P, T any](parts []P, fired int64, of func(*P) (number int64, table T)) iter.Seq2[string, T] {
	return func(yield func(string, T) bool) {
		for i := range parts {
			number, table := of(&parts[i])
			if !yield(fmt.Sprintf(partName, number, fired), table) {
				return
			}
		}
	}
}
