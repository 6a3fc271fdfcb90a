package checkpoint_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/affluxdev/afflux/internal/checkpoint"
	"github.com/affluxdev/afflux/internal/checkpoint/storetest"
)

func TestDirectory(t *testing.T) {
	open := func(t *testing.T) checkpoint.Store {
		d, err := checkpoint.NewDirectory(filepath.Join(t.TempDir(), "not", "there", "yet"))
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	storetest.Run(t, open)
	for range 20 {
		storetest.Exclusive(t, open(t))
	}
}

// TestDirectoryAfterCrash finds no trace of what was not committed.
func TestDirectoryAfterCrash(t *testing.T) {
	root := t.TempDir()
	d, err := checkpoint.NewDirectory(root)
	if err != nil {
		t.Fatal(err)
	}
	if err := checkpoint.Put(t.Context(), d, "a/whole", []byte("x")); err != nil {
		t.Fatal(err)
	}
	p, err := d.Create(t.Context(), "a/half")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Write([]byte("y")); err != nil {
		t.Fatal(err)
	}
	again, err := checkpoint.NewDirectory(root)
	if err != nil {
		t.Fatal(err)
	}
	claim, err := again.Claim()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Claim(); !errors.Is(err, checkpoint.ErrClaimed) {
		t.Errorf("claimed twice: %v", err)
	}
	if err := claim.Close(); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(filepath.Join(root, "a"))
	if err != nil || len(left) != 1 || left[0].Name() != "whole" {
		t.Errorf("what is left: %v, %v", left, err)
	}
	if err := p.Commit(); err == nil {
		t.Error("a file that was cleaned up is committed")
	}
	if _, err := checkpoint.OpenDirectory(filepath.Join(root, "b")); err == nil {
		t.Error("a directory that is not there is opened to read")
	}
}
