package pebble

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	engine "github.com/cockroachdb/pebble/v2"

	"github.com/affluxdev/afflux/state"
)

// The id of a file is its name, its size, and where it comes from: a table never
// changes in a database, and any other file is the checkpoint's alone.
const (
	tableSuffix = ".sst"
	idParts     = 3
)

func fileID(name string, size int64, from string) string {
	return fmt.Sprintf("%s/%d/%s", name, size, from)
}

func parseID(id string) (name string, size int64, err error) {
	parts := strings.Split(id, "/")
	if len(parts) == idParts {
		name = parts[0]
		size, err = strconv.ParseInt(parts[1], 10, 64)
	}
	if len(parts) != idParts || err != nil || name == "" || !filepath.IsLocal(name) || filepath.Base(name) != name || name == "." {
		return "", 0, fmt.Errorf("the file %q of a checkpoint is none of a Pebble database", id)
	}
	return name, size, nil
}

// origin is a name that no other database has.
func origin() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // it never fails
	return hex.EncodeToString(b[:])
}

// files are hard links to the files of a database at one moment, beside its
// directory.
type files struct {
	d    *disk
	dir  string
	list []state.KVFile
}

// Files implements state.FiledKV.
func (k *kv) Files() (state.KVFiles, error) {
	if err := k.apply(); err != nil {
		return nil, err
	}
	if err := k.db.Flush(); err != nil { // there is no log
		return nil, fmt.Errorf("the state cannot be written: %w", err)
	}
	dir, err := os.MkdirTemp(k.d.dir, filepath.Base(k.dir)+"-checkpoint-*")
	if err != nil {
		return nil, fmt.Errorf("the directory of a checkpoint: %w", err)
	}
	f := &files{d: k.d, dir: dir}
	if err = k.db.Checkpoint(f.path()); err == nil {
		err = f.read(k.origin)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the files of the state cannot be kept for a checkpoint: %w", err), os.RemoveAll(dir))
	}
	return f, nil
}

func (f *files) path() string { return filepath.Join(f.dir, stateDir) }

func (f *files) read(from string) error {
	entries, err := os.ReadDir(f.path())
	if err != nil {
		return err
	}
	once := origin()
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return err
		}
		owner := once
		if strings.HasSuffix(e.Name(), tableSuffix) {
			owner = from
		}
		path := filepath.Join(f.path(), e.Name())
		f.list = append(f.list, state.KVFile{
			ID:   fileID(e.Name(), info.Size(), owner),
			Open: func() (io.ReadCloser, error) { return os.Open(path) },
		})
	}
	return nil
}

// List implements state.KVFiles.
func (f *files) List() []state.KVFile { return f.list }

// Read implements state.KVFiles.
func (f *files) Read() (state.KVReader, error) { return f.d.view(f.path()) }

// Release implements state.KVFiles.
func (f *files) Release() error { return os.RemoveAll(f.dir) }

// imported are files of a checkpoint.
type imported struct {
	k    *kv
	dir  string
	used bool
}

// Import implements state.FiledKV.
func (k *kv) Import() (state.KVImport, error) {
	dir, err := os.MkdirTemp(k.d.dir, filepath.Base(k.dir)+"-restore-*")
	if err != nil {
		return nil, fmt.Errorf("the directory of restored state: %w", err)
	}
	i := &imported{k: k, dir: dir}
	if err := os.Mkdir(i.path(), 0o755); err != nil {
		return nil, errors.Join(fmt.Errorf("the directory of restored state: %w", err), os.RemoveAll(dir))
	}
	return i, nil
}

func (i *imported) path() string { return filepath.Join(i.dir, stateDir) }

// Add implements state.KVImport.
func (i *imported) Add(id string, r io.Reader) (err error) {
	name, size, err := parseID(id)
	if err != nil {
		return err
	}
	out, err := os.OpenFile(filepath.Join(i.path(), name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fmt.Errorf("a file of restored state: %w", err)
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	n, err := io.Copy(out, r)
	if err != nil {
		return fmt.Errorf("the file %q of restored state: %w", name, err)
	}
	if n != size {
		return fmt.Errorf("the file %q of restored state has %d bytes instead of %d", name, n, size)
	}
	return nil
}

// Use implements state.KVImport.
func (i *imported) Use() error {
	db, err := i.k.d.open(i.path(), false)
	if err != nil {
		return err
	}
	k := i.k
	old := errors.Join(k.shut(), os.RemoveAll(k.dir))
	k.dir, k.origin, i.used = i.dir, origin(), true
	k.begin(db)
	return old
}

// Read implements state.KVImport.
func (i *imported) Read() (state.KVReader, error) { return i.k.d.view(i.path()) }

// Close implements state.KVImport.
func (i *imported) Close() error {
	if i.used {
		return nil
	}
	return os.RemoveAll(i.dir)
}

// view is a database that is only read.
type view struct {
	db *engine.DB
	scanner
}

func (d *disk) view(path string) (state.KVReader, error) {
	db, err := d.open(path, true)
	if err != nil {
		return nil, err
	}
	return &view{db: db, scanner: scanner{db: db}}, nil
}

// Close implements state.KVReader.
func (v *view) Close() error { return v.db.Close() }
