package filesync_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/affluxdev/afflux/internal/filesync"
)

func create(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	if _, err := f.WriteString("durable"); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestSync(t *testing.T) {
	dir := t.TempDir()
	if err := filesync.Sync(create(t, filepath.Join(dir, "file"))); err != nil {
		t.Error(err)
	}
	d, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(filesync.Sync(d), d.Close()); err != nil {
		t.Errorf("a directory: %v", err)
	}
	if err := filesync.Sync(d); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a closed file: %v", err)
	}
}

// TestSyncOfAPipe has the same error as Sync, where that has one.
func TestSyncOfAPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = r.Close(), w.Close() }()
	if got, want := fmt.Sprint(filesync.Sync(w)), fmt.Sprint(w.Sync()); got != want {
		t.Errorf("%s, and Sync says %s", got, want)
	}
}

// TestManyAtOnce are more than the kernel takes at the same time.
func TestManyAtOnce(t *testing.T) {
	dir := t.TempDir()
	var all sync.WaitGroup
	for i := range 300 {
		f := create(t, filepath.Join(dir, fmt.Sprint(i)))
		all.Go(func() {
			for range 3 {
				if err := filesync.Sync(f); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}
