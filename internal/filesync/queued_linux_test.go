package filesync

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func file(t *testing.T) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// queueable is a file, if the kernel can be asked to sync it. In CI it has to be.
func queueable(t *testing.T) *os.File {
	t.Helper()
	if process.open() == 0 {
		const missing = "NOT TESTED: this kernel, or what confines the process, has no io_setup"
		if os.Getenv("CI") != "" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	return file(t)
}

// TestQueued: the kernel does it, where it can at all.
func TestQueued(t *testing.T) {
	f := queueable(t)
	if done, err := queued(f); !done || err != nil {
		t.Errorf("done %v, %v", done, err)
	}
	if n := len(process.results); n > 0 {
		t.Errorf("%d results are still waited for", n)
	}
}

// TestResults: others collect results, each one gets its own, and who does not wait
// leaves nothing behind.
func TestResults(t *testing.T) {
	f := queueable(t)
	var events [3]int
	var ids [3]uint64
	for i := range ids {
		var err error
		if events[i], err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = unix.Close(events[i]) }()
		var taken bool
		if ids[i], taken = process.submit(uint32(f.Fd()), uint32(events[i])); !taken {
			t.Fatal("the kernel did not take it")
		}
	}
	if _, known := process.result(ids[0] + 100); known {
		t.Error("there is a result of what was never asked for")
	}
	for i := range ids {
		await(events[i])
	}
	for _, i := range []int{2, 0, 1} {
		if r, known := process.result(ids[i]); !known || r != 0 {
			t.Errorf("of call %d: %d, known %v", i, r, known)
		}
		if _, known := process.result(ids[i]); known {
			t.Errorf("the result of call %d is there twice", i)
		}
	}
	if n := len(process.results); n > 0 {
		t.Errorf("%d results are still waited for", n)
	}
}

// TestFailure: what the kernel could not write is an error, and of that file.
func TestFailure(t *testing.T) {
	f := file(t)
	var at *os.PathError
	if err := failure(f, -int64(unix.EIO)); !errors.Is(err, unix.EIO) || !errors.As(err, &at) || at.Path != f.Name() {
		t.Errorf("of EIO: %v", err)
	}
	if err := failure(f, 0); err != nil {
		t.Errorf("of none: %v", err)
	}
}
