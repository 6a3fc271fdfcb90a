package checkpoint

import (
	"encoding/binary"
	"hash/crc32"
	"slices"
)

// repaired makes all checksums of a manifest right, so that a fuzzer gets to
// what is behind them.
func repaired(b []byte) []byte {
	b = slices.Clone(b)
	if len(b) < manifestHeader {
		return b
	}
	copy(b, manifestMagic)
	binary.LittleEndian.PutUint32(b[8:], manifestVersion)
	binary.LittleEndian.PutUint64(b[12:], uint64(len(b)))
	binary.LittleEndian.PutUint32(b[20:], crc32.Checksum(b[:20], castagnoli))
	for number, rest := uint32(0), b[manifestHeader:]; len(rest) >= sectionHead; number++ {
		n := binary.LittleEndian.Uint64(rest[4:])
		if n > uint64(len(rest)-sectionHead) {
			break
		}
		binary.LittleEndian.PutUint32(rest[12:], sectionChecksum(number, rest[:sectionHead+int(n)]))
		rest = rest[sectionHead+int(n):]
	}
	return b
}

func crcOf(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }
