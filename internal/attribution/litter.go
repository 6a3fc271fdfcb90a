package main

import (
	"sync"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/state"
)

// node is an object that the collector has to follow.
type node struct {
	next *node
	_    [48]byte // what it holds
}

// Objects of a function that litters: kept are about 100 MB.
const (
	kept      = 1 << 20
	perRecord = 4000
)

// littering keeps many objects, and replaces thousands of them for each record.
func littering(b *builder, s *afflux.Stream[Record], name string) *afflux.Stream[Record] {
	var mu sync.Mutex
	var ring []*node
	var at int
	b.cleanups = append(b.cleanups, func() { ring = nil })
	return s.Update(name, func(*Record) {
		if !b.on.Load() {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if ring == nil {
			ring = make([]*node, kept)
			for i := range ring {
				ring[i] = &node{}
			}
		}
		for range perRecord {
			ring[at] = &node{next: &node{}}
			at = (at + 1) % kept
		}
	})
}

// entriesOfKey is what a keeper has for each key: about 200 KB.
const entriesOfKey = 5000

// keeper is a processor with much state for each key.
type keeper struct {
	entries *state.Map[int64, [32]byte]
}

// Open implements afflux.Processor.
func (k *keeper) Open(ctx *afflux.OpenContext) error {
	k.entries = ctx.Map[int64, [32]byte]("entries")
	return nil
}

// Process implements afflux.Processor.
func (k *keeper) Process(ctx *afflux.ProcessContext[int64, Record], v *Record) error {
	if k.entries.Len() == 0 {
		for i := range int64(entriesOfKey) {
			k.entries.Upsert(i)[0] = 1
		}
	}
	k.entries.Upsert(v.Seq % entriesOfKey)[0]++
	ctx.Emit(*v)
	return nil
}
