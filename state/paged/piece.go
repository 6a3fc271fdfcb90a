package paged

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json/v2"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/affluxdev/afflux/state"
)

// A piece of keyed state is stored as pieceMark, pieceVersion, the length of its
// head, and the head as JSON. Then either filesMark, the number of files, and
// their ids, each behind its length: the rows are in these files. Or rowsMark
// and the rows: the length of the name and 1, the name, the length of the value,
// the value; behind them 0 and their number. Numbers are varints.
const (
	pieceMark    = 'P'
	memoryMark   = 'M' // what package memory begins with
	pieceVersion = 1
	filesMark    = 'F'
	rowsMark     = 'R'
)

// head says what the rows are.
type head struct {
	// Keys and States are what the encodings are made with.
	Keys   []byte `json:"keys"`
	States []byte `json:"states"`
	// Len is the number of rows of keys, Next the number that the next table gets.
	Len    int         `json:"len,omitzero"`
	Next   uint64      `json:"next,omitzero"`
	Tables []tableHead `json:"tables,omitzero"`
}

// tableHead is one table.
type tableHead struct {
	Name   []byte `json:"name"`
	Number uint64 `json:"number"` // its rows begin with it
	Len    int    `json:"len"`
	Walk   uint32 `json:"walk"` // of the last walk
}

// prefixes are what the names of rows begin with.
func (h *head) prefixes() [][]byte {
	if h.Tables == nil {
		return [][]byte{nil}
	}
	var all [][]byte
	for _, t := range h.Tables {
		all = append(all, binary.BigEndian.AppendUint64(nil, t.Number))
	}
	return all
}

func (h *head) append(dst []byte) []byte {
	data, err := json.Marshal(h)
	if err != nil {
		panic(fmt.Sprintf("paged: a head cannot be encoded: %v", err)) // it has only bytes and numbers
	}
	dst = append(dst, pieceMark, pieceVersion)
	return append(binary.AppendUvarint(dst, uint64(len(data))), data...)
}

// keep hands over what is in kv.
func keep(s state.Snapshot, name string, kv state.KV, h *head) error {
	filed, ok := kv.(state.FiledKV)
	if !ok {
		var all bytes.Buffer
		if err := writeRows(&all, h, kv); err != nil {
			return fmt.Errorf("stored states cannot be copied for a checkpoint: %w", err)
		}
		s.Keyed(name, written{&all})
		return nil
	}
	files, err := filed.Files()
	if err != nil {
		return err
	}
	s.Release(func() { _ = files.Release() }) // what stays is in a directory that may be emptied
	if s.Savepoint() {
		s.Keyed(name, reading{h, files})
		return nil
	}
	list := files.List()
	p := binary.AppendUvarint(append(h.append(nil), filesMark), uint64(len(list)))
	for _, f := range list {
		p = append(binary.AppendUvarint(p, uint64(len(f.ID))), f.ID...)
		s.File(name, f.ID, f.Open)
	}
	s.Keyed(name, written{bytes.NewBuffer(p)})
	return nil
}

// written is a capture that has been written.
type written struct{ *bytes.Buffer }

// Write implements state.Capture.
func (c written) Write(w io.Writer) error {
	_, err := c.WriteTo(w)
	return err
}

// Release implements state.Capture.
func (written) Release() {}

// reading is a capture of the rows in files, which are released elsewhere.
type reading struct {
	head  *head
	files state.KVFiles
}

// Write implements state.Capture.
func (c reading) Write(w io.Writer) error {
	r, err := c.files.Read()
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(w, 64<<10)
	if err = writeRows(out, c.head, r); err == nil {
		err = out.Flush()
	}
	return errors.Join(err, r.Close())
}

// Release implements state.Capture.
func (reading) Release() {}

// scanning is what rows are read from.
type scanning interface {
	Scan(after []byte, n int, f func(key, value []byte)) error
}

func writeRows(w io.Writer, h *head, from scanning) error {
	if _, err := w.Write(append(h.append(nil), rowsMark)); err != nil {
		return err
	}
	total := 0
	var row []byte
	for _, prefix := range h.prefixes() {
		err := eachRow(from, prefix, prefix, func(name, value []byte) (bool, error) {
			total++
			row = append(binary.AppendUvarint(row[:0], uint64(len(name))+1), name...)
			row = append(binary.AppendUvarint(row, uint64(len(value))), value...)
			_, err := w.Write(row)
			return true, err
		})
		if err != nil {
			return err
		}
	}
	_, err := w.Write(binary.AppendUvarint([]byte{0}, uint64(total)))
	return err
}

// scanRows is how many rows are read at a time.
const scanRows = 512

