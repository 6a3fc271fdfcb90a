package checkpoint

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"
)

// ErrSuperseded is that a newer process has become the owner of a store: this one
// must end, and not be restarted.
var ErrSuperseded = errors.New("another process has taken over the checkpoints")

// Ownership is the right of one run of a job to write to a store. Of several, the
// newest has it. Each has a file with a number, larger than those before; a run
// whose number is not the largest any more has lost it. Any goroutine may use it.
//
// A manifest is created only if its name is free. A new owner therefore seals the
// names that earlier ones may be about to use: from then on either their manifest
// is there, and the new owner has seen it, or it will never be. For that, each
// checkpoint has a file in the store before its owner looks whether it still is
// the owner. Both rest on [Pending.Commit] telling that a name is taken; where two
// at the same instant are not told apart, there remains that instant.
type Ownership struct {
	store   Store
	number  int64 // 0: nobody else can write
	content []byte
}

// ownerAttempts bounds how often a start looks for a free number: each time
// another process has started just then.
const ownerAttempts = 100

// maxOwner is how much is read of the file of an owner, in bytes.
const maxOwner = 4 << 10

// claimant is what the file of an owner holds, as JSON, for messages. The id
// tells apart two that have written the same file, where a store allows that.
type claimant struct {
	ID      string    `json:"id"`
	Host    string    `json:"host"`
	Process int       `json:"process"`
	Started time.Time `json:"started"`
}

// Sole is the ownership of a store that nobody else can write to, like a
// [Claimer] that is claimed, or that of a test. Nothing is checked.
func Sole(s Store) *Ownership { return &Ownership{store: s} }

// Own makes the caller the owner of a store, from now on until another call of
// Own, by any process. It waits for nobody. The error is ErrSuperseded if another
// was quicker.
func Own(ctx context.Context, s Store) (*Ownership, error) {
	c := claimant{ID: rand.Text(), Process: os.Getpid(), Started: time.Now().UTC()}
	c.Host, _ = os.Hostname() // "" if it has none
	content, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	for range ownerAttempts {
		earlier, err := owners(ctx, s)
		if err != nil {
			return nil, err
		}
		o := &Ownership{store: s, number: 1, content: content}
		if n := len(earlier); n > 0 {
			o.number = earlier[n-1] + 1
		}
		err = Put(ctx, s, ownerName(o.number), content)
		if errors.Is(err, ErrExists) {
			continue
		}
		if err == nil {
			err = o.Check(ctx)
		}
		if err != nil {
			return nil, err
		}
		forget(ctx, s, earlier)
		return o, nil
	}
	return nil, fmt.Errorf("%s: %d other processes have started just now", nameOf(s), ownerAttempts)
}

// forget deletes the files of earlier owners. If it fails, the next start tries
// again.
func forget(ctx context.Context, s Store, earlier []int64) {
	for _, n := range earlier {
		if s.Delete(ctx, ownerName(n)) != nil {
			return
		}
	}
}

