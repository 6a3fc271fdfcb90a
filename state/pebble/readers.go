package pebble

import (
	"bytes"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"

	engine "github.com/cockroachdb/pebble/v2"
)

const (
	readBlock   = 4 // keys that a reader takes at a time
	mostReaders = 4 // goroutines that read, that of the task included
)

// readers look up many keys at a time on a few goroutines, which end in close.
type readers struct {
	db    *engine.DB
	all   []*reader
	start []chan struct{} // of each but the first, which runs on the task's goroutine
	done  sync.WaitGroup  // of one look-up
	ended sync.WaitGroup

	keys  [][]byte
	next  atomic.Int64 // the first key that nobody has taken
	found []span       // by key

	absent, looked int // lately
	filters        bool
	fit            bool // the filters of all tables, into the cache
}

// span is where a reader has put a value; a reader of 0 means that there is none.
type span struct {
	reader     int32
	start, end int
}

// reader is what belongs to one goroutine.
type reader struct {
	values []byte
	err    error
}

func newReaders(db *engine.DB) *readers {
	r := &readers{db: db, fit: true}
	for i := range min(runtime.GOMAXPROCS(0), mostReaders) {
		r.all = append(r.all, &reader{})
		if i == 0 {
			continue
		}
		start := make(chan struct{})
		r.start = append(r.start, start)
		r.ended.Go(func() {
			for range start {
				r.read(i)
				r.done.Done()
			}
		})
	}
	return r
}

func (r *readers) close() {
	for _, c := range r.start {
		close(c)
	}
	r.ended.Wait()
}

// get looks keys up, which are in order, and calls f in that order for those
// that are there.
func (r *readers) get(keys [][]byte, f func(i int, value []byte) error) error {
	if cap(r.found) < len(keys) {
		r.found = make([]span, len(keys))
	}
	r.keys, r.found = keys, r.found[:len(keys)]
	clear(r.found)
	r.next.Store(0)
	helpers := min(len(r.start), (len(keys)-1)/readBlock)
	r.done.Add(helpers)
	for _, c := range r.start[:helpers] {
		c <- struct{}{}
	}
	r.read(0)
	r.done.Wait()
	var err error
	for _, w := range r.all[:helpers+1] {
		err = errors.Join(err, w.err)
	}
	if err != nil {
		return err
	}
	for i, s := range r.found {
		if s.reader == 0 {
			r.absent++
			continue
		}
		if err := f(i, r.all[s.reader-1].values[s.start:s.end]); err != nil {
			return err
		}
	}
	r.learn(len(keys))
	return nil
}

// learn decides whether the filters of the last level are worth a look: they
// are when many keys are not there, and as long as they stay in the cache. That of
// one table is some hundred times the block that it can spare.
func (r *readers) learn(n int) {
	if r.looked += n; r.looked >= 4096 {
		r.filters = r.fit && r.absent > r.looked/8
		r.absent, r.looked = 0, 0
	}
}

// read takes keys until none are left.
func (r *readers) read(i int) {
	w := r.all[i]
	w.values, w.err = w.values[:0], nil
	it, err := r.db.NewIter(&engine.IterOptions{KeyTypes: engine.IterKeyTypePointsOnly, UseL6Filters: r.filters})
	if err != nil {
		w.err = err
		return
	}
	defer func() { w.err = errors.Join(w.err, it.Close()) }()
	for {
		to := int(r.next.Add(readBlock))
		for j := to - readBlock; j < min(to, len(r.keys)); j++ {
			key := r.keys[j]
			if !it.SeekPrefixGE(key) {
				if w.err = it.Error(); w.err != nil {
					return
				}
				continue
			}
			if !bytes.Equal(it.Key(), key) {
				continue
			}
			v, err := it.ValueAndErr()
			if err != nil {
				w.err = err
				return
			}
			start := len(w.values)
			w.values = append(w.values, v...)
			r.found[j] = span{int32(i + 1), start, len(w.values)}
		}
		if to >= len(r.keys) {
			return
		}
	}
}
