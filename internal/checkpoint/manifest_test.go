package checkpoint

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// drawManifest makes a manifest that is sound, of any shape.
func drawManifest(t *rapid.T) *Manifest {
	m := &Manifest{Job: rapid.String().Draw(t, "job"), ID: rapid.Int64Range(1, 1e12).Draw(t, "id"), Kind: Kind(rapid.IntRange(0, 1).Draw(t, "kind")),
		Time: time.Unix(0, rapid.Int64().Draw(t, "time")).UTC(), KeyGroups: rapid.IntRange(1, 1024).Draw(t, "key groups")}
	small := rapid.IntRange(0, 3)
	for i := range small.Draw(t, "files") {
		of := m.ID
		if m.Kind == Checkpoint {
			of = rapid.Int64Range(1, m.ID).Draw(t, "of")
		}
		m.Files = append(m.Files, File{FileName(m.Kind, of, fmt.Sprint("f", i)), fileSize(rapid.Int64Range(0, 1<<40).Draw(t, "content")), of})
	}
	data := func(what string) []byte {
		b := rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, what)
		if len(b) == 0 {
			return nil
		}
		return b
	}
	drawRange := func() Range {
		f := rapid.SampledFrom(m.Files).Draw(t, "file")
		size, _ := contentSize(f.Size)
		offset := rapid.Int64Range(0, size).Draw(t, "offset")
		return Range{f.Name, offset, rapid.Int64Range(0, size-offset).Draw(t, "length"), rapid.Uint32().Draw(t, "checksum")}
	}
	ranges := func(what string) int {
		if len(m.Files) == 0 {
			return 0
		}
		return small.Draw(t, what)
	}
	for i := range small.Draw(t, "operators") {
		o := Operator{Name: fmt.Sprint(rapid.String().Draw(t, "operator"), i), Parallelism: rapid.IntRange(1, 4).Draw(t, "parallelism")}
		for k := range o.Parallelism {
			if rapid.Bool().Draw(t, "without state") {
				continue
			}
			s := SubtaskState{Index: k, Finished: rapid.Bool().Draw(t, "finished")}
			for range small.Draw(t, "splits") {
				s.Splits = append(s.Splits, Split{rapid.String().Draw(t, "split"), data("position")})
			}
			for range ranges("keyed") {
				first := rapid.IntRange(0, m.KeyGroups-1).Draw(t, "first")
				s.Keyed = append(s.Keyed, Keyed{rapid.String().Draw(t, "state"), first, rapid.IntRange(first, m.KeyGroups-1).Draw(t, "last"), drawRange()})
			}
			for range small.Draw(t, "blobs") {
				s.Blobs = append(s.Blobs, Blob{Name: rapid.String().Draw(t, "blob"), Data: data("data")})
			}
			for range ranges("stored blobs") {
				r := drawRange()
				s.Blobs = append(s.Blobs, Blob{Name: rapid.String().Draw(t, "blob"), Stored: &r})
			}
			for range small.Draw(t, "prepared") {
				s.Prepared = append(s.Prepared, data("handle"))
			}
			o.Subtasks = append(o.Subtasks, s)
		}
		m.Operators = append(m.Operators, o)
	}
	for range ranges("in flight") {
		m.InFlight = append(m.InFlight, InFlight{rapid.String().Draw(t, "edge"), rapid.IntRange(0, 9).Draw(t, "from"), rapid.IntRange(0, 9).Draw(t, "to"), rapid.Bool().Draw(t, "sent"), drawRange()})
	}
	return m
}

func TestManifestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawManifest(t)
		b, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode("manifest", slices.Clone(b))
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, m) {
			t.Fatalf("decoded\n%+v\nencoded was\n%+v", got, m)
		}
	})
}

// TestManifestDamage finds every single flip of a bit, and every truncation.
func TestManifestDamage(t *testing.T) {
	m := exampleManifest()
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	refuse := func(b []byte, what string) {
		t.Helper()
		_, err := Decode("some/manifest", b)
		d := (*Damage)(nil)
		if !errors.As(err, &d) || d.File != "some/manifest" || d.Offset < 0 || d.Offset > int64(len(b)) || d.Reason == "" {
			t.Fatalf("%s: %v", what, err)
		}
	}
	for bit := range len(b) * 8 {
		damaged := slices.Clone(b)
		damaged[bit/8] ^= 1 << (bit % 8)
		refuse(damaged, fmt.Sprintf("bit %d of byte %d", bit%8, bit/8))
	}
	for n := range len(b) {
		refuse(b[:n:n], fmt.Sprintf("cut off at %d", n))
	}
	refuse(append(slices.Clone(b), 0), "one byte more")
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		damaged := slices.Clone(b)
		at := rng.IntN(len(b))
		for i := at; i < min(at+rng.IntN(64)+1, len(b)); i++ {
			damaged[i] = byte(rng.Uint32())
		}
		if !slices.Equal(damaged, b) {
			refuse(damaged, fmt.Sprintf("overwritten from %d", at))
		}
	}
}

