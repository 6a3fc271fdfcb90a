package checkpoint

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// TestSameNumber: in a store that does not tell that a name is taken, the owner
// that has lost its file to another of the same number finds out.
func TestSameNumber(t *testing.T) {
	s := &memory{files: map[string][]byte{}}
	first, err := Own(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	name, mine := ownerName(1), s.files[ownerName(1)]
	for what, content := range map[string]string{
		`process 7 on host "other"`: `{"id":"x","host":"other","process":7,"started":"2026-01-02T03:04:05Z"}`,
		"owner-0000000001":          "what is that?",
	} {
		s.files[name] = []byte(content)
		if err := first.Check(t.Context()); !errors.Is(err, ErrSuperseded) || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", content, err)
		}
	}
	delete(s.files, name)
	if err := first.Check(t.Context()); !errors.Is(err, ErrSuperseded) || !strings.Contains(err.Error(), name) {
		t.Errorf("without its file: %v", err)
	}
	s.files[name] = mine
	if err := first.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestOwnersFile keeps the file of the newest owner only.
func TestOwnersFile(t *testing.T) {
	s := &memory{files: map[string][]byte{"owner-1": nil, "owner-x": nil, "owner-00000000002": nil}}
	for range 3 {
		if _, err := Own(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := s.names(), []string{"owner-00000000002", "owner-0000000003", "owner-1", "owner-x"}; !slices.Equal(got, want) {
		t.Errorf("the store has %q, not %q", got, want)
	}
}

func TestOwnerOf(t *testing.T) {
	for rest, want := range map[string]int64{"o7-1-0-0.state": 7, "1-0-0.state": 0, "manifest": 0, "o-1": 0, "o7": 0, "o-": 0, "ox-1": 0, "-1": 0, "o12-begun": 12} {
		if got := ownerOf(rest); got != want {
			t.Errorf("%s is of %d, not of %d", rest, got, want)
		}
	}
}

// TestSeals takes the oldest seals for garbage, and damaged ones for damaged
// manifests.
func TestSeals(t *testing.T) {
	s := &memory{files: map[string][]byte{}}
	var names []string
	for id := range int64(sealsKept + 3) {
		name := ManifestName(Checkpoint, id+1)
		names = append(names, name)
		s.files[name] = encodeSeal(id)
	}
	c, err := Scan(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if _, warnings, err := c.Latest(0); !errors.Is(err, ErrNone) || len(warnings) > 0 {
		t.Errorf("seals are no checkpoints: %v, %v", err, warnings)
	}
	if got, err := c.garbage(1); err != nil || !slices.Equal(got, names[:3]) {
		t.Errorf("garbage is %q: %v", got, err)
	}
	for i := range sealSize {
		b := encodeSeal(5)
		if b[i] ^= 1; isSeal(b) || isSeal(b[:i]) {
			t.Errorf("a seal that is wrong in byte %d passes", i)
		}
	}
}
