package checkpoint

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// The frame of a manifest: a header, sections, each with its checksum, the last
// one of them empty. See docs/checkpoint-format.md.
const (
	manifestMagic   = "AFXCHKPT"
	manifestVersion = 1
	manifestHeader  = 24
	sectionHead     = 16
)

// The sections, in the order in which they come.
const (
	sectionEnd byte = iota
	sectionJob
	sectionFiles
	sectionOperator
	sectionInFlight
)

// MaxManifest is the size of the largest manifest, in bytes. What is large
// belongs into files.
const MaxManifest = 256 << 20

// Encode writes the manifest down. The same manifest gives the same bytes.
func (m *Manifest) Encode() ([]byte, error) {
	if err := m.Check(); err != nil {
		return nil, fmt.Errorf("%s %d: %w", m.Kind, m.ID, err)
	}
	w := &manifestEncoder{files: make(map[string]int, len(m.Files))}
	w.b = make([]byte, manifestHeader, 4096)
	w.section(sectionJob, func() {
		w.text(m.Job)
		w.uint(uint64(m.ID))
		w.byte(byte(m.Kind))
		w.instant(m.Time.UnixNano())
		w.int(m.KeyGroups)
	})
	w.section(sectionFiles, func() {
		w.int(len(m.Files))
		for i, f := range m.Files {
			w.files[f.Name] = i
			w.text(f.Name)
			w.uint(uint64(f.Size))
			w.uint(uint64(f.Checkpoint))
		}
	})
	for i := range m.Operators {
		w.section(sectionOperator, func() { w.operator(&m.Operators[i]) })
	}
	w.section(sectionInFlight, func() {
		w.int(len(m.InFlight))
		for _, x := range m.InFlight {
			w.text(x.Edge)
			w.int(x.From)
			w.int(x.To)
			w.flag(x.Sent)
			w.rangeOf(x.Range)
		}
	})
	w.section(sectionEnd, func() {})
	if len(w.b) > MaxManifest {
		return nil, fmt.Errorf("the manifest of %s %d is %d bytes long; %d are allowed: large state belongs into files", m.Kind, m.ID, len(w.b), MaxManifest)
	}
	h := append(w.b[:0], manifestMagic...)
	h = binary.LittleEndian.AppendUint32(h, manifestVersion)
	h = binary.LittleEndian.AppendUint64(h, uint64(len(w.b)))
	binary.LittleEndian.AppendUint32(h, crc32.Checksum(h, castagnoli))
	return w.b, nil
}

type manifestEncoder struct {
	encoder
	files    map[string]int
	sections uint32
}

// section frames what body appends. The number of a section is in its checksum,
// so that none can be left out, or come twice.
func (w *manifestEncoder) section(tag byte, body func()) {
	start := len(w.b)
	w.b = append(w.b, make([]byte, sectionHead)...)
	body()
	head := w.b[start : start+sectionHead]
	binary.LittleEndian.PutUint32(head, uint32(tag))
	binary.LittleEndian.PutUint64(head[4:], uint64(len(w.b)-start-sectionHead))
	binary.LittleEndian.PutUint32(head[12:], sectionChecksum(w.sections, w.b[start:]))
	w.sections++
}

// sectionChecksum covers the number of a section, its head up to the checksum,
// and its body.
func sectionChecksum(number uint32, section []byte) uint32 {
	var n [4]byte
	binary.LittleEndian.PutUint32(n[:], number)
	sum := crc32.Checksum(n[:], castagnoli)
	sum = crc32.Update(sum, castagnoli, section[:12])
	return crc32.Update(sum, castagnoli, section[sectionHead:])
}

func (w *manifestEncoder) operator(o *Operator) {
	w.text(o.Name)
	w.int(o.Parallelism)
	w.int(len(o.Subtasks))
	for _, s := range o.Subtasks {
		w.int(s.Index)
		w.flag(s.Finished)
		w.int(len(s.Splits))
		for _, x := range s.Splits {
			w.text(x.ID)
			w.bytes(x.Position)
		}
		w.int(len(s.Keyed))
		for _, k := range s.Keyed {
			w.text(k.State)
			w.int(k.First)
			w.int(k.Last)
			w.rangeOf(k.Range)
		}
		w.int(len(s.Blobs))
		for _, x := range s.Blobs {
			w.text(x.Name)
			w.flag(x.Stored != nil)
			if x.Stored != nil {
				w.rangeOf(*x.Stored)
			} else {
				w.bytes(x.Data)
			}
		}
		w.int(len(s.Prepared))
		for _, x := range s.Prepared {
			w.bytes(x)
		}
	}
}

func (w *manifestEncoder) rangeOf(r Range) {
	w.int(w.files[r.File])
	w.uint(uint64(r.Offset))
	w.uint(uint64(r.Length))
	w.fixed(r.Checksum)
}
