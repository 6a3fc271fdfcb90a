package checkpoint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// chain fills a store with checkpoints 1, 2 and 4 and the savepoint 3. The
// checkpoints share a file, as tables on disk do. What is in them is a function
// of their ids.
func chain(t *testing.T) *memory {
	s := &memory{files: map[string][]byte{}}
	var shared File
	var sharedRange Range
	for id := int64(1); id <= 4; id++ {
		kind := Checkpoint
		if id == 3 {
			kind = Savepoint
		}
		own, ranges := writeFile(t, s, FileName(kind, id, "own"), expected(id), 500)
		m := &Manifest{Job: "chain", ID: id, Kind: kind, Time: time.Unix(id, 0).UTC(), KeyGroups: 8, Files: []File{own},
			Operators: []Operator{{Name: "read", Parallelism: 1, Subtasks: []SubtaskState{{Splits: []Split{{"0", fmt.Append(nil, id)}}}}},
				{Name: "count", Parallelism: 1, Subtasks: []SubtaskState{{Keyed: []Keyed{{"counts", 0, 3, ranges[0]}, {"counts", 4, 7, ranges[1]}}}}}}}
		if id == 1 {
			var r []Range
			shared, r = writeFile(t, s, FileName(Checkpoint, 1, "shared"), expected(100))
			sharedRange = r[0]
		}
		if kind == Checkpoint {
			m.Files = append(m.Files, shared)
			m.Operators[1].Subtasks[0].Blobs = []Blob{{Name: "table", Stored: &sharedRange}}
		}
		putManifest(t, s, m)
	}
	return s
}

func putManifest(t *testing.T, s Store, m *Manifest) {
	t.Helper()
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := Put(t.Context(), s, ManifestName(m.Kind, m.ID), b); err != nil {
		t.Fatal(err)
	}
}

var contents = map[int64][]byte{}

// expected is what the files of a checkpoint hold; 100 stands for the shared one.
func expected(id int64) []byte {
	if contents[id] == nil {
		contents[id] = randomBytes(rand.New(rand.NewPCG(uint64(id), 9)), 70000)
	}
	return contents[id]
}

// recovered is what a restore gets out of a store: it falls back as long as it
// finds damage.
func recovered(ctx context.Context, s Store) (id int64, warnings []error, err error) {
	c, err := Scan(ctx, s)
	if err != nil {
		return 0, nil, err
	}
	for before := int64(0); ; {
		m, w, err := c.Latest(before)
		warnings = append(warnings, w...)
		if err != nil {
			return 0, warnings, err
		}
		if err = restored(ctx, s, m); err == nil {
			return m.ID, warnings, nil
		}
		warnings, before = append(warnings, err), m.ID
	}
}

var errWrong = errors.New("the result is wrong")

// restored reads all of a checkpoint and compares it with what was written.
func restored(ctx context.Context, s Store, m *Manifest) error {
	files := map[string]File{}
	for _, f := range m.Files {
		files[f.Name] = f
	}
	var own, shared []byte
	err := m.ranges(func(_ string, r Range) error {
		b, err := ReadRange(ctx, s, files[r.File], r, 1<<20)
		if strings.HasSuffix(r.File, "shared") {
			shared = append(shared, b...)
		} else {
			own = append(own, b...)
		}
		return err
	})
	if err != nil {
		return err
	}
	position := string(m.Operators[0].Subtasks[0].Splits[0].Position)
	if !bytes.Equal(own, expected(m.ID)) || m.Kind == Checkpoint && !bytes.Equal(shared, expected(100)) || position != fmt.Sprint(m.ID) || m.Job != "chain" {
		return errWrong
	}
	return nil
}

