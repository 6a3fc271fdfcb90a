package memory

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/affluxdev/afflux/state"
)

// A large table is kept in a file of its own, a piece of that one table, under an
// id that stands for what the table holds. So a checkpoint refers to the file of
// the one before if the table has not changed, like the table of a pane that lies
// in the past. Beside the others is a list of such tables: the number of them, and
// for each its name and its id. That name counts, not the one in the file, which
// the table had when it was written.

// largeTable is how many bytes the entries of such a table have at least. A file
// takes a few system calls that wait for the disk, and as many bytes are encoded
// and written in about that time.
const largeTable = 512 << 10

// occupied is how many bytes the entries have.
func (t *slots) occupied() int64 { return int64(t.n) * int64(t.size) }

// stamp returns the id of what the table holds: a new one if that may have changed
// since the last. Ids are counted up by last, over the tables that go into one
// snapshot, so that none comes again.
func (t *slots) stamp(last *uint64) string {
	if t.changed || t.version == 0 {
		*last++
		t.version, t.changed = *last, false
	}
	return strconv.FormatUint(t.version, 10)
}

// fileOf is a table that has a file of its own.
type fileOf struct{ name, id string }

func appendFiles(dst []byte, list []fileOf) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(list)))
	for _, f := range list {
		for _, text := range []string{f.name, f.id} {
			dst = append(binary.AppendUvarint(dst, uint64(len(text))), text...)
		}
	}
	return dst
}

var errFiles = errors.New("the list of tables that have files of their own is damaged")

// eachFile calls f for each table of a list.
func eachFile(data []byte, f func(fileOf) error) error {
	n, w := binary.Uvarint(data)
	if w <= 0 {
		return errFiles
	}
	for data = data[w:]; n > 0; n-- {
		var texts [2]string
		for i := range texts {
			size, w := binary.Uvarint(data)
			if w <= 0 || size > uint64(len(data)-w) {
				return errFiles
			}
			texts[i] = string(data[w : w+int(size)])
			data = data[w+int(size):]
		}
		if err := f(fileOf{texts[0], texts[1]}); err != nil {
			return err
		}
	}
	if len(data) > 0 {
		return errFiles
	}
	return nil
}

// readFiles takes in the tables that have files of their own. All that the pieces
// count have to be there.
func readFiles(r state.Restoration, in *inbox) error {
	type place struct {
		subtask int
		id      string
	}
	names := map[place]string{}
	err := r.Blobs(kept, func(subtask int, data []byte) error {
		return eachFile(data, func(f fileOf) error {
			at := place{subtask, f.id}
			if _, twice := names[at]; twice {
				return errFiles
			}
			names[at] = f.name
			return nil
		})
	})
	if err != nil {
		return err
	}
	if len(names) != in.apart {
		return fmt.Errorf("%d tables have files of their own, and %d are listed: the snapshot is damaged", in.apart, len(names))
	}
	begin := in.begin
	defer func() { in.begin = begin }()
	err = r.Files(keptTable, func(subtask int, id string, from io.Reader) error {
		at := place{subtask, id}
		name, ok := names[at]
		if !ok {
			return fmt.Errorf("the file %q of subtask %d is no table's: the snapshot is damaged", id, subtask)
		}
		delete(names, at)
		tables := 0
		in.begin = func(_ string, n int) error {
			if tables++; tables > 1 {
				return errCut
			}
			return begin(name, n)
		}
		in.apart = 0
		if err := in.read(from, r.Owns); err != nil {
			return fmt.Errorf("the table %q: %w", name, err)
		}
		if tables == 0 || in.apart > 0 {
			return errCut
		}
		return nil
	})
	if err != nil {
		return err
	}
	for at, name := range names {
		return fmt.Errorf("the file %q of subtask %d, with the table %q, is missing", at.id, at.subtask, name)
	}
	return nil
}