// eachRow calls f for the rows after one whose names have a prefix, until it
// returns false.
func eachRow(from scanning, after, prefix []byte, f func(name, value []byte) (more bool, err error)) error {
	after = bytes.Clone(after)
	for more := true; more; {
		seen := 0
		var failed error
		err := from.Scan(after, scanRows, func(name, value []byte) {
			seen++
			if !more || failed != nil {
				return
			}
			if more = bytes.HasPrefix(name, prefix); !more {
				return
			}
			after = append(after[:0], name...)
			more, failed = f(name, value)
		})
		if err = errors.Join(err, failed); err != nil {
			return err
		}
		more = more && seen == scanRows
	}
	return nil
}

// piece is a piece that is being read.
type piece struct {
	in   *bufio.Reader
	head head
	ids  []string // nil: rows follow
}

// Bounds of what is read.
const (
	maxHead  = 1 << 28
	maxFiles = 1 << 24
	maxID    = 1 << 12
	maxRow   = 1 << 40
	readRoom = 1 << 20
)

var errPiece = errors.New("stored states are damaged")

// openPiece reads a piece up to its rows, or up to its end.
func openPiece(r io.Reader) (*piece, error) {
	p := &piece{in: bufio.NewReaderSize(r, 64<<10)}
	var begin [2]byte
	if _, err := io.ReadFull(p.in, begin[:]); err != nil {
		return nil, cut(err)
	}
	switch {
	case begin[0] == memoryMark:
		return nil, errors.New("states were stored in memory and are now to be on disk: restore them where they were")
	case begin[0] != pieceMark:
		return nil, errPiece
	case begin[1] != pieceVersion:
		return nil, fmt.Errorf("stored states have format %d, and this program reads %d", begin[1], pieceVersion)
	}
	data, err := p.bytes(nil, maxHead)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, &p.head); err != nil {
		return nil, fmt.Errorf("%w: %w", errPiece, err)
	}
	if err := p.head.check(); err != nil {
		return nil, err
	}
	mark, err := p.in.ReadByte()
	switch {
	case err != nil:
		return nil, cut(err)
	case mark == rowsMark:
		return p, nil
	case mark != filesMark:
		return nil, errPiece
	}
	n, err := p.number(maxFiles)
	if err != nil {
		return nil, err
	}
	p.ids = []string{}
	for range n {
		id, err := p.bytes(nil, maxID)
		if err != nil {
			return nil, err
		}
		p.ids = append(p.ids, string(id))
	}
	return p, p.end()
}

func (h *head) check() error {
	if h.Len < 0 {
		return errPiece
	}
	seen, names := map[uint64]bool{}, map[string]bool{}
	for _, t := range h.Tables {
		if t.Len < 0 || t.Number >= h.Next || seen[t.Number] || names[string(t.Name)] {
			return errPiece
		}
		seen[t.Number], names[string(t.Name)] = true, true
	}
	return nil
}

// rows calls f for each row, and reads up to the end.
func (p *piece) rows(f func(name, value []byte) error) error {
	var name, value []byte
	for total := uint64(0); ; total++ {
		n, err := p.number(maxRow)
		if err != nil {
			return err
		}
		if n == 0 {
			if n, err = p.number(1 << 62); err == nil && n != total {
				return fmt.Errorf("%w: there are %d rows instead of %d", errPiece, total, n)
			}
			if err != nil {
				return err
			}
			return p.end()
		}
		if name, err = p.read(name, n-1); err != nil {
			return err
		}
		if value, err = p.bytes(value, maxRow); err != nil {
			return err
		}
		if err = f(name, value); err != nil {
			return err
		}
	}
}

// end makes sure that nothing follows.
func (p *piece) end() error {
	_, err := p.in.ReadByte()
	if err == nil {
		return fmt.Errorf("%w: something follows them", errPiece)
	}
	if !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

func (p *piece) number(most uint64) (uint64, error) {
	n, err := binary.ReadUvarint(p.in)
	if err == nil && n > most {
		err = errPiece
	}
	return n, cut(err)
}

// bytes reads a length and so many bytes into room.
func (p *piece) bytes(room []byte, most uint64) ([]byte, error) {
	n, err := p.number(most)
	if err != nil {
		return nil, err
	}
	return p.read(room, n)
}

// read reads n bytes. Memory is taken as they come.
func (p *piece) read(room []byte, n uint64) ([]byte, error) {
	room = room[:0]
	for n > 0 {
		step := int(min(n, readRoom))
		at := len(room)
		room = slices.Grow(room, step)[:at+step]
		if _, err := io.ReadFull(p.in, room[at:]); err != nil {
			return nil, cut(err)
		}
		n -= uint64(step)
	}
	return room, nil
}

// cut makes an end in the middle an error that says so.
func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("stored states end too early: %w", io.ErrUnexpectedEOF)
	}
	return err
}
