package state

import (
	"bytes"
	"strings"
	"testing"

	"github.com/affluxdev/afflux/codec"
)

type visitOld struct {
	Page  string
	Count int32
}

type visitNew struct {
	Count int64
	Room  string
	Page  string
}

type visitBad struct{ Count string }

func sealed(t *testing.T, s *Store) *Store {
	t.Helper()
	if err := s.Seal(); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStoredStatesOfOtherTypes(t *testing.T) {
	old := NewStore()
	v := NewValue[visitOld](old, "visit")
	gone := NewList[int](old, "gone")
	m := NewMap[string, visitOld](old, "pages")
	series := NewSeries[visitOld](old, "series")
	n := NewReducing(old, "n", func(a, b *int64) { *a += *b })
	b := NewBroadcastMap[string, visitOld](old, "rules")
	sealed(t, old)
	slot := old.Acquire()
	old.Use(slot)
	v.Set(visitOld{"a", 1})
	gone.Append(7)
	m.Set("x", visitOld{"b", 2})
	series.Insert(5, visitOld{"c", 3})
	n.Add(4)
	old.AllowBroadcast(true)
	b.Set("r", visitOld{"d", 5})
	data, err := old.Append(slot, nil)
	if err != nil {
		t.Fatal(err)
	}
	rules, err := old.AppendBroadcast(nil)
	if err != nil {
		t.Fatal(err)
	}

	now := NewStore()
	added := NewValue[int](now, "added")
	series2 := NewSeries[visitNew](now, "series")
	m2 := NewMap[string, visitNew](now, "pages")
	v2 := NewValue[visitNew](now, "visit")
	n2 := NewValue[int64](now, "n")
	b2 := NewBroadcastMap[string, visitNew](now, "rules")
	sealed(t, now)
	if _, err := now.From(old.Schema(), false); err == nil || !strings.Contains(err.Error(), `state "gone": it is in the checkpoint`) {
		t.Errorf("got error %v", err)
	}
	from, err := now.From(old.Schema(), true)
	if err != nil || from.Same() {
		t.Fatalf("the same: %v (%v)", from.Same(), err)
	}
	to := now.Acquire()
	now.Use(to)
	for range 2 { // the codecs are those of before again
		if err := from.Load(to, data); err != nil {
			t.Fatal(err)
		}
		if data2, err := now.Append(to, nil); err != nil || now.Load(to, data2) != nil {
			t.Fatalf("what was read cannot be written and read (%v)", err)
		}
	}
	if err := now.LoadBroadcast(rules, false); err != nil {
		t.Fatal(err)
	}
	got, _ := v2.Get()
	page, _ := m2.Get("x")
	rule, _ := b2.Get("r")
	sum, _ := n2.Get()
	if _, ok := added.Get(); ok || got != (visitNew{1, "", "a"}) || page != (visitNew{2, "", "b"}) || rule != (visitNew{5, "", "d"}) || sum != 4 {
		t.Errorf("got %v, %v, %v and %v", got, page, rule, sum)
	}
	if all := series2.Get(); len(all) != 1 || all[0] != (Dated[visitNew]{5, visitNew{3, "", "c"}}) {
		t.Errorf("got %v", all)
	}
	for i := range data {
		now.Release(to)
		if to = now.Acquire(); from.Load(to, data[:i]) == nil {
			t.Errorf("read from %d bytes of %d", i, len(data))
		}
	}
	for i := range rules {
		if now.LoadBroadcast(rules[:i], false) == nil {
			t.Errorf("read from %d bytes of %d", i, len(rules))
		}
	}
}

func TestStoredStatesRefused(t *testing.T) {
	old := NewStore()
	NewValue[visitOld](old, "v")
	sealed(t, old)
	for want, declare := range map[string]func(s *Store){
		"was stored as a value and is declared as a list": func(s *Store) { NewList[visitOld](s, "v") },
		"Count":                    func(s *Store) { NewValue[visitBad](s, "v") },
		"by a codec with a schema": func(s *Store) { NewValue[visitOld](s, "v", Codec(codec.JSON[visitOld]())) },
	} {
		s := NewStore()
		declare(s)
		_ = s.Seal()
		if _, err := s.From(old.Schema(), false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one with %q", err, want)
		}
	}
	s := NewStore()
	if same, err := old.From(old.Schema(), false); err != nil || !same.Same() {
		t.Errorf("the schema of the store itself is not the same (%v)", err)
	}
	if _, err := s.From(bytes.Replace(old.Schema(), []byte(`"format":1`), []byte(`"format":9`), 1), true); err == nil {
		t.Error("another format was taken")
	}
	if _, err := s.From(old.Schema()[:20], true); err == nil {
		t.Error("a cut schema was taken")
	}
}
