// Package pebble keeps keyed state that is larger than memory in Pebble, a
// log-structured store of sorted tables, on a local disk.
//
// Nothing is kept beyond the job but by checkpoints, which take the files of a
// moment elsewhere: there is no write-ahead log, nothing waits for the disk, and
// files are removed when an operator closes. After a crash they stay in the
// directory and may be deleted.
package pebble

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	engine "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/affluxdev/afflux/state"
)

// MinMemory is the least memory that a subtask can work with, in bytes.
const MinMemory = 4 << 20

// How the memory of a subtask is divided: three quarters are for keys and states
// in use, an eighth for the cache, and the rest for write buffers, of which up to
// three exist, and for what Pebble needs to know about its files. A key in use
// spares a look-up, a block in the cache only its reading.
const (
	residentQuarters = 3
	cacheShare       = 8
	bufferShare      = 32
)

// blockSize is small, since what is read is single keys in no order.
const blockSize = 1 << 10

// indexSize divides the index of a table: one that has left the cache would cost as
// much to read as sixty blocks, for a block of 1 KB.
const indexSize = 16 << 10

// filterBits are the bits of the filter of a table for each of its keys.
const filterBits = 10

// baseShare is how many times the memory all files may have before there is a
// level between the first and the last one: fewer levels are read faster.
const baseShare = 4

// newTables is how many tables are written before they are merged with the level
// below. Keys come in no order, so a merge writes all of that level again, and a
// checkpoint copies it. Each checkpoint writes one, however little has changed.
const newTables = 8

// manifestSize is about how large the list of tables becomes before it is written
// anew: each checkpoint has a copy of it.
const manifestSize = 1 << 20

// readCache is the memory of a database that is only read from end to end.
const readCache = 1 << 20

// disk is a directory with a budget.
type disk struct {
	dir    string
	memory int64
}

// In keeps state in a directory, which is made if it does not exist. Each
// subtask of each operator with state uses about memory bytes, MinMemory or
// more: three quarters for keys and states in use, decoded, and the rest for the
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

// cache is how many bytes the cache of a subtask has.
func (d *disk) cache() int64 { return d.memory / cacheShare }

// Resident implements state.Disk.
func (d *disk) Resident() int64 { return d.memory / 4 * residentQuarters }

// Open implements state.Disk.
func (d *disk) Open(operator string, subtask int) (state.KV, error) {
	dir, err := os.MkdirTemp(d.dir, fmt.Sprintf("%s-%d-*", url.PathEscape(operator), subtask))
	if err != nil {
		return nil, fmt.Errorf("the directory of the state: %w", err)
	}
	db, err := d.open(filepath.Join(dir, stateDir), false)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return newKV(d, db, dir, d.memory-d.Resident()), nil
}

// stateDir is the directory of a database in that of a subtask.
const stateDir = "state"

// open opens a database: the one that is there, a new one if the directory is
// not, and fails if something else is. One that is only read takes little
// memory.
func (d *disk) open(path string, read bool) (*engine.DB, error) {
	_, err := os.Stat(path)
	o := &engine.Options{
		ErrorIfNotExists:            err == nil,
		ReadOnly:                    read,
		FS:                          unsynced{vfs.Default},
		CacheSize:                   d.cache(),
		MemTableSize:                uint64(d.memory / bufferShare),
		MemTableStopWritesThreshold: 3,
		LBaseMaxBytes:               baseShare * d.memory,
		MaxManifestFileSize:         manifestSize,
		L0CompactionThreshold:       2 * newTables,
		L0StopWritesThreshold:       6 * newTables,
		DisableWAL:                  true,
		FormatMajorVersion:          engine.FormatNewest,
		Logger:                      quiet{},
		EventListener:               &engine.EventListener{DataCorruption: func(engine.DataCorruptionInfo) {}}, // who reads is told
	}
	o.Experimental.ReadSamplingMultiplier = -1                                                          // never compact for reads
	o.ApplyCompressionSettings(func() engine.DBCompressionSettings { return engine.DBCompressionNone }) // reading costs more than room
	for i := range o.Levels {
		o.Levels[i].BlockSize = blockSize
		o.Levels[i].IndexBlockSize = indexSize
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(filterBits) // most look-ups are of new keys or of one table
	}
	if read {
		o.CacheSize = readCache
	}
	db, err := engine.Open(path, o)
	if err != nil {
		return nil, fmt.Errorf("the state cannot be opened: %w", err)
	}
	return db, nil
}

// quiet drops what Pebble says about its work. What it cannot survive unwinds.
type quiet struct{}

func (quiet) Infof(string, ...any)              {}
func (quiet) Errorf(string, ...any)             {}
func (quiet) Fatalf(format string, args ...any) { panic(fmt.Errorf("pebble: "+format, args...)) }