// TestDamagedStores damages a store in random places, thousands of times. The
// result is an older checkpoint, with a warning, or a refusal; never a wrong
// result.
func TestDamagedStores(t *testing.T) {
	sound := chain(t)
	if id, warnings, err := recovered(t.Context(), sound); id != 4 || len(warnings) > 0 || err != nil {
		t.Fatalf("of a sound store %d is recovered: %v, %v", id, warnings, err)
	}
	rng := rand.New(rand.NewPCG(7, 8))
	outcomes := map[string]int{}
	for range 2000 {
		s := sound.clone()
		var done []string
		for range 1 + rng.IntN(3) {
			done = append(done, spoil(rng, s))
		}
		id, warnings, err := recovered(t.Context(), s)
		switch {
		case errors.Is(errors.Join(warnings...), errWrong):
			t.Fatalf("after %q: a wrong result", done)
		case err != nil:
			outcomes["refused"]++
		case id < 4 && len(warnings) == 0 && !slices.Contains(done, "remove "+ManifestName(Checkpoint, 4)):
			t.Fatalf("after %q: checkpoint %d, without a warning", done, id)
		case id < 4:
			outcomes["an older one"]++
		default:
			outcomes["the newest"]++ // the damage is in others, or in what nobody reads
		}
	}
	t.Log(outcomes)
	if outcomes["refused"] < 50 || outcomes["an older one"] < 500 {
		t.Errorf("the damage does not reach far: %v", outcomes)
	}
}

// spoil damages one file and says how. Half of the time it is one of the newest
// checkpoint.
func spoil(rng *rand.Rand, s *memory) string {
	names := s.names()
	if len(names) == 0 {
		return "nothing left"
	}
	name := names[rng.IntN(len(names))]
	if newest := []string{ManifestName(Checkpoint, 4), FileName(Checkpoint, 4, "own"), FileName(Checkpoint, 1, "shared")}; rng.IntN(2) == 0 {
		name = newest[rng.IntN(len(newest))]
	}
	b := s.files[name]
	if len(b) == 0 {
		delete(s.files, name)
		return "remove " + name
	}
	switch at := rng.IntN(len(b)); rng.IntN(6) {
	case 0:
		delete(s.files, name)
		return "remove " + name
	case 1:
		s.files[name] = b[:at]
		return fmt.Sprintf("cut %s at %d", name, at)
	case 2:
		for i := at; i < min(at+1+rng.IntN(5000), len(b)); i++ {
			b[i] = byte(rng.Uint32())
		}
		return fmt.Sprintf("overwrite %s from %d", name, at)
	case 3:
		other := names[rng.IntN(len(names))]
		if bytes.Equal(s.files[other], b) {
			return "nothing"
		}
		s.files[name] = slices.Clone(s.files[other])
		return fmt.Sprintf("copy %s over %s", other, name)
	case 4:
		s.files[name] = append(b, b[at])
		return "lengthen " + name
	default:
		b[at] ^= 1 << rng.IntN(8)
		return fmt.Sprintf("flip a bit in byte %d of %s", at, name)
	}
}

