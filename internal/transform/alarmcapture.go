package transform

import (
	"io"
	"reflect"
	"slices"
	"unsafe"
)

// alarmCapture is what a queue of alarms held at one moment. It shares the
// memory of the queue, which goes on.
type alarmCapture[K comparable] struct{ lists [][]alarm[K] }

// capture takes what the queue holds, at a cost that depends on the number of
// buckets, and of the alarms of the current one.
func (q *alarms[K]) capture() *alarmCapture[K] {
	q.epoch++
	c := &alarmCapture[K]{}
	c.add(q.open)
	c.add(slices.Clone(q.soon)) // a heap changes everywhere
	for _, n := range q.numbers {
		c.add(q.buckets[n].list)
	}
	return c
}

func (c *alarmCapture[K]) add(list []alarm[K]) {
	if len(list) > 0 {
		c.lists = append(c.lists, list[:len(list):len(list)])
	}
}

// Write implements state.Capture.
func (c *alarmCapture[K]) Write(w io.Writer) error {
	d, err := newDueWriter(w, reflect.TypeFor[K]())
	if err != nil {
		return err
	}
	for _, list := range c.lists {
		for i := range list {
			a := &list[i]
			if err := d.add(due{at: a.at, hash: a.hash}, unsafe.Pointer(&a.key)); err != nil {
				return err
			}
		}
	}
	return d.end()
}

// Release implements state.Capture.
func (c *alarmCapture[K]) Release() { c.lists = nil }

// alarmsFrom calls f for the alarms of a piece whose keys belong to a subtask.
func alarmsFrom[K comparable](owns func(hash uint64) bool, f func(alarm[K])) func(io.Reader) error {
	return func(in io.Reader) error {
		return readDues(in, func(v due, key K) {
			if owns(v.hash) {
				f(alarm[K]{at: v.at, hash: v.hash, key: key})
			}
		})
	}
}
