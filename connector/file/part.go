package file

import (
	"encoding/json/v2"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// naming is how the files of a sink are called that takes part in checkpoints.
// All stand in one directory, so that a rename commits.
type naming struct {
	dir       string
	stem, ext string // of the path of the sink: out, .csv.gz
	owner     string // tells sinks of different jobs apart
}

func newNaming(path, job, operator string) naming {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%q %q", job, operator)
	name := filepath.Base(path)
	plain := uncompressedName(name)
	stem := strings.TrimSuffix(plain, filepath.Ext(plain))
	return naming{dir: filepath.Dir(path), stem: stem, ext: name[len(stem):], owner: fmt.Sprintf("%016x", h.Sum64())}
}

// final is the name of a part that is committed.
func (n naming) final(subtask int, sequence int64) string {
	return fmt.Sprintf("%s-%d-%d%s", n.stem, subtask, sequence, n.ext)
}

// sequence reads the number in a final name back, 0 if it is none of the subtask.
func (n naming) sequence(name string, subtask int) int64 {
	number, ok := strings.CutPrefix(name, fmt.Sprintf("%s-%d-", n.stem, subtask))
	number, ended := strings.CutSuffix(number, n.ext)
	v, err := strconv.ParseInt(number, 10, 64)
	if !ok || !ended || err != nil {
		return 0
	}
	return v
}

// part is the name of a part that is not committed; it is never used again.
func (n naming) part(final string) string {
	return fmt.Sprintf(".%s.%08x.%s.part", final, rand.Uint32(), n.owner)
}

func (n naming) isPart(name string) bool {
	return strings.HasPrefix(name, "."+n.stem+"-") && strings.HasSuffix(name, "."+n.owner+".part")
}

// attempts holds the number of the last attempt of the job to write here.
func (n naming) attempts() string {
	return filepath.Join(n.dir, fmt.Sprintf(".%s%s.%s.attempt", n.stem, n.ext, n.owner))
}

// committed holds the last sequence number that a subtask began to commit.
func (n naming) committed(subtask int) string {
	return filepath.Join(n.dir, fmt.Sprintf(".%s-%d%s.%s.committed", n.stem, subtask, n.ext, n.owner))
}

// readNumber reads a file that writeNumber wrote, 0 if there is none.
func readNumber(path string) (int64, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("file: %w", err)
	}
	v, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	if err != nil || v < 0 {
		return 0, fmt.Errorf("file %s: holds %.40q and not a number; the sink keeps its place there: restore the file", path, b)
	}
	return v, nil
}

// writeNumber replaces a file at once and durably, but for its name, which a sync
// of the directory makes durable.
func writeNumber(path string, v int64) error {
	temporary := fmt.Sprintf("%s.%08x", path, rand.Uint32())
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return fmt.Errorf("file: %w", err)
	}
	_, err = fmt.Fprintln(f, v)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("file: %w", err), os.Remove(temporary))
	}
	return nil
}

// handle is what commits a part.
type handle struct {
	Part     string `json:"part"`
	Final    string `json:"final"`
	Subtask  int    `json:"subtask"`
	Sequence int64  `json:"sequence"`
	Bytes    int64  `json:"bytes"`
}

func (h *handle) encode() ([]byte, error) { return json.Marshal(h) }

func decodeHandle(b []byte) (h handle, err error) {
	if err := json.Unmarshal(b, &h); err != nil {
		return h, fmt.Errorf("file: what the checkpoint has of a part is damaged, or of another sink: %w", err)
	}
	for _, name := range []string{h.Part, h.Final} {
		if name != filepath.Base(name) || name == "." || name == ".." {
			return h, fmt.Errorf("file: what the checkpoint has of a part is damaged: %.100q is not the name of a file", name)
		}
	}
	if h.Subtask < 0 || h.Sequence < 1 || !hidden(h.Part) {
		return h, errors.New("file: what the checkpoint has of a part is damaged")
	}
	return h, nil
}

// part is a part that is prepared.
type part struct {
	handle
	mu   sync.Mutex
	file *os.File // nil once it is closed
	err  error    // of making it durable; stays
}

// sync makes the part durable and closes it.
func (p *part) sync() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.file != nil {
		p.err = errors.Join(p.file.Sync(), p.file.Close())
		p.file = nil
	}
	return p.err
}

// close gives the file free.
func (p *part) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.file != nil {
		p.err = errors.Join(os.ErrClosed, p.file.Close()) // it may not be durable
		p.file = nil
	}
}
