package pebble

import (
	"errors"
	"os"

	engine "github.com/cockroachdb/pebble/v2"
)

// batchBytes is how much is written together.
const batchBytes = 32 << 10

// kv is one database. Writes are collected in a batch until something is read.
type kv struct {
	d      *disk
	db     *engine.DB
	dir    string
	origin string // of its files
	memory int64
	batch  *engine.Batch
	sets   int64 // calls of Set
	wrote  int64 // bytes that these have written
	scanner
	*readers
	tidying *tidying
}

func newKV(d *disk, db *engine.DB, dir string, memory int64) *kv {
	k := &kv{d: d, dir: dir, memory: memory, origin: origin()}
	k.begin(db)
	return k
}

// begin goes on with a database.
func (k *kv) begin(db *engine.DB) {
	k.db, k.batch, k.scanner, k.readers = db, db.NewBatchWithSize(2*batchBytes), scanner{db: db}, newReaders(db)
	k.tidying = &tidying{db: db}
}

// shut closes the database.
func (k *kv) shut() error {
	k.tidying.stop()
	k.readers.close()
	return errors.Join(k.batch.Close(), k.db.Close())
}

// apply writes what has been collected.
func (k *kv) apply() error {
	if k.batch.Empty() {
		return nil
	}
	if err := k.db.Apply(k.batch, engine.NoSync); err != nil {
		return err
	}
	k.batch.Reset()
	return nil
}

// collected writes when there is enough.
func (k *kv) collected() error {
	if k.batch.Len() < batchBytes {
		return nil
	}
	return k.apply()
}

// Get implements state.KV.
func (k *kv) Get(key, dst []byte) ([]byte, bool, error) {
	if err := k.apply(); err != nil {
		return dst, false, err
	}
	v, closer, err := k.db.Get(key)
	if errors.Is(err, engine.ErrNotFound) {
		return dst, false, nil
	}
	if err != nil {
		return dst, false, err
	}
	return append(dst, v...), true, closer.Close()
}

// GetSorted implements state.SortedKV.
func (k *kv) GetSorted(keys [][]byte, f func(i int, value []byte) error) error {
	if err := k.apply(); err != nil {
		return err
	}
	if size, ok := k.tidying.looked(len(keys)); ok {
		k.readers.fit = k.filterBytes(size) <= k.d.cache()/2
	}
	return k.readers.get(keys, f)
}

// filterBytes is about what the filters of tables of so many bytes take together.
func (k *kv) filterBytes(size int64) int64 {
	const ofTable = 4 // bytes that a table has for a row beside key and value, about
	row := int64(ofTable) + k.wrote/max(k.sets, 1)
	return size / row * filterBits / 8
}

// Set implements state.KV.
func (k *kv) Set(key, value []byte) error {
	k.sets++
	k.wrote += int64(len(key) + len(value))
	if err := k.batch.Set(key, value, nil); err != nil {
		return err
	}
	return k.collected()
}

// Delete implements state.KV.
func (k *kv) Delete(key []byte) error {
	if err := k.batch.Delete(key, nil); err != nil {
		return err
	}
	return k.collected()
}

// DeleteRange implements state.KV.
func (k *kv) DeleteRange(from, to []byte) error {
	if err := k.batch.DeleteRange(from, to, nil); err != nil {
		return err
	}
	return k.collected()
}

// Scan implements state.KV.
func (k *kv) Scan(after []byte, n int, f func(key, value []byte)) error {
	if err := k.apply(); err != nil {
		return err
	}
	return k.scanner.Scan(after, n, f)
}

// scanner walks over a database.
type scanner struct {
	db    *engine.DB
	start []byte
}

// Scan implements state.KVReader.
func (s *scanner) Scan(after []byte, n int, f func(key, value []byte)) (err error) {
	s.start = append(append(s.start[:0], after...), 0) // the next possible key
	it, err := s.db.NewIter(&engine.IterOptions{LowerBound: s.start})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	ok := it.First()
	for ; ok && n > 0; n-- {
		v, err := it.ValueAndErr()
		if err != nil {
			return err
		}
		f(it.Key(), v)
		ok = it.Next()
	}
	return it.Error()
}

// Bytes implements state.KV.
func (k *kv) Bytes() int64 { return k.memory }

// Close implements state.KV.
func (k *kv) Close() error {
	return errors.Join(k.shut(), os.RemoveAll(k.dir))
}
