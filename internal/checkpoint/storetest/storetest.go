// Package storetest is the kit that every checkpoint.Store must pass.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/affluxdev/afflux/internal/checkpoint"
)

// Run holds stores to the contract, but for [Exclusive]. Make returns an empty
// store each time.
func Run(t *testing.T, make func(t *testing.T) checkpoint.Store) {
	for name, test := range map[string]func(*testing.T, checkpoint.Store){
		"read back": readBack, "ranges": ranges, "not there before Commit": invisible, "Abort": abort, "taken": taken,
		"List": list, "Delete": remove, "names": names, "many at once": concurrent,
		"owners": owners, "an owner overtaken": overtaken, "an owner that is quicker": quicker, "remains of owners": remains,
	} {
		t.Run(name, func(t *testing.T) { test(t, make(t)) })
	}
}

func content(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * i >> 3)
	}
	return b
}

func put(t *testing.T, s checkpoint.Store, name string, b []byte) {
	t.Helper()
	if err := checkpoint.Put(t.Context(), s, name, b); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, s checkpoint.Store, name string, offset, length int64) []byte {
	t.Helper()
	r, err := s.Open(t.Context(), name, offset, length)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	return b
}

func entries(t *testing.T, s checkpoint.Store, prefix string) map[string]int64 {
	t.Helper()
	out := map[string]int64{}
	for e, err := range s.List(t.Context(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		out[e.Name] = e.Size
	}
	return out
}

func readBack(t *testing.T, s checkpoint.Store) {
	for _, n := range []int{0, 1, 1000, 1 << 20} {
		name := fmt.Sprintf("a/b-%d", n)
		put(t, s, name, content(n))
		if got := get(t, s, name, 0, -1); !bytes.Equal(got, content(n)) {
			t.Errorf("%d bytes came back as %d, or others", n, len(got))
		}
	}
}

func ranges(t *testing.T, s checkpoint.Store) {
	all := content(100)
	put(t, s, "f", all)
	for _, r := range [][2]int64{{0, 100}, {0, 0}, {10, 20}, {99, 1}, {90, 100}, {100, 1}, {500, 5}, {40, -1}} {
		end := min(r[0]+r[1], 100)
		if r[1] < 0 {
			end = 100
		}
		want := all[min(r[0], 100):max(end, min(r[0], 100))]
		if got := get(t, s, "f", r[0], r[1]); !bytes.Equal(got, want) {
			t.Errorf("%d bytes from %d are %x, not %x", r[1], r[0], got, want)
		}
	}
	if _, err := s.Open(t.Context(), "g", 0, 1); !errors.Is(err, checkpoint.ErrNotFound) {
		t.Errorf("a file that is not there: %v", err)
	}
	if _, err := checkpoint.Get(t.Context(), s, "f", 90, 11); err == nil {
		t.Error("Get is content with less than was asked for")
	}
}

func invisible(t *testing.T, s checkpoint.Store) {
	p, err := s.Create(t.Context(), "d/f")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Write(content(1 << 20)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(t.Context(), "d/f", 0, 1); !errors.Is(err, checkpoint.ErrNotFound) {
		t.Errorf("before Commit: %v", err)
	}
	if got := entries(t, s, ""); len(got) > 0 {
		t.Errorf("before Commit the store lists %v", got)
	}
	if err := p.Commit(); err != nil {
		t.Fatal(err)
	}
	if got := entries(t, s, ""); !maps.Equal(got, map[string]int64{"d/f": 1 << 20}) {
		t.Errorf("after Commit the store lists %v", got)
	}
	if err := p.Commit(); err == nil {
		t.Error("a second Commit is no error")
	}
	if err := p.Abort(); err != nil || len(entries(t, s, "")) != 1 {
		t.Errorf("Abort after Commit: %v", err)
	}
}

func abort(t *testing.T, s checkpoint.Store) {
	for _, n := range []int{0, 10, 1 << 20} {
		p, err := s.Create(t.Context(), "d/f")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Write(content(n)); err != nil {
			t.Fatal(err)
		}
		if err := p.Abort(); err != nil {
			t.Fatal(err)
		}
		if got := entries(t, s, ""); len(got) > 0 {
			t.Errorf("after Abort the store lists %v", got)
		}
	}
	put(t, s, "d/f", content(5))
}

func taken(t *testing.T, s checkpoint.Store) {
	put(t, s, "f", content(5))
	if err := checkpoint.Put(t.Context(), s, "f", content(6)); !errors.Is(err, checkpoint.ErrExists) {
		t.Errorf("a name that is taken: %v", err)
	}
	if got := get(t, s, "f", 0, -1); !bytes.Equal(got, content(5)) {
		t.Error("the first file was changed")
	}
	if got := entries(t, s, ""); !maps.Equal(got, map[string]int64{"f": 5}) {
		t.Errorf("the store lists %v", got)
	}
}

func list(t *testing.T, s checkpoint.Store) {
	want := map[string]int64{"a-1/x": 1, "a-1/y/z": 2, "a-2/x": 3, "b": 4}
	for name, size := range want {
		put(t, s, name, content(int(size)))
	}
	for _, prefix := range []string{"", "a", "a-1", "a-1/", "a-1/y", "a-1/y/z", "a-2/x", "b", "c", "a-1/x/"} {
		filtered := maps.Clone(want)
		maps.DeleteFunc(filtered, func(name string, _ int64) bool { return len(name) < len(prefix) || name[:len(prefix)] != prefix })
		if got := entries(t, s, prefix); !maps.Equal(got, filtered) {
			t.Errorf("%q lists %v, not %v", prefix, got, filtered)
		}
	}
	for _, err := range s.List(t.Context(), "") { // a caller may stop at the first
		if err != nil {
			t.Error(err)
		}
		break
	}
}

func remove(t *testing.T, s checkpoint.Store) {
	put(t, s, "d/e/f", content(5))
	put(t, s, "d/g", content(5))
	for range 2 { // that it is gone is no error
		if err := s.Delete(t.Context(), "d/e/f"); err != nil {
			t.Fatal(err)
		}
	}
	if got := entries(t, s, ""); !maps.Equal(got, map[string]int64{"d/g": 5}) {
		t.Errorf("the store lists %v", got)
	}
	put(t, s, "d/e/f", content(6))
}

func names(t *testing.T, s checkpoint.Store) {
	for _, name := range []string{"", "/a", "a/", "../a", "a/../b", "a//b", ".hidden", "a/.b", `a\b`, "a b", "a\x00"} {
		if _, err := s.Create(t.Context(), name); err == nil {
			t.Errorf("Create takes %q", name)
		}
		if _, err := s.Open(t.Context(), name, 0, 1); err == nil {
			t.Errorf("Open takes %q", name)
		}
		if err := s.Delete(t.Context(), name); err == nil {
			t.Errorf("Delete takes %q", name)
		}
	}
}

// concurrent creates files in the same directory.
func concurrent(t *testing.T, s checkpoint.Store) {
	const writers = 8
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			if err := checkpoint.Put(context.Background(), s, fmt.Sprintf("d/%d", i), content(1000+i)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for i := range writers {
		if got := get(t, s, fmt.Sprintf("d/%d", i), 0, -1); !bytes.Equal(got, content(1000+i)) {
			t.Errorf("file %d is not what was written", i)
		}
	}
}

// Exclusive creates the same file several times at once: one of them wins, and
// the file is whole.
func Exclusive(t *testing.T, s checkpoint.Store) {
	const writers = 8
	var wg sync.WaitGroup
	won := make([]bool, writers)
	for i := range writers {
		wg.Go(func() {
			err := checkpoint.Put(context.Background(), s, "d/same", bytes.Repeat([]byte{byte(i)}, 100000))
			won[i] = err == nil
			if err != nil && !errors.Is(err, checkpoint.ErrExists) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	winner := slices.Index(won, true)
	if winner < 0 || slices.Contains(won[winner+1:], true) {
		t.Fatalf("who created the same file: %v", won)
	}
	if got := get(t, s, "d/same", 0, -1); !bytes.Equal(got, bytes.Repeat([]byte{byte(winner)}, 100000)) {
		t.Error("the file is not that of who created it")
	}
	if got := entries(t, s, ""); len(got) != 1 {
		t.Errorf("the store lists %v", got)
	}
}