// owners are the numbers that are in a store, in order.
func owners(ctx context.Context, s Store) ([]int64, error) {
	var out []int64
	for e, err := range s.List(ctx, ownerPrefix) {
		if err != nil {
			return nil, fmt.Errorf("look for the owner of the checkpoints: %w", err)
		}
		if n, ok := parseOwner(e.Name); ok {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out, nil
}

// Check is ErrSuperseded if somebody else owns the store now, with who that is
// and what to do.
func (o *Ownership) Check(ctx context.Context) error {
	if o.number == 0 {
		return nil
	}
	all, err := owners(ctx, o.store)
	if err != nil {
		return err
	}
	n := o.number
	if last := len(all) - 1; last >= 0 {
		n = max(n, all[last])
	}
	b, err := o.read(ctx, n)
	if errors.Is(err, ErrNotFound) && n > o.number { // a still newer one has deleted it
		if all, err = owners(ctx, o.store); err == nil && len(all) > 0 {
			n = max(n, all[len(all)-1])
			b, err = o.read(ctx, n)
		}
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if n > o.number || string(b) != string(o.content) {
		return o.superseded(n, b)
	}
	return nil
}

func (o *Ownership) read(ctx context.Context, number int64) ([]byte, error) {
	r, err := o.store.Open(ctx, ownerName(number), 0, maxOwner)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(r, maxOwner))
	return b, errors.Join(err, r.Close())
}

// superseded names the new owner by what its file holds.
func (o *Ownership) superseded(number int64, content []byte) error {
	who := "the file " + ownerName(number) + " is not there any more"
	var c claimant
	if json.Unmarshal(content, &c) == nil {
		who = fmt.Sprintf("process %d on host %q, started %s", c.Process, c.Host, c.Started.Format(time.DateTime+" MST"))
	}
	return fmt.Errorf("%s: %w: %s. This one ends, and writes, deletes and commits nothing more: let one of the two run, or give each job a place of its own", nameOf(o.store), ErrSuperseded, who)
}

// nameOf is a store in messages.
func nameOf(s Store) string {
	if named, ok := s.(fmt.Stringer); ok {
		return named.String()
	}
	return "the place of the checkpoints"
}

// FileName is [FileName] with the number of the owner in the name, so that no two
// owners write the same file.
func (o *Ownership) FileName(kind Kind, id int64, rest string) string {
	if o.number == 0 {
		return FileName(kind, id, rest)
	}
	return FileName(kind, id, ownedRest(o.number, rest))
}

// Scan is [Scan] for who will write: no earlier owner adds a manifest afterwards.
func (o *Ownership) Scan(ctx context.Context) (*Contents, error) {
	if err := o.Check(ctx); err != nil {
		return nil, err
	}
	c, err := Scan(ctx, o.store)
	if err != nil || o.number == 0 {
		return c, err
	}
	open := c.open(o.number)
	if len(open) == 0 {
		return c, nil
	}
	for _, name := range open {
		if err := Put(ctx, o.store, name, encodeSeal(o.number)); err != nil && !errors.Is(err, ErrExists) {
			return nil, fmt.Errorf("end an unfinished checkpoint of another process: %w", err)
		}
	}
	return Scan(ctx, o.store) // with the manifests that were quicker
}

// Garbage is [Contents.Garbage] without the files of newer owners.
func (o *Ownership) Garbage(c *Contents) ([]string, error) { return c.garbage(o.number) }

// PutManifest stores a manifest, in one piece. After ErrSuperseded it is not there.
func (o *Ownership) PutManifest(ctx context.Context, m *Manifest) error {
	b, err := m.Encode()
	if err != nil {
		return err
	}
	name := ManifestName(m.Kind, m.ID)
	if o.number == 0 {
		return Put(ctx, o.store, name, b)
	}
	begun := ""
	if !o.seen(m) {
		begun = o.FileName(m.Kind, m.ID, "begun")
		if err := Put(ctx, o.store, begun, nil); err != nil {
			return err
		}
	}
	if err := o.Check(ctx); err != nil {
		return err
	}
	err = Put(ctx, o.store, name, b)
	if errors.Is(err, ErrExists) {
		if lost := o.Check(ctx); lost != nil {
			return lost
		}
	}
	if err == nil && begun != "" {
		_ = o.store.Delete(ctx, begun) // else it is garbage for the next start
	}
	return err
}

// seen tells whether a new owner sees that the checkpoint has begun.
func (o *Ownership) seen(m *Manifest) bool {
	return slices.ContainsFunc(m.Files, func(f File) bool {
		kind, id, rest, ok := parseName(f.Name)
		return ok && kind == m.Kind && id == m.ID && ownerOf(rest) == o.number
	})
}

// Delete removes a file, unless somebody else owns the store now.
func (o *Ownership) Delete(ctx context.Context, name string) error {
	if err := o.Check(ctx); err != nil {
		return err
	}
	return o.store.Delete(ctx, name)
}
