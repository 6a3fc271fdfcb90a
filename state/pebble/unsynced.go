package pebble

import "github.com/cockroachdb/pebble/v2/vfs"

// unsynced is a file system that does not wait for the disk: a database is good
// for nothing after a crash, and a checkpoint is copied from it.
type unsynced struct{ vfs.FS }

// Create implements vfs.FS.
func (fs unsynced) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return lazy(fs.FS.Create(name, c))
}

// OpenReadWrite implements vfs.FS.
func (fs unsynced) OpenReadWrite(name string, c vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	return lazy(fs.FS.OpenReadWrite(name, c, opts...))
}

// OpenDir implements vfs.FS.
func (fs unsynced) OpenDir(name string) (vfs.File, error) { return lazy(fs.FS.OpenDir(name)) }

// ReuseForWrite implements vfs.FS.
func (fs unsynced) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return lazy(fs.FS.ReuseForWrite(from, to, c))
}

// lazyFile is a file whose contents reach the disk when they do.
type lazyFile struct{ vfs.File }

func lazy(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return lazyFile{f}, nil
}

// Sync implements vfs.File.
func (lazyFile) Sync() error { return nil }

// SyncData implements vfs.File.
func (lazyFile) SyncData() error { return nil }

// SyncTo implements vfs.File.
func (lazyFile) SyncTo(int64) (fullSync bool, err error) { return false, nil }
