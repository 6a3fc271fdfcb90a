package state_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/affluxdev/afflux/codec"
	"github.com/affluxdev/afflux/state"
	"pgregory.net/rapid"
)

type place struct {
	City string
	Zone int32
}

// all has one state of each kind.
type all struct {
	store  *state.Store
	value  *state.Value[place]
	plain  *state.Value[map[string]int] // no Avro schema needs it
	list   *state.List[string]
	places *state.Map[string, place]
	sum    *state.Reducing[int64]
}

func newAll() *all {
	a := &all{store: state.NewStore()}
	a.value = state.NewValue[place](a.store, "value", state.TTL(time.Hour))
	a.plain = state.NewValue[map[string]int](a.store, "plain", state.Codec(codec.JSON[map[string]int]()))
	a.list = state.NewList[string](a.store, "list", state.TTLOnRead(time.Hour))
	a.places = state.NewMap[string, place](a.store, "places")
	a.sum = state.NewReducing(a.store, "sum", func(acc, v *int64) { *acc += *v })
	return a
}

// describe is everything that the current key has.
func (a *all) describe() string {
	v, ok := a.value.Get()
	p, pok := a.plain.Get()
	s, sok := a.sum.Get()
	out := fmt.Sprint(v, ok, p, pok, s, sok, a.list.Get())
	for k, v := range a.places.All() {
		out += fmt.Sprint(" ", k, v)
	}
	return out
}

func (a *all) fill(r *rapid.T) {
	text := rapid.StringN(0, 5, -1)
	if rapid.Bool().Draw(r, "value") {
		a.value.Set(place{text.Draw(r, "city"), rapid.Int32().Draw(r, "zone")})
	}
	if rapid.Bool().Draw(r, "plain") {
		a.plain.Set(map[string]int{"a": rapid.Int().Draw(r, "a")})
	}
	for _, s := range rapid.SliceOfN(text, 0, 5).Draw(r, "list") {
		a.list.Append(s)
	}
	for _, s := range rapid.SliceOfN(text, 0, 30).Draw(r, "map") {
		a.places.Upsert(s).Zone++
	}
	for _, n := range rapid.SliceOfN(rapid.Int64Range(-9, 9), 0, 3).Draw(r, "sum") {
		a.sum.Add(n)
	}
}

// What a store has encoded, another one reads.
func TestEncodedStatesAreTheSame(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		from, to := newAll(), newAll()
		from.store.SetNow(1000)
		to.store.SetNow(1000)
		for range 2 {
			slot, into := from.store.Acquire(), to.store.Acquire()
			from.store.Use(slot)
			to.store.Use(into)
			from.fill(r)
			to.fill(r) // to be replaced
			data, err := from.store.Append(slot, []byte("before"))
			if err != nil {
				r.Fatal(err)
			}
			if err := to.store.Load(into, data[len("before"):]); err != nil {
				r.Fatal(err)
			}
			if from.describe() != to.describe() {
				r.Fatalf("got  %s\nwant %s", to.describe(), from.describe())
			}
			if from.store.Unused(slot) != to.store.Unused(into) {
				r.Fatal("only one of them is empty")
			}
		}
		later := int64(2 * time.Hour)
		from.store.SetNow(later)
		to.store.SetNow(later)
		if from.describe() != to.describe() {
			r.Fatalf("an hour later: got  %s\nwant %s", to.describe(), from.describe())
		}
	})
}

// Memory that is not in use any more is not counted any more.
func TestBytesFollowTheContents(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		a := newAll()
		var slots []uint32
		a.store.Acquire()
		empty := a.store.Bytes()
		for range 5 {
			slots = append(slots, a.store.Acquire())
			a.store.Use(slots[len(slots)-1])
			a.fill(r)
			a.value.Upsert().City = "a city that was not there"
		}
		if a.store.Bytes() < empty+5*25 {
			r.Fatalf("%d bytes with contents, %d without", a.store.Bytes(), empty)
		}
		for _, s := range slots {
			a.store.Release(s)
			a.store.Release(s) // twice is once
		}
		for range slots {
			slots = append(slots[1:], a.store.Acquire())
			a.store.Use(slots[len(slots)-1])
			if got := a.describe(); got != newEmpty().describe() {
				r.Fatalf("a new slot has %s", got)
			}
		}
		a.store.Entries(func(name string, n int64) {
			if n != 0 {
				r.Fatalf("state %q has %d entries", name, n)
			}
		})
		if got := a.store.Bytes(); got > empty+128 {
			r.Fatalf("%d bytes at the end, %d at the beginning", got, empty)
		}
	})
}

func newEmpty() *all {
	a := newAll()
	a.store.Use(a.store.Acquire())
	return a
}

func FuzzLoad(f *testing.F) {
	a := newEmpty()
	a.value.Set(place{"Paris", 1})
	a.list.Append("x")
	a.places.Set("k", place{"Wien", 2})
	a.sum.Add(3)
	data, err := a.store.Append(0, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(data[:len(data)-1])
	f.Add(binary.LittleEndian.AppendUint32(nil, 1<<31))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		a := newEmpty()
		if err := a.store.Load(0, data); err != nil {
			return
		}
		// What can be read can be written and read again.
		again, err := a.store.Append(0, nil)
		if err != nil {
			t.Fatal(err)
		}
		b := newEmpty()
		if err := b.store.Load(0, again); err != nil {
			t.Fatal(err)
		}
		if a.describe() != b.describe() {
			t.Errorf("got  %s\nwant %s", b.describe(), a.describe())
		}
	})
}

func TestDeclaredTooLate(t *testing.T) {
	s := state.NewStore()
	if err := s.Seal(); err != nil {
		t.Fatal(err)
	}
	state.NewValue[int](s, "v")
	if err := s.Seal(); err == nil {
		t.Error("a state that was declared too late was taken")
	}
	if s.Expires() || !slices.Equal([]bool{s.Unused(s.Acquire())}, []bool{true}) {
		t.Error("a new slot is in use")
	}
}
