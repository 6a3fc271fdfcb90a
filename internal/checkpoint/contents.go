package checkpoint

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
)

// ErrNone is that a store holds no checkpoint.
var ErrNone = errors.New("there is no checkpoint")

// Contents is what a store holds, as of one look at it.
type Contents struct {
	snapshots []stored // newest first
	seals     []stored // likewise
	sizes     map[string]int64
	highest   int64
}

// stored is a checkpoint or savepoint that has a manifest.
type stored struct {
	kind     Kind
	id       int64
	manifest *Manifest // nil if err is not
	err      error
}

// Scan reads all manifests of a store and compares the sizes of their files.
// What is damaged is no error here. Files that are not laid out like those of a
// checkpoint are ignored. Who will write uses [Ownership.Scan].
func Scan(ctx context.Context, s Store) (*Contents, error) {
	c := &Contents{sizes: map[string]int64{}}
	for e, err := range s.List(ctx, "") {
		if err != nil {
			return nil, fmt.Errorf("list checkpoints: %w", err)
		}
		kind, id, rest, ok := parseName(e.Name)
		if !ok {
			continue
		}
		c.highest = max(c.highest, id)
		c.sizes[e.Name] = e.Size
		if rest == manifestName {
			c.snapshots = append(c.snapshots, stored{kind: kind, id: id})
		}
	}
	slices.SortFunc(c.snapshots, func(a, b stored) int { return cmp.Or(cmp.Compare(b.id, a.id), cmp.Compare(a.kind, b.kind)) })
	found := c.snapshots
	c.snapshots = found[:0]
	for _, x := range found {
		name := ManifestName(x.kind, x.id)
		b, err := readManifest(ctx, s, name, c.sizes[name])
		switch d := (*Damage)(nil); {
		case err == nil && isSeal(b):
			c.seals = append(c.seals, x)
			continue
		case err == nil:
			x.manifest, x.err = c.load(&x, name, b)
		// Only what is wrong with the bytes is known to stay wrong.
		case !errors.As(err, &d) && !errors.Is(err, ErrNotFound):
			return nil, err
		default:
			x.err = err
		}
		c.snapshots = append(c.snapshots, x)
	}
	return c, nil
}

// readManifest refuses a size that no manifest has before it reads.
func readManifest(ctx context.Context, s Store, name string, size int64) ([]byte, error) {
	if size > MaxManifest {
		return nil, &Damage{name, 0, fmt.Sprintf("it is %d bytes long; %d are allowed", size, MaxManifest)}
	}
	return Get(ctx, s, name, 0, size)
}

func (c *Contents) load(x *stored, name string, b []byte) (*Manifest, error) {
	m, err := Decode(name, b)
	if err != nil {
		return nil, err
	}
	if m.ID != x.id || m.Kind != x.kind {
		return nil, &Damage{name, 0, fmt.Sprintf("it is the manifest of %s %d", m.Kind, m.ID)}
	}
	for _, f := range m.Files {
		size, ok := c.sizes[f.Name]
		if !ok {
			return nil, &Damage{f.Name, 0, "the file is missing; " + name + " needs it"}
		}
		if size != f.Size {
			return nil, &Damage{f.Name, min(size, f.Size), fmt.Sprintf("the file is %d bytes long; %s says that it is %d", size, name, f.Size)}
		}
	}
	return m, nil
}

// Latest is the newest checkpoint or savepoint with an id below before (0 for
// any) whose manifest decodes and whose files are all there. Warnings name what
// is damaged and was passed over. It is [ErrNone] if there is none at all, and
// another error if all that there are are damaged, or if a newer version of the
// format is in the way.
//
// The contents of files are checked when they are read. Who finds damage then
// calls Latest again, with the id of the checkpoint that has it.
func (c *Contents) Latest(before int64) (m *Manifest, warnings []error, err error) {
	seen := 0
	for _, x := range c.snapshots {
		if before > 0 && x.id >= before {
			continue
		}
		seen++
		if x.err == nil {
			return x.manifest, warnings, nil
		}
		err := fmt.Errorf("%s %d cannot be used: %w", x.kind, x.id, x.err)
		if d := (*Damage)(nil); !errors.As(err, &d) && !errors.Is(err, ErrNotFound) {
			return nil, warnings, err
		}
		warnings = append(warnings, err)
	}
	switch {
	case seen > 0:
		return nil, nil, fmt.Errorf("no checkpoint can be used: %w", errors.Join(warnings...))
	case before > 0 && len(c.snapshots) > 0:
		return nil, nil, fmt.Errorf("before checkpoint %d: %w", before, ErrNone)
	}
	return nil, nil, ErrNone
}

// Find is the manifest of a certain checkpoint or savepoint.
func (c *Contents) Find(kind Kind, id int64) (*Manifest, error) {
	for _, x := range c.snapshots {
		if x.id == id && x.kind == kind {
			return x.manifest, x.err
		}
	}
	return nil, fmt.Errorf("%s %d: %w", kind, id, ErrNone)
}

// Next is an id for a new checkpoint: larger than that of any file in the store.
func (c *Contents) Next() int64 { return c.highest + 1 }

// Registry counts what the checkpoints need that can be used.
func (c *Contents) Registry() (*Registry, error) {
	var good []*Manifest
	for _, x := range c.snapshots {
		if x.err == nil {
			good = append(good, x.manifest)
		}
	}
	return NewRegistry(good...)
}

// open are the names of the manifests that owners other than that one may be
// about to create, sorted: of checkpoints that have files of theirs.
func (c *Contents) open(owner int64) []string {
	var out []string
	for name := range c.sizes {
		kind, id, rest, _ := parseName(name)
		manifest := ManifestName(kind, id)
		if _, there := c.sizes[manifest]; !there && ownerOf(rest) != owner {
			out = append(out, manifest)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// garbage are the files that no manifest names, sorted by name: what is left of
// attempts that were given up or killed, and old seals. The files of owners with
// a larger number are not among them, unless it is 0: then nobody else may be
// writing to the store. The directory of a manifest that is damaged is left
// alone, for whoever wants to look.
func (c *Contents) garbage(owner int64) ([]string, error) {
	registry, err := c.Registry()
	if err != nil {
		return nil, err
	}
	keep := map[string]bool{}
	for _, x := range c.snapshots {
		keep[ManifestName(x.kind, x.id)] = true
		if x.err != nil {
			keep[DirectoryName(x.kind, x.id)] = true
		}
	}
	for i, x := range c.seals {
		keep[ManifestName(x.kind, x.id)] = i < sealsKept
	}
	var out []string
	for name := range c.sizes {
		kind, id, rest, _ := parseName(name)
		newer := owner > 0 && ownerOf(rest) > owner
		if !keep[name] && !keep[DirectoryName(kind, id)] && !newer && !registry.Needs(name) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out, nil
}
