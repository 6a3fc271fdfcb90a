// Package pebble keeps keyed state that is larger than memory in Pebble, a
// log-structured store of sorted tables, on a local disk.
//
// Nothing is kept beyond the job: there is no write-ahead log, and files are
// removed when an operator closes. After a crash they stay in the directory and
// may be deleted.
package pebble

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	engine "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"

	"github.com/affluxdev/afflux/state"
)

// MinMemory is the least memory that a subtask can work with, in bytes.
const MinMemory = 4 << 20

// blockSize is small, since what is read is single keys in no order.
const blockSize = 1 << 10

// disk is a directory with a budget.
type disk struct {
	dir    string
	memory int64
}

// In keeps state in a directory, which is made if it does not exist. Each
// subtask of each operator with state uses about memory bytes, MinMemory or
// more: half of it for keys and states in use, decoded, and the rest for the
// cache and the write buffers of Pebble.
func In(dir string, memory int64) (state.Disk, error) {
	if memory < MinMemory {
		return nil, fmt.Errorf("state on disk in %d bytes of memory: at least %d are needed", memory, MinMemory)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("the directory of the state: %w", err)
	}
	return &disk{dir: dir, memory: memory}, nil
}

// Resident implements state.Disk.
func (d *disk) Resident() int64 { return d.memory / 2 }

// Open implements state.Disk.
func (d *disk) Open(operator string, subtask int) (state.KV, error) {
	dir, err := os.MkdirTemp(d.dir, fmt.Sprintf("%s-%d-*", url.PathEscape(operator), subtask))
	if err != nil {
		return nil, fmt.Errorf("the directory of the state: %w", err)
	}
	o := &engine.Options{
		CacheSize:                   d.memory / 4,
		MemTableSize:                uint64(d.memory / 8),
		MemTableStopWritesThreshold: 2,
		DisableWAL:                  true,
		FormatMajorVersion:          engine.FormatNewest,
		Logger:                      quiet{},
	}
	o.ApplyCompressionSettings(func() engine.DBCompressionSettings { return engine.DBCompressionNone }) // reading costs more than room
	for i := range o.Levels {
		o.Levels[i].BlockSize = blockSize
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10) // most look-ups are of new keys or of one table
	}
	db, err := engine.Open(filepath.Join(dir, "state"), o)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the state cannot be opened: %w", err), os.RemoveAll(dir))
	}
	return &kv{db: db, dir: dir, memory: d.memory - d.Resident()}, nil
}

// quiet drops what Pebble says about its work. What it cannot survive unwinds.
type quiet struct{}

func (quiet) Infof(string, ...any)              {}
func (quiet) Errorf(string, ...any)             {}
func (quiet) Fatalf(format string, args ...any) { panic(fmt.Errorf("pebble: "+format, args...)) }

// kv is one database.
type kv struct {
	db     *engine.DB
	dir    string
	memory int64
	start  []byte
}

// Get implements state.KV.
func (k *kv) Get(key, dst []byte) ([]byte, bool, error) {
	v, closer, err := k.db.Get(key)
	if errors.Is(err, engine.ErrNotFound) {
		return dst, false, nil
	}
	if err != nil {
		return dst, false, err
	}
	return append(dst, v...), true, closer.Close()
}

// Set implements state.KV.
func (k *kv) Set(key, value []byte) error { return k.db.Set(key, value, engine.NoSync) }

// Delete implements state.KV.
func (k *kv) Delete(key []byte) error { return k.db.Delete(key, engine.NoSync) }

// DeleteRange implements state.KV.
func (k *kv) DeleteRange(from, to []byte) error { return k.db.DeleteRange(from, to, engine.NoSync) }

// Scan implements state.KV.
func (k *kv) Scan(after []byte, n int, f func(key, value []byte)) (err error) {
	k.start = append(append(k.start[:0], after...), 0) // the next possible key
	it, err := k.db.NewIter(&engine.IterOptions{LowerBound: k.start})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	ok := it.First()
	for ; ok && n > 0; n-- {
		v, err := it.ValueAndErr()
		if err != nil {
			return err
		}
		f(it.Key(), v)
		ok = it.Next()
	}
	return it.Error()
}

// Bytes implements state.KV.
func (k *kv) Bytes() int64 { return k.memory }

// Close implements state.KV.
func (k *kv) Close() error { return errors.Join(k.db.Close(), os.RemoveAll(k.dir)) }
