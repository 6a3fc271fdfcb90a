package filelock_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/affluxdev/afflux/internal/filelock"
)

func TestTake(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, err := filelock.Take(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := filelock.Take(path); !errors.Is(err, filelock.ErrHeld) {
		t.Errorf("taken twice: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := filelock.Take(path)
	if err != nil {
		t.Fatal("given back, it cannot be taken:", err)
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := filelock.Take(filepath.Join(path, "below")); err == nil || errors.Is(err, filelock.ErrHeld) || errors.Is(err, os.ErrExist) {
		t.Errorf("in a directory that is none: %v", err)
	}
}
