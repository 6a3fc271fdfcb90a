package operatortest

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/transform"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/state"
	"github.com/affluxdev/afflux/state/paged"
	"github.com/affluxdev/afflux/window"
)

// mapKV is a store of bytes in a map.
type mapKV map[string]string

func (kv mapKV) Get(key, dst []byte) ([]byte, bool, error) {
	v, ok := kv[string(key)]
	return append(dst, v...), ok, nil
}
func (kv mapKV) Set(key, value []byte) error { kv[string(key)] = string(value); return nil }
func (kv mapKV) Delete(key []byte) error     { delete(kv, string(key)); return nil }
func (kv mapKV) DeleteRange(from, to []byte) error {
	maps.DeleteFunc(kv, func(k, _ string) bool { return k >= string(from) && k < string(to) })
	return nil
}
func (kv mapKV) Scan(after []byte, n int, f func(key, value []byte)) error {
	for _, k := range slices.Sorted(maps.Keys(kv)) {
		if k > string(after) && n > 0 {
			n--
			f([]byte(k), []byte(kv[k]))
		}
	}
	return nil
}
func (kv mapKV) Bytes() int64 { return 0 }
func (kv mapKV) Close() error { return nil }

// tablesOnDisk keeps in memory no more than is in use.
func tablesOnDisk[K comparable, S any]() transform.Tables[K, S] {
	return func(operator.Context) (state.Tables[K, S], error) {
		return paged.NewTables[K, S](mapKV{}, 0, func(err error) any { return operator.Unwind{Err: err} })
	}
}

func backendOnDisk[K comparable](operator.Context) (state.Backend[K], error) {
	return paged.NewBackend[K](mapKV{}, 0)
}

func TestOnDisk(t *testing.T) {
	t.Run("window", func(t *testing.T) {
		a := window.Sliding(30, 10)
		fold := transform.Fold[int, int]{Add: func(s, v *int) { boom(*v); *s += *v + 1 }, Merge: func(into, from *int) { *into += *from }}
		Test(t, Harness[int, string]{Input: integers(), Want: windows(a), Hash: hash, Policy: operator.Skip, Refused: refused(), New: func() operator.Operator {
			return transform.NewWindow(a, key, fold, transform.EachResult(func(k int, w window.Window, s *int) string { return fmt.Sprint(k, w, *s) }), tablesOnDisk[int, int]())
		}})
	})
	t.Run("sessions", func(t *testing.T) { testSessions(t, tablesOnDisk[int, transform.Activity[int]]()) })
	t.Run("process", func(t *testing.T) { testProcess(t, backendOnDisk[string]) })
	t.Run("interval join", func(t *testing.T) {
		want, refused := pairs(
			func(a, b Row[int]) bool { return a.Time-10 <= b.Time && b.Time <= a.Time+10 },
			func(a, b Row[int]) event.Time { return max(a.Time, b.Time) }, true, false,
			func(t event.Time) event.Time { return t + 10 }, nil)
		Test(t, Harness[int, string]{Input: integers(), Port: side, Want: [][]Row[string]{want}, Hash: hash, Policy: operator.Skip, Refused: refused, New: func() operator.Operator {
			return transform.NewInterval(key, key, transform.Interval[int, int, string]{
				Lower: -10 * time.Nanosecond, Upper: 10 * time.Nanosecond, KeepLeft: true, Join: joined,
			}, backendOnDisk[int])
		}})
	})
}
