package checkpoint

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"time"
)

// Decode reads a manifest. The name is that of its file, for messages. What is
// wrong with the bytes is a [*Damage]. The manifest keeps b.
func Decode(name string, b []byte) (*Manifest, error) {
	r := &manifestDecoder{name: name, m: &Manifest{}}
	if err := r.header(b); err != nil {
		return nil, err
	}
	r.rest, r.offset = b[manifestHeader:], manifestHeader
	for _, s := range []struct {
		tag  byte
		read func()
	}{{sectionJob, r.job}, {sectionFiles, r.files}} {
		if tag, err := r.section(); err != nil {
			return nil, err
		} else if tag != s.tag {
			return nil, r.damage(r.begin, "section %d comes here, not %d", tag, s.tag)
		}
		if s.read(); r.finish() != nil {
			return nil, r.finish()
		}
	}
	for seen := sectionFiles; ; {
		tag, err := r.section()
		if err != nil {
			return nil, err
		}
		switch {
		case tag == sectionOperator && seen < sectionInFlight:
			r.operator()
		case tag == sectionInFlight && seen < sectionInFlight:
			r.inFlight()
		case tag == sectionEnd && seen == sectionInFlight:
			if err := r.finish(); err != nil {
				return nil, err
			}
			if len(r.rest) > 0 {
				return nil, r.damage(r.offset, "%d bytes are left over", len(r.rest))
			}
			if err := r.m.Check(); err != nil {
				return nil, r.damage(0, "its checksums are right, but %v", err)
			}
			return r.m, nil
		default:
			return nil, r.damage(r.begin, "section %d does not belong here", tag)
		}
		if err := r.finish(); err != nil {
			return nil, err
		}
		seen = tag
	}
}

type manifestDecoder struct {
	decoder // of the current section
	name    string
	m       *Manifest
	rest    []byte // the sections that are not read yet
	number  uint32 // of the next section
	begin   int64  // of the current section
	offset  int64  // of rest
}

func (r *manifestDecoder) damage(at int64, format string, args ...any) error {
	return &Damage{File: r.name, Offset: at, Reason: fmt.Sprintf(format, args...)}
}

func (r *manifestDecoder) header(b []byte) error {
	switch {
	case len(b) < manifestHeader:
		return r.damage(int64(len(b)), "the file ends in its header")
	case len(b) > MaxManifest:
		return r.damage(0, "it is %d bytes long; %d are allowed", len(b), MaxManifest)
	case string(b[:8]) != manifestMagic:
		return r.damage(0, "it does not begin like a manifest")
	case crc32.Checksum(b[:20], castagnoli) != binary.LittleEndian.Uint32(b[20:]):
		return r.damage(0, "the checksum of the header is wrong")
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v != manifestVersion {
		return fmt.Errorf("%s is in version %d of the format; this program knows version %d: use one that is as new as the one that wrote it", r.name, v, manifestVersion)
	}
	if n := binary.LittleEndian.Uint64(b[12:]); n != uint64(len(b)) {
		return r.damage(min(int64(len(b)), int64(min(n, MaxManifest))), "it is %d bytes long, not %d as it says", len(b), n)
	}
	return nil
}

// section checks the next section and makes it the current one.
func (r *manifestDecoder) section() (byte, error) {
	if len(r.rest) < sectionHead {
		return 0, r.damage(r.offset, "the file ends in the head of a section")
	}
	n := binary.LittleEndian.Uint64(r.rest[4:])
	if n > uint64(len(r.rest)-sectionHead) {
		return 0, r.damage(r.offset, "a section of %d bytes begins here, but only %d are left", n, len(r.rest)-sectionHead)
	}
	section := r.rest[:sectionHead+int(n)]
	if sectionChecksum(r.number, section) != binary.LittleEndian.Uint32(section[12:]) {
		return 0, r.damage(r.offset, "the checksum of the section is wrong")
	}
	tag := binary.LittleEndian.Uint32(section)
	if tag > uint32(sectionInFlight) {
		return 0, r.damage(r.offset, "there is no section %d", tag)
	}
	r.decoder = decoder{b: section[sectionHead:], offset: r.offset + sectionHead}
	r.begin = r.offset
	r.rest, r.offset = r.rest[len(section):], r.offset+int64(len(section))
	r.number++
	return byte(tag), nil
}

// finish is the error of the current section, if it has one.
func (r *manifestDecoder) finish() error {
	r.end()
	if r.err == nil {
		return nil
	}
	return r.damage(r.at, "%v", r.err)
}

func (r *manifestDecoder) job() {
	r.m.Job = r.text("the job's name")
	r.m.ID = r.long("the id")
	r.m.Kind = Kind(r.byte("the kind", byte(Savepoint)))
	r.m.Time = time.Unix(0, r.instant("the time")).UTC()
	r.m.KeyGroups = r.int("the number of key groups")
}

func (r *manifestDecoder) files() {
	r.m.Files = list(&r.decoder, "files", 3, func() File {
		return File{Name: r.text("the name of a file"), Size: r.long("the size of a file"), Checkpoint: r.long("the checkpoint of a file")}
	})
}

func (r *manifestDecoder) inFlight() {
	r.m.InFlight = list(&r.decoder, "ranges of records in flight", 11, func() InFlight {
		return InFlight{Edge: r.text("an edge"), From: r.int("a sender"), To: r.int("a receiver"), Sent: r.flag("the side"), Range: r.rangeOf()}
	})
}

func (r *manifestDecoder) operator() {
	o := Operator{Name: r.text("the operator's name"), Parallelism: r.int("the parallelism")}
	o.Subtasks = list(&r.decoder, "subtasks", 6, func() SubtaskState {
		s := SubtaskState{Index: r.int("the subtask's index"), Finished: r.flag("whether it has finished")}
		s.Splits = list(&r.decoder, "splits", 2, func() Split {
			return Split{ID: r.text("the id of a split"), Position: r.bytes("the position of a split")}
		})
		s.Keyed = list(&r.decoder, "pieces of keyed state", 10, func() Keyed {
			return Keyed{State: r.text("the name of a state"), First: r.int("a key group"), Last: r.int("a key group"), Range: r.rangeOf()}
		})
		s.Blobs = list(&r.decoder, "blobs", 3, r.blob)
		s.Prepared = list(&r.decoder, "prepared handles", 1, func() []byte { return r.bytes("a prepared handle") })
		return s
	})
	r.m.Operators = append(r.m.Operators, o)
}

func (r *manifestDecoder) blob() Blob {
	x := Blob{Name: r.text("the name of a blob")}
	if r.flag("where a blob is") {
		in := r.rangeOf()
		x.Stored = &in
	} else {
		x.Data = r.bytes("a blob")
	}
	return x
}

func (r *manifestDecoder) rangeOf() Range {
	at := r.decoder.offset
	i := r.int("the number of a file")
	if i >= len(r.m.Files) && r.err == nil {
		r.fail(at, "there is no file %d, there are %d", i, len(r.m.Files))
	}
	if r.err != nil {
		return Range{}
	}
	return Range{File: r.m.Files[i].Name, Offset: r.long("an offset"), Length: r.long("a length"), Checksum: r.checksum()}
}
