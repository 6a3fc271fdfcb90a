package checkpoint

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// The frame of a file of state: a header, blocks, a trailer.
const (
	fileMagic   = "AFXSTATE"
	fileVersion = 1
	// blockSize is the content of every block but the last, in bytes: with its
	// head it takes 64 KiB.
	blockSize   = 64<<10 - blockHead
	blockHead   = 8
	fileHeader  = 16
	fileTrailer = 12
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// blockChecksum covers the place of a block and its length as well.
func blockChecksum(index uint64, content []byte) uint32 {
	var head [12]byte
	binary.LittleEndian.PutUint64(head[:], index)
	binary.LittleEndian.PutUint32(head[8:], uint32(len(content)))
	return crc32.Update(crc32.Checksum(head[:], castagnoli), castagnoli, content)
}

func appendFileHeader(b []byte) []byte {
	b = append(b, fileMagic...)
	b = binary.LittleEndian.AppendUint32(b, fileVersion)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[len(b)-12:], castagnoli))
}

func checkFileHeader(b []byte) error {
	switch {
	case string(b[:8]) != fileMagic:
		return fmt.Errorf("it does not begin like a file of state")
	case crc32.Checksum(b[:12], castagnoli) != binary.LittleEndian.Uint32(b[12:]):
		return fmt.Errorf("the checksum of the header is wrong")
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v != fileVersion {
		return fmt.Errorf("its format is version %d; version %d is known", v, fileVersion)
	}
	return nil
}

func appendFileTrailer(b []byte, size int64) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(size))
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[len(b)-8:], castagnoli))
}

func checkFileTrailer(b []byte, size int64) error {
	if crc32.Checksum(b[:8], castagnoli) != binary.LittleEndian.Uint32(b[8:]) {
		return fmt.Errorf("the checksum of the trailer is wrong")
	}
	if n := binary.LittleEndian.Uint64(b); n != uint64(size) {
		return fmt.Errorf("the trailer says that the file holds %d bytes, not %d", n, size)
	}
	return nil
}

// contentSize is how much a file of that size holds without its frame.
func contentSize(size int64) (int64, error) {
	body := size - fileHeader - fileTrailer
	blocks := (body + blockHead + blockSize - 1) / (blockHead + blockSize)
	content := body - blocks*blockHead
	if body < 0 || content < 0 || content > 0 && content <= (blocks-1)*blockSize || content == 0 && blocks > 0 {
		return 0, fmt.Errorf("a file of state is never %d bytes long", size)
	}
	return content, nil
}

// fileSize is the size of the file that holds that much content.
func fileSize(content int64) int64 {
	return fileHeader + content + (content+blockSize-1)/blockSize*blockHead + fileTrailer
}
