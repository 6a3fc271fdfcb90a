package paged

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/state"
)

// taker takes up what was stored.
type taker interface {
	// begin is told what follows: rows that are to be taken, or, if ready, a whole
	// store that can be used as it is.
	begin(h *head) (ready bool, err error)
	// take takes a row of a key that belongs to the subtask.
	take(name, value []byte) error
	// use goes on with the store that h describes.
	use(h *head) error
	// hash is the hash of the key with a name, as far as key groups need it.
	hash(name []byte) (uint64, error)
}

// takeUp restores what keep has handed over under a name.
func takeUp(r state.Restoration, name string, kv state.KV, t taker) error {
	var filed []*piece
	err := r.Keyed(name, func(in io.Reader) error {
		p, err := openPiece(in)
		if err != nil {
			return err
		}
		if p.ids != nil {
			filed = append(filed, p)
			return nil
		}
		if _, err = t.begin(&p.head); err != nil {
			return err
		}
		return p.rows(func(name, value []byte) error {
			h, err := t.hash(name)
			if err == nil && r.Owns(h) {
				err = t.take(name, value)
			}
			return err
		})
	})
	if err != nil || len(filed) == 0 {
		return err
	}
	into, ok := kv.(state.FiledKV)
	if !ok {
		return fmt.Errorf("states were stored as files of another store, which %T cannot read: restore them where they were", kv)
	}
	return takeFiles(r, name, into, filed, t)
}

// takeFiles restores pieces whose rows are in files.
func takeFiles(r state.Restoration, name string, kv state.FiledKV, pieces []*piece, t taker) (err error) {
	imports := make([]state.KVImport, len(pieces))
	defer func() {
		for _, i := range imports {
			if i != nil {
				err = errors.Join(err, i.Close())
			}
		}
	}()
	missing := map[string]int{} // the piece of each file
	for i, p := range pieces {
		if imports[i], err = kv.Import(); err != nil {
			return err
		}
		for _, id := range p.ids {
			if _, twice := missing[id]; twice {
				return errPiece
			}
			missing[id] = i
		}
	}
	err = r.Files(name, func(_ int, id string, in io.Reader) error {
		i, ok := missing[id]
		if !ok {
			return fmt.Errorf("the file %q of stored states belongs to none of them", id)
		}
		delete(missing, id)
		return imports[i].Add(id, in)
	})
	if err != nil {
		return err
	}
	for id := range missing {
		return fmt.Errorf("%d files of stored states are missing, like %q", len(missing), id)
	}
	for i, p := range pieces {
		ready, err := t.begin(&p.head)
		if err == nil && ready && len(pieces) == 1 && r.Whole() {
			if err = imports[i].Use(); err == nil {
				err = t.use(&p.head)
			}
		} else if err == nil {
			err = takeRows(r, imports[i], p, t)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// takeRows takes the rows of the subtask's keys from files.
func takeRows(r state.Restoration, from state.KVImport, p *piece, t taker) (err error) {
	rows, err := from.Read()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for _, prefix := range p.head.prefixes() {
		for _, g := range owned(r) {
			if err := takeRange(r, rows, prefix, g, t); err != nil {
				return err
			}
		}
	}
	return nil
}

// hashes is a range of hashes, both ends included.
type hashes struct{ first, last uint64 }

// groupBits is where the key group is in a hash.
const groupBits = 57

// owned are the ranges of hashes that may belong to the subtask.
func owned(r state.Restoration) (all []hashes) {
	for g := range uint64(event.KeyGroups) {
		first := g << groupBits
		if !r.Owns(first | 1) {
			continue
		}
		last := first | (1<<groupBits - 1)
		if n := len(all); n > 0 && all[n-1].last == first-1 {
			all[n-1].last = last
			continue
		}
		all = append(all, hashes{first, last})
	}
	return all
}

// takeRange takes the rows of a range of hashes.
func takeRange(r state.Restoration, rows scanning, prefix []byte, g hashes, t taker) error {
	after := prefix
	if g.first > 0 { // what is between the hash before it and it belongs to others
		after = binary.BigEndian.AppendUint64(prefix[:len(prefix):len(prefix)], g.first-1)
	}
	return eachRow(rows, after, prefix, func(name, value []byte) (bool, error) {
		h, err := t.hash(name)
		if err != nil || h > g.last {
			return false, err
		}
		if !r.Owns(h) {
			return true, nil
		}
		return true, t.take(name, value)
	})
}