// TestLatestNames what is wrong, and goes on to the one before.
func TestLatestNames(t *testing.T) {
	s := chain(t)
	s.files[ManifestName(Checkpoint, 4)][45] ^= 1
	delete(s.files, FileName(Savepoint, 3, "own"))
	c, err := Scan(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	m, warnings, err := c.Latest(0)
	if err != nil || m.ID != 2 {
		t.Fatalf("%+v, %v", m, err)
	}
	want := []string{"checkpoint 4 cannot be used: checkpoint-0000000004/manifest is damaged at byte 24: the checksum of the section is wrong",
		"savepoint 3 cannot be used: savepoint-0000000003/own is damaged at byte 0: the file is missing; savepoint-0000000003/manifest needs it"}
	for i, w := range want {
		if len(warnings) <= i || warnings[i].Error() != w {
			t.Errorf("warnings %q, not %q", warnings, want)
			break
		}
	}
	if _, _, err := c.Latest(1); !errors.Is(err, ErrNone) {
		t.Errorf("before the first: %v", err)
	}
	if m, err := c.Find(Checkpoint, 1); err != nil || m.ID != 1 {
		t.Errorf("found %v, %v", m, err)
	}
	if _, err := c.Find(Savepoint, 3); !isDamage(err, FileName(Savepoint, 3, "own")) {
		t.Errorf("the damaged savepoint: %v", err)
	}
	if _, err := c.Find(Savepoint, 1); !errors.Is(err, ErrNone) {
		t.Errorf("a savepoint that is not there: %v", err)
	}
	if c.Next() != 5 {
		t.Errorf("the next id is %d", c.Next())
	}
}

// TestNewerVersion is not passed over: its sinks may have committed more.
func TestNewerVersion(t *testing.T) {
	s := chain(t)
	name := ManifestName(Checkpoint, 4)
	b := s.files[name]
	b[8]++
	h := encoder{b: b[:20:20]}
	h.fixed(crcOf(b[:20]))
	copy(b, h.b)
	c, err := Scan(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Latest(0); err == nil || !strings.Contains(err.Error(), "version 2") {
		t.Errorf("a newer version: %v", err)
	}
}

// TestNothingThere is not the same as nothing that can be used.
func TestNothingThere(t *testing.T) {
	s := &memory{files: map[string][]byte{"else/where": {1}, FileName(Checkpoint, 9, "f"): {1}}}
	c, err := Scan(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Latest(0); !errors.Is(err, ErrNone) || c.Next() != 10 {
		t.Errorf("%v, next %d", err, c.Next())
	}
	s.files[ManifestName(Checkpoint, 9)] = []byte("AFXCHKPT")
	if c, err = Scan(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Latest(0); err == nil || errors.Is(err, ErrNone) || !strings.Contains(err.Error(), "checkpoint-0000000009/manifest is damaged at byte 8") {
		t.Errorf("only a damaged one: %v", err)
	}
}

// TestGarbage is what no manifest names; what is damaged is left to look at.
func TestGarbage(t *testing.T) {
	s := chain(t)
	s.files[FileName(Checkpoint, 5, "count-0")] = []byte("given up")
	s.files[FileName(Checkpoint, 2, "late")] = []byte("late")
	s.files["else/where"] = []byte("not ours")
	garbage := func() []string {
		c, err := Scan(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		out, err := Sole(s).Garbage(c)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	want := []string{FileName(Checkpoint, 2, "late"), FileName(Checkpoint, 5, "count-0")}
	if got := garbage(); !slices.Equal(got, want) {
		t.Errorf("garbage is %q, not %q", got, want)
	}
	delete(s.files, ManifestName(Checkpoint, 4)) // its own file goes, the shared one stays
	want = []string{FileName(Checkpoint, 2, "late"), FileName(Checkpoint, 4, "own"), FileName(Checkpoint, 5, "count-0")}
	if got := garbage(); !slices.Equal(got, want) {
		t.Errorf("garbage is %q, not %q", got, want)
	}
	s.files[ManifestName(Checkpoint, 2)][100] ^= 1
	want = want[1:]
	if got := garbage(); !slices.Equal(got, want) {
		t.Errorf("garbage is %q, not %q", got, want)
	}
}

// TestRegistryOfStore counts what was counted before the restart.
func TestRegistryOfStore(t *testing.T) {
	c, err := Scan(t.Context(), chain(t))
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.Registry()
	if err != nil {
		t.Fatal(err)
	}
	names := func(files []File) (out []string) {
		for _, f := range files {
			out = append(out, f.Name)
		}
		return out
	}
	shared := File{FileName(Checkpoint, 1, "shared"), fileSize(70000), 1}
	other := shared
	other.Size++
	if !r.Shares(shared) || r.Shares(other) || r.Shares(File{FileName(Savepoint, 3, "own"), fileSize(70000), 3}) || !r.Needs(FileName(Savepoint, 3, "own")) {
		t.Error("what may be shared is wrong")
	}
	if err := r.Add(9, Checkpoint, []File{other}); err == nil {
		t.Error("two files of one name are counted as one")
	}
	for id, want := range map[int64][]string{1: {FileName(Checkpoint, 1, "own")}, 2: {FileName(Checkpoint, 2, "own")}} {
		if got := names(r.Remove(id)); !slices.Equal(got, want) {
			t.Errorf("without %d, %q go, not %q", id, got, want)
		}
	}
	if got, want := names(r.Remove(4)), []string{FileName(Checkpoint, 1, "shared"), FileName(Checkpoint, 4, "own")}; !slices.Equal(got, want) {
		t.Errorf("without 4, %q go, not %q", got, want)
	}
	if got := names(r.Remove(4)); got != nil {
		t.Errorf("removed twice: %q", got)
	}
	if got, want := names(r.Files()), []string{FileName(Savepoint, 3, "own")}; !slices.Equal(got, want) {
		t.Errorf("left are %q, not %q", got, want)
	}
}
