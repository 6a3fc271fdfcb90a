package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/affluxdev/afflux/internal/checkpoint"
)

// between is a store in which something happens just before a manifest, or a seal
// in its place, is created for the first time.
type between struct {
	checkpoint.Store
	happens func()
}

func (b *between) Create(ctx context.Context, name string) (checkpoint.Pending, error) {
	if f := b.happens; f != nil && strings.HasSuffix(name, "/manifest") {
		b.happens = nil
		f()
	}
	return b.Store.Create(ctx, name)
}

func own(t *testing.T, s checkpoint.Store) *checkpoint.Ownership {
	t.Helper()
	o, err := checkpoint.Own(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// written is the manifest of a checkpoint whose only file an owner has written.
func written(t *testing.T, s checkpoint.Store, o *checkpoint.Ownership, id int64) *checkpoint.Manifest {
	t.Helper()
	m := without(id)
	name := o.FileName(checkpoint.Checkpoint, id, "1-state")
	var b bytes.Buffer
	w := checkpoint.NewFileWriter(&b, name)
	if _, err := w.Write(content(100)); err != nil {
		t.Fatal(err)
	}
	size, err := w.Close()
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, name, b.Bytes())
	m.Files = []checkpoint.File{{Name: name, Size: size, Checkpoint: id}}
	return m
}

// without is the manifest of a checkpoint that needs no files.
func without(id int64) *checkpoint.Manifest {
	return &checkpoint.Manifest{Job: "test", ID: id, KeyGroups: 1}
}

// latest is the id of the newest checkpoint, 0 if there is none.
func latest(t *testing.T, c *checkpoint.Contents) int64 {
	t.Helper()
	m, warnings, err := c.Latest(0)
	if errors.Is(err, checkpoint.ErrNone) {
		return 0
	}
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	return m.ID
}

func scan(t *testing.T, o *checkpoint.Ownership) *checkpoint.Contents {
	t.Helper()
	c, err := o.Scan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// owners: of two, the one that started later goes on; the other one can do
// nothing any more, and says why.
func owners(t *testing.T, s checkpoint.Store) {
	first := own(t, s)
	m := written(t, s, first, 1)
	if err := first.PutManifest(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if err := first.PutManifest(t.Context(), m); !errors.Is(err, checkpoint.ErrExists) {
		t.Errorf("a manifest that is there, while nobody has taken over: %v", err)
	}
	second := own(t, s)
	if got := latest(t, scan(t, second)); got != 1 {
		t.Errorf("the second one goes on from checkpoint %d", got)
	}
	late := written(t, s, first, 2)
	before := entries(t, s, "")
	for what, err := range map[string]error{
		"Check":       first.Check(t.Context()),
		"PutManifest": first.PutManifest(t.Context(), late),
		"Delete":      first.Delete(t.Context(), m.Files[0].Name),
		"Scan":        func() error { _, err := first.Scan(t.Context()); return err }(),
	} {
		if !errors.Is(err, checkpoint.ErrSuperseded) {
			t.Errorf("%s of the first one: %v", what, err)
		} else if named, ok := s.(fmt.Stringer); ok && !strings.Contains(err.Error(), named.String()) {
			t.Errorf("%s of the first one does not say where: %v", what, err)
		}
	}
	if after := entries(t, s, ""); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("the first one has changed %v to %v", before, after)
	}
	if err := second.PutManifest(t.Context(), written(t, s, second, 2)); err != nil {
		t.Error("the second one, in a place where the first one has left a file:", err)
	}
	if err := second.Delete(t.Context(), late.Files[0].Name); err != nil {
		t.Error(err)
	}
	if got := latest(t, scan(t, second)); got != 2 {
		t.Errorf("after checkpoint 2 of the second one, the newest is %d", got)
	}
}

// overtaken: somebody takes over after the owner has looked, and before it
// creates its manifest.
func overtaken(t *testing.T, s checkpoint.Store) {
	for id, files := range map[int64]bool{1: true, 2: false} {
		b := &between{Store: s}
		first := own(t, b)
		m := without(id)
		if files {
			m = written(t, s, first, id)
		}
		var second *checkpoint.Ownership
		b.happens = func() {
			second = own(t, s)
			if got := latest(t, scan(t, second)); got != 0 {
				t.Errorf("the second one goes on from checkpoint %d", got)
			}
		}
		if err := first.PutManifest(t.Context(), m); !errors.Is(err, checkpoint.ErrSuperseded) {
			t.Errorf("with files %v: %v", files, err)
		}
		if got := latest(t, scan(t, second)); got != 0 {
			t.Errorf("with files %v, checkpoint %d has come afterwards", files, got)
		}
	}
}

// quicker: the manifest comes after the new owner has looked, and before it seals
// the place.
func quicker(t *testing.T, s checkpoint.Store) {
	first := own(t, s)
	m := written(t, s, first, 1)
	encoded, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	b := &between{Store: s, happens: func() { put(t, s, checkpoint.ManifestName(m.Kind, m.ID), encoded) }}
	second := own(t, b)
	if got := latest(t, scan(t, second)); got != 1 {
		t.Errorf("the second one goes on from checkpoint %d", got)
	}
}

// remains: garbage are the files of owners that are older, and what a sealed
// checkpoint has left, but not its seal.
func remains(t *testing.T, s checkpoint.Store) {
	first := own(t, s)
	old := written(t, s, first, 1).Files[0].Name
	c := scan(t, first)
	second := own(t, s)
	scan(t, second)
	mine := written(t, s, second, 2).Files[0].Name
	for _, x := range []struct {
		of   *checkpoint.Ownership
		want string
	}{{first, old}, {second, old + " " + mine}} {
		all, err := checkpoint.Scan(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		got, err := x.of.Garbage(all)
		if err != nil || strings.Join(got, " ") != x.want {
			t.Errorf("garbage is %q, not %q: %v", got, x.want, err)
		}
	}
	if got, err := first.Garbage(c); err != nil || len(got) != 1 {
		t.Errorf("before the second one, garbage was %q, %v", got, err)
	}
	if c := scan(t, second); c.Next() != 3 {
		t.Errorf("the next checkpoint is %d", c.Next())
	}
}
