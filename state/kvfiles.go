package state

import "io"

// FiledKV is a KV whose contents are files, most of which never change, so that
// a checkpoint can refer to those that earlier ones have. A KV that is none has
// its rows written one by one.
type FiledKV interface {
	KV
	// Files returns the contents as of now, as files that stay as they are while
	// the KV goes on to be used, and after it was closed.
	Files() (KVFiles, error)
	// Import begins to take up files of a KV of the same kind, this or another
	// one. It may be called while the KV is empty and its Scan returns nothing.
	Import() (KVImport, error)
}

// KVFiles are the files of a KV at one moment. Their methods may be called by
// any goroutine, one at a time.
type KVFiles interface {
	// List is the files. It is not to be changed.
	List() []KVFile
	// Read opens the contents to be read.
	Read() (KVReader, error)
	// Release gives the files up. It is called once.
	Release() error
}

// KVFile is one file.
type KVFile struct {
	// ID stands for the name and the contents of the file: no two files of a
	// program have the same one, but for those with the same contents.
	ID string
	// Open opens the file. It may be called at any time until the files are
	// released, by any goroutine.
	Open func() (io.ReadCloser, error)
}

// KVImport takes up files.
type KVImport interface {
	// Add copies a file, up to its end.
	Add(id string, r io.Reader) error
	// Use makes what was added the contents of the KV. It is called once, or Read
	// is.
	Use() error
	// Read opens what was added to be read.
	Read() (KVReader, error)
	// Close removes what was added and is not used. Readers are closed before.
	Close() error
}

// KVReader reads what a KV held at one moment. It belongs to one goroutine.
type KVReader interface {
	// Scan is that of KV.
	Scan(after []byte, n int, f func(key, value []byte)) error
	// Close releases it.
	Close() error
}
