package checkpoint

import (
	"encoding/binary"
	"hash/crc32"
)

// A seal lies in the place of a manifest: the checkpoint was given up by a newer
// owner of the store, and its manifest can never be created. See
// docs/checkpoint-format.md.
const (
	sealMagic   = "AFXSEALD"
	sealVersion = 1
	sealSize    = 24
)

// sealsKept is how many seals stay in a store, those of the largest ids. Who
// writes a manifest behind so many later starts is not kept from it.
const sealsKept = 16

// encodeSeal has the number of the owner in it, for who looks.
func encodeSeal(owner int64) []byte {
	b := append(make([]byte, 0, sealSize), sealMagic...)
	b = binary.LittleEndian.AppendUint32(b, sealVersion)
	b = binary.LittleEndian.AppendUint64(b, uint64(owner))
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// isSeal tells whether the file in the place of a manifest is a sound seal.
func isSeal(b []byte) bool {
	return len(b) == sealSize && string(b[:len(sealMagic)]) == sealMagic &&
		binary.LittleEndian.Uint32(b[len(sealMagic):]) == sealVersion &&
		binary.LittleEndian.Uint32(b[sealSize-4:]) == crc32.Checksum(b[:sealSize-4], castagnoli)
}
