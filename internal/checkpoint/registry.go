package checkpoint

import (
	"fmt"
	"maps"
	"slices"
)

// Registry counts which complete checkpoints need which files. It belongs to
// the coordinator.
type Registry struct {
	files     map[string]*counted
	manifests map[int64]entry
}

type counted struct {
	file   File
	needed int // checkpoints and savepoints
	// checkpoints alone: what a new checkpoint may refer to. The user may
	// delete a savepoint at any time.
	shared int
}

type entry struct {
	kind  Kind
	files []File
}

// NewRegistry rebuilds the counts from the manifests that are in the store.
func NewRegistry(manifests ...*Manifest) (*Registry, error) {
	r := &Registry{files: map[string]*counted{}, manifests: map[int64]entry{}}
	for _, m := range manifests {
		if err := r.Add(m.ID, m.Kind, m.Files); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// Add records a complete checkpoint. An error changes nothing.
func (r *Registry) Add(id int64, kind Kind, files []File) error {
	if _, ok := r.manifests[id]; ok {
		return fmt.Errorf("checkpoint %d is there already", id)
	}
	for _, f := range files {
		if c := r.files[f.Name]; c != nil && c.file != f {
			return fmt.Errorf("checkpoint %d needs the file %s with %d bytes of checkpoint %d, others need it with %d bytes of checkpoint %d",
				id, f.Name, f.Size, f.Checkpoint, c.file.Size, c.file.Checkpoint)
		}
	}
	for _, f := range files {
		c := r.files[f.Name]
		if c == nil {
			c = &counted{file: f}
			r.files[f.Name] = c
		}
		c.needed++
		if kind == Checkpoint {
			c.shared++
		}
	}
	r.manifests[id] = entry{kind, slices.Clone(files)}
	return nil
}

// Remove forgets a checkpoint, and returns the files that nothing needs any
// more, sorted by name.
func (r *Registry) Remove(id int64) []File {
	e, ok := r.manifests[id]
	if !ok {
		return nil
	}
	delete(r.manifests, id)
	var free []File
	for _, f := range e.files {
		c := r.files[f.Name]
		c.needed--
		if e.kind == Checkpoint {
			c.shared--
		}
		if c.needed == 0 {
			delete(r.files, f.Name)
			free = append(free, f)
		}
	}
	slices.SortFunc(free, compareFiles)
	return free
}

// Needs tells whether any checkpoint needs a file with that name.
func (r *Registry) Needs(name string) bool { return r.files[name] != nil }

// Shares tells whether a new checkpoint may refer to a file: a complete
// checkpoint needs the very same.
func (r *Registry) Shares(f File) bool {
	c := r.files[f.Name]
	return c != nil && c.file == f && c.shared > 0
}

// IDs are the checkpoints of a kind, oldest first.
func (r *Registry) IDs(kind Kind) []int64 {
	var out []int64
	for id, e := range r.manifests {
		if e.kind == kind {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// Files are all files that are needed, sorted by name.
func (r *Registry) Files() []File {
	out := make([]File, 0, len(r.files))
	for _, name := range slices.Sorted(maps.Keys(r.files)) {
		out = append(out, r.files[name].file)
	}
	return out
}
