package checkpoint

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// writeFile stores content in a file with ranges at those boundaries.
func writeFile(t testing.TB, s Store, name string, content []byte, boundaries ...int) (File, []Range) {
	t.Helper()
	p, err := s.Create(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	w := NewFileWriter(p, name)
	var ranges []Range
	last := 0
	for _, end := range append(boundaries, len(content)) {
		w.Begin()
		for piece := range slices.Chunk(content[last:end], 10007) {
			if _, err := w.Write(piece); err != nil {
				t.Fatal(err)
			}
		}
		ranges = append(ranges, w.End())
		last = end
	}
	size, err := w.Close()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Commit(); err != nil {
		t.Fatal(err)
	}
	_, id, _, _ := parseName(name)
	return File{name, size, id}, ranges
}

func randomBytes(rng *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

func TestFileOfState(t *testing.T) {
	d, err := NewDirectory(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		size := rapid.SampledFrom([]int{0, 1, 100, blockSize - 1, blockSize, blockSize + 1, 2 * blockSize, 3*blockSize + 5}).Draw(rt, "size")
		boundaries := rapid.SliceOfN(rapid.IntRange(0, size), 0, 4).Draw(rt, "boundaries")
		slices.Sort(boundaries)
		n++
		content := randomBytes(rand.New(rand.NewPCG(uint64(n), 1)), size)
		file, ranges := writeFile(t, d, FileName(Checkpoint, int64(n), "f"), content, boundaries...)
		if got, err := contentSize(file.Size); err != nil || got != int64(size) {
			rt.Fatalf("a file of %d bytes holds %d: %v", file.Size, got, err)
		}
		if err := VerifyFile(t.Context(), d, file); err != nil {
			rt.Fatal(err)
		}
		last := 0
		for i, end := range append(boundaries, size) {
			got, err := ReadRange(t.Context(), d, file, ranges[i], int64(size))
			if err != nil || !bytes.Equal(got, content[last:end]) {
				rt.Fatalf("range %+v: %d bytes, %v", ranges[i], len(got), err)
			}
			last = end
		}
	})
}

// TestSizesOfFiles agrees with itself for every size around blocks, and refuses
// sizes between.
func TestSizesOfFiles(t *testing.T) {
	possible := map[int64]int64{}
	for content := range int64(2*blockSize + 20) {
		possible[fileSize(content)] = content
	}
	for size := range fileSize(2*blockSize + 19) {
		content, err := contentSize(size)
		want, ok := possible[size]
		if ok != (err == nil) || content != want {
			t.Fatalf("a file of %d bytes: %d, %v; it should be %d, %v", size, content, err, want, ok)
		}
	}
	for _, size := range []int64{-1, -1 << 62} {
		if _, err := contentSize(size); err == nil {
			t.Errorf("a file of %d bytes is allowed", size)
		}
	}
}

// TestEveryBitOfAFile is found when it flips, by Verify, and by reading if it
// lies in what is read. What is read is never wrong.
func TestEveryBitOfAFile(t *testing.T) {
	d, err := NewDirectory(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	content := randomBytes(rand.New(rand.NewPCG(3, 4)), 300)
	file, ranges := writeFile(t, d, FileName(Checkpoint, 1, "f"), content, 100)
	whole, err := Get(t.Context(), d, file.Name, 0, file.Size)
	if err != nil {
		t.Fatal(err)
	}
	for bit := range len(whole) * 8 {
		damaged := slices.Clone(whole)
		damaged[bit/8] ^= 1 << (bit % 8)
		s := &memory{files: map[string][]byte{file.Name: damaged}}
		framed := bit/8 < fileHeader || bit/8 >= len(whole)-fileTrailer
		if err := VerifyFile(t.Context(), s, file); !isDamage(err, file.Name) {
			t.Fatalf("bit %d of byte %d: %v", bit%8, bit/8, err)
		}
		got, err := ReadRange(t.Context(), s, file, ranges[1], 1000)
		if framed {
			if err != nil || !bytes.Equal(got, content[100:]) {
				t.Fatalf("bit %d of byte %d is not read: %v", bit%8, bit/8, err)
			}
		} else if !isDamage(err, file.Name) {
			t.Fatalf("bit %d of byte %d: %v", bit%8, bit/8, err)
		}
	}
	for n := range len(whole) {
		s := &memory{files: map[string][]byte{file.Name: whole[:n]}}
		if err := VerifyFile(t.Context(), s, file); err == nil {
			t.Fatalf("cut off at %d: no error", n)
		}
	}
	s := &memory{files: map[string][]byte{file.Name: append(slices.Clone(whole), 0)}}
	if err := VerifyFile(t.Context(), s, file); !isDamage(err, file.Name) {
		t.Fatalf("one byte more: %v", err)
	}
}

// TestAnotherFile of the same size is not taken for the right one.
func TestAnotherFile(t *testing.T) {
	d, err := NewDirectory(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(5, 6))
	a, ranges := writeFile(t, d, FileName(Checkpoint, 1, "a"), randomBytes(rng, 200000), 1000)
	b, _ := writeFile(t, d, FileName(Checkpoint, 1, "b"), randomBytes(rng, 200000), 1000)
	swapped, err := Get(t.Context(), d, b.Name, 0, b.Size)
	if err != nil {
		t.Fatal(err)
	}
	s := &memory{files: map[string][]byte{a.Name: swapped}}
	for _, r := range ranges {
		if _, err := ReadRange(t.Context(), s, a, r, 1e6); !isDamage(err, a.Name) {
			t.Errorf("range %+v of another file: %v", r, err)
		}
	}
	blocks := slices.Clone(swapped)
	const block = blockHead + blockSize
	copy(blocks[fileHeader:], swapped[fileHeader+block:][:block])
	copy(blocks[fileHeader+block:], swapped[fileHeader:][:block])
	s.files[b.Name] = blocks
	if err := VerifyFile(t.Context(), s, b); !isDamage(err, b.Name) {
		t.Errorf("two blocks that changed places: %v", err)
	}
}

func isDamage(err error, name string) bool {
	d := (*Damage)(nil)
	return errors.As(err, &d) && d.File == name && d.Offset >= 0
}

type failing struct{ after int }

func (f *failing) Write(p []byte) (int, error) {
	if f.after--; f.after < 0 {
		return 0, errors.New("the disk is full")
	}
	return len(p), nil
}

// TestFileWriterErrors stay until Close.
func TestFileWriterErrors(t *testing.T) {
	for after := range 4 {
		w := NewFileWriter(&failing{after}, "f")
		for range 3 {
			_, _ = w.Write(make([]byte, blockSize/2))
		}
		if _, err := w.Close(); err == nil || err.Error() != "the disk is full" {
			t.Errorf("after %d writes: %v", after, err)
		}
	}
	w := NewFileWriter(io.Discard, "f")
	if _, err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte{1}); err == nil {
		t.Error("a file that is closed is written to")
	}
}

// BenchmarkFileOfState frames and reads 64 MiB of state.
func BenchmarkFileOfState(b *testing.B) {
	content := make([]byte, 64<<20)
	b.Run("write", func(b *testing.B) {
		b.SetBytes(int64(len(content)))
		for b.Loop() {
			w := NewFileWriter(io.Discard, "f")
			w.Begin()
			for p := range slices.Chunk(content, 4096) {
				_, _ = w.Write(p)
			}
			w.End()
			if _, err := w.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
	d, err := NewDirectory(filepath.Join(b.TempDir(), "s"))
	if err != nil {
		b.Fatal(err)
	}
	file, ranges := writeFile(b, d, FileName(Checkpoint, 1, "f"), content)
	b.Run("read", func(b *testing.B) {
		b.SetBytes(int64(len(content)))
		for b.Loop() {
			r, err := OpenRange(b.Context(), d, file, ranges[0])
			if err != nil {
				b.Fatal(err)
			}
			if n, err := io.Copy(io.Discard, r); err != nil || n != int64(len(content)) {
				b.Fatal(fmt.Sprint(n, err))
			}
			if err := r.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
