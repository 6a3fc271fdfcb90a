package state

import "reflect"

// shares tells whether a copy of a value has memory in common with it that could be
// changed, which strings do not allow.
func shares(t reflect.Type) bool {
	switch k := t.Kind(); {
	case k >= reflect.Bool && k <= reflect.Complex128, k == reflect.String:
		return false
	case k == reflect.Array:
		return shares(t.Elem())
	case k == reflect.Struct:
		for i := range t.NumField() {
			if shares(t.Field(i).Type) {
				return true
			}
		}
		return false
	}
	return true
}