// exampleManifest has one of everything.
func exampleManifest() *Manifest {
	of := func(id int64, rest string, content int64) File {
		return File{FileName(Checkpoint, id, rest), fileSize(content), id}
	}
	a, b := of(7, "count-0", 1000), of(5, "table-12", 100000)
	r := Range{a.Name, 10, 90, 0xfeed}
	return &Manifest{Job: "orders", ID: 7, Time: time.Unix(1, 2).UTC(), KeyGroups: 128, Files: []File{b, a},
		Operators: []Operator{
			{Name: "read", Parallelism: 2, Subtasks: []SubtaskState{{Index: 1, Finished: true, Splits: []Split{{"orders-0", []byte("17")}}}}},
			{Name: "count", Parallelism: 1, Subtasks: []SubtaskState{{Keyed: []Keyed{{"windows", 0, 0, r}, {"timers", 3, 127, Range{b.Name, 0, 100000, 1}}},
				Blobs: []Blob{{Name: "inline", Data: []byte{1, 2}}, {Name: "large", Stored: &r}}}}},
			{Name: "write", Parallelism: 1, Subtasks: []SubtaskState{{Prepared: [][]byte{[]byte("producer 4, epoch 9")}}}},
		},
		InFlight: []InFlight{{"read-count", 1, 0, true, r}}}
}

// TestManifestRefuses what its parts contradict, on both sides.
func TestManifestRefuses(t *testing.T) {
	for want, spoil := range map[string]func(m *Manifest){
		"id is 0":                   func(m *Manifest) { m.ID = 0 },
		"kind is 2":                 func(m *Manifest) { m.Kind = 2 },
		"0 key groups":              func(m *Manifest) { m.KeyGroups = 0 },
		"\"read\" twice":            func(m *Manifest) { m.Operators[1].Name = "read" },
		"parallelism is 0":          func(m *Manifest) { m.Operators[0].Parallelism = 0 },
		"subtask 1 is out of order": func(m *Manifest) { m.Operators[0].Parallelism = 1 },
		"key groups 3 to 128":       func(m *Manifest) { m.Operators[1].Subtasks[0].Keyed[1].Last = 128 },
		"both in the manifest":      func(m *Manifest) { m.Operators[1].Subtasks[0].Blobs[1].Data = []byte{1} },
		"which is not among":        func(m *Manifest) { m.Operators[1].Subtasks[0].Keyed[0].Range.File = "x" },
		"lies at 10, 991 bytes":     func(m *Manifest) { m.Operators[1].Subtasks[0].Keyed[0].Range.Length = 991 },
		"from subtask 1 to -1":      func(m *Manifest) { m.InFlight[0].To = -1 },
		"not a name":                func(m *Manifest) { m.Files[0].Name = "../x" },
		"table-12 twice":            func(m *Manifest) { m.Files[1] = m.Files[0] },
		"never 32 bytes long":       func(m *Manifest) { m.Files[1].Size = 40 - blockHead },
		"cannot belong":             func(m *Manifest) { m.ID = 6 },
		"to savepoint 7":            func(m *Manifest) { m.Kind = Savepoint },
	} {
		m := exampleManifest()
		spoil(m)
		if _, err := m.Encode(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}

// FuzzDecode never panics, and what it accepts is written down the same way.
func FuzzDecode(f *testing.F) {
	b, err := exampleManifest().Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b, true)
	f.Add(b[:len(b)/2], false)
	f.Fuzz(func(t *testing.T, b []byte, repair bool) {
		if repair {
			b = repaired(b)
		}
		m, err := Decode("fuzzed", slices.Clone(b))
		if err != nil {
			return
		}
		again, err := m.Encode()
		if err != nil {
			t.Fatalf("%+v cannot be encoded: %v", m, err)
		}
		if !slices.Equal(again, b) {
			t.Fatalf("%x became %x", b, again)
		}
	})
}

// TestManifestBehindChecksums flips every bit and makes the checksums right
// again: what is accepted then is written down the same way, the rest is refused
// with a place inside of the file.
func TestManifestBehindChecksums(t *testing.T) {
	b, err := exampleManifest().Encode()
	if err != nil {
		t.Fatal(err)
	}
	refused := map[string]bool{}
	for bit := range len(b) * 8 {
		damaged := slices.Clone(b)
		damaged[bit/8] ^= 1 << (bit % 8)
		damaged = repaired(damaged)
		m, err := Decode("m", slices.Clone(damaged))
		if err != nil {
			d := (*Damage)(nil)
			if !errors.As(err, &d) || d.Offset < 0 || d.Offset > int64(len(b)) {
				t.Fatalf("bit %d of byte %d: %v", bit%8, bit/8, err)
			}
			refused[strings.Fields(d.Reason)[0]] = true
			continue
		}
		if again, err := m.Encode(); err != nil || !slices.Equal(again, damaged) {
			t.Fatalf("bit %d of byte %d is accepted, and written down in another way: %v", bit%8, bit/8, err)
		}
	}
	if len(refused) < 8 {
		t.Errorf("only these kinds of damage were seen: %v", refused)
	}
}
