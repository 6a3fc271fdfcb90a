package memory

import (
	"reflect"

	"github.com/affluxdev/afflux/state"
)

// NewTable returns an empty table of keys K and states S. It begins small and
// doubles when it is five eighths full.
//
// Keys that are not equal to themselves (NaN) count as equal when their hashes
// are.
func NewTable[K comparable, S any]() state.Table[K, S] {
	if reflect.TypeFor[K]().Kind() == reflect.String {
		return newNamedTable[K, S]()
	}
	return newPlainTable[K, S]()
}
