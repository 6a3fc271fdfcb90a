package paged

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/zeebo/xxh3"

	"github.com/affluxdev/afflux/codec/layout"
	"github.com/affluxdev/afflux/state"
)

// keptTables is the name under which tables are kept.
const keptTables = "tables"

// snapshot hands over tables with these names. What has changed in memory is
// stored first, so that the store of bytes has everything.
func (p *tables) snapshot(s state.Snapshot, names []string, all []*table) error {
	for _, l := range []*layout.Layout{p.keys, p.states} {
		if err := l.Portable(); err != nil {
			return err
		}
	}
	h := &head{Keys: p.keys.Schema(), States: p.states.Schema(), Tables: []tableHead{}}
	for i, t := range all {
		t.number()
		t.settle()
		t.flush()
		h.Tables = append(h.Tables, tableHead{Name: []byte(names[i]), Number: binary.BigEndian.Uint64(t.prefix[:]), Len: t.len(), Walk: t.walk.id})
	}
	h.Next = p.next
	return keep(s, keptTables, p.kv, h)
}

// flush stores the keys in memory to which pointers were given out since they
// were last stored, if they have changed.
func (t *table) flush() {
	for slot := range t.index.all() {
		c := t.cells.at(slot)
		if !c.given {
			continue
		}
		row, value := t.row(0, c)
		if sum := xxh3.Hash(value); !c.kept || sum != c.sum {
			t.set(c, row)
			c.kept, c.sum = true, sum
		}
		c.given = false
	}
}

// restoring takes up tables.
type restoring struct {
	*tables
	fresh func(name string) *table // makes a table
	all   map[string]*table
	names map[uint64]string // of the tables of a piece, by their numbers
	state *layout.Decoder
	of    uint64 // the number in the last row
	to    *table // its table, nil before the first row
	key   []byte
	row   []byte
}

// restore takes up the tables and calls f for those that have keys, in the order
// of their names.
func (p *tables) restore(r state.Restoration, fresh func(name string) *table, f func(name string) error) error {
	t := &restoring{tables: p, fresh: fresh, all: map[string]*table{}}
	if err := takeUp(r, keptTables, p.kv, t); err != nil {
		return fmt.Errorf("tables cannot be restored: %w", err)
	}
	for _, name := range sortedNames(t.all) {
		if t.all[name].len() == 0 {
			continue
		}
		if err := f(name); err != nil {
			return fmt.Errorf("the table %q cannot be restored: %w", name, err)
		}
	}
	return nil
}

func sortedNames(all map[string]*table) []string {
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (r *restoring) begin(h *head) (ready bool, err error) {
	switch {
	case h.Tables == nil:
		return false, errPiece
	case !bytes.Equal(h.Keys, r.keys.Schema()): // hashes would not be right any more
		return false, fmt.Errorf("keys were not stored as %s: keys cannot change their type", r.tables.key)
	}
	if r.state, err = r.states.From(h.States); err != nil {
		return false, err
	}
	r.to, r.names = nil, map[uint64]string{}
	for _, t := range h.Tables {
		r.names[t.Number] = string(t.Name)
	}
	return r.state.Same() && r.next == 0, nil
}

func (r *restoring) hash(name []byte) (uint64, error) {
	if len(name) < prefixSize+hashSize {
		return 0, errPiece
	}
	return binary.BigEndian.Uint64(name[prefixSize:]), nil
}

// take copies a row to its table. What is converted is so once.
func (r *restoring) take(name, value []byte) error {
	if n := binary.BigEndian.Uint64(name); r.to == nil || n != r.of {
		called, ok := r.names[n]
		if !ok {
			return fmt.Errorf("%w: a row belongs to no table", errPiece)
		}
		if r.of, r.to = n, r.all[called]; r.to == nil {
			r.to = r.fresh(called)
			r.to.number()
			r.all[called] = r.to
		}
	}
	_, n := binary.Uvarint(value)
	if n <= 0 {
		return errPiece
	}
	r.row = append(r.row[:0], 0) // no walk has come by
	if value = value[n:]; r.state.Same() {
		r.row = append(r.row, value...)
	} else if err := r.convert(value); err != nil {
		return err
	}
	r.key = append(append(r.key[:0], r.to.prefix[:]...), name[prefixSize:]...)
	if err := r.kv.Set(r.key, r.row); err != nil {
		return err
	}
	r.to.away++
	r.to.stored = true
	return nil
}

// convert adds a state of another version to the row.
func (r *restoring) convert(value []byte) error {
	slot := r.acquire()
	defer r.release(slot)
	p := r.cells.state(r.cells.at(slot))
	rest, err := r.state.Load(value, p)
	if err == nil && len(rest) > 0 {
		err = errPiece
	}
	if err == nil {
		r.row, err = r.states.Append(r.row, p)
	}
	return err
}

// use takes over the tables whose rows are in the store of bytes, and removes
// the rows of others.
func (r *restoring) use(h *head) error {
	r.next = h.Next
	slices.SortFunc(h.Tables, func(a, b tableHead) int { return cmp.Compare(a.Number, b.Number) })
	last := uint64(0)
	for _, th := range h.Tables {
		t := r.fresh(string(th.Name))
		binary.BigEndian.PutUint64(t.prefix[:], th.Number)
		t.numbered = true
		t.away, t.stored, t.walk.id = th.Len, true, th.Walk
		r.all[string(th.Name)] = t
		if err := r.dropTables(last, th.Number); err != nil {
			return err
		}
		last = th.Number + 1
	}
	return r.dropTables(last, max(last, h.Next))
}

// dropTables removes the rows of tables that nobody has.
func (r *restoring) dropTables(from, to uint64) error {
	if from == to {
		return nil
	}
	return r.kv.DeleteRange(binary.BigEndian.AppendUint64(nil, from), binary.BigEndian.AppendUint64(nil, to))
}
