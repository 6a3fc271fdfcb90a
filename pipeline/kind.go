package pipeline

import (
	"fmt"
	"reflect"
	"time"

	"github.com/expr-lang/expr/types"
)

// kind is the type of a column. A value of any kind may also be null.
type kind uint8

const (
	kindAny kind = iota // whatever JSON holds: found out per record
	kindBool
	kindInt
	kindFloat
	kindString
	kindTime
	kindDuration
)

var kindNames = []string{"any", "bool", "int", "float", "string", "time", "duration"}

func (k kind) String() string { return kindNames[k] }

func kindByName(name string) (kind, bool) {
	for i, n := range kindNames {
		if n == name {
			return kind(i), true
		}
	}
	return kindAny, false
}

// exprType is the type by which expressions are checked.
func (k kind) exprType() types.Type {
	switch k {
	case kindBool:
		return types.Bool
	case kindInt:
		return types.Int
	case kindFloat:
		return types.Float64
	case kindString:
		return types.String
	case kindTime:
		return types.TypeOf(time.Time{})
	case kindDuration:
		return types.TypeOf(time.Duration(0))
	}
	return types.Any
}

// kindOf is the kind of the values of a Go type, as an expression returns them.
func kindOf(t reflect.Type) kind {
	switch {
	case t == nil:
		return kindAny
	case t == reflect.TypeFor[time.Time]():
		return kindTime
	case t == reflect.TypeFor[time.Duration]():
		return kindDuration
	}
	switch t.Kind() {
	case reflect.Bool:
		return kindBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return kindInt
	case reflect.Float32, reflect.Float64:
		return kindFloat
	case reflect.String:
		return kindString
	}
	return kindAny
}

// normal turns a value into one of the few Go types that rows hold: nil, bool,
// int, float64, string, time.Time, time.Duration, []any, map[string]any.
func normal(v any) any {
	switch v := v.(type) {
	case nil, bool, int, float64, string, time.Time, time.Duration, []any, map[string]any:
		return v
	case int8:
		return int(v)
	case int16:
		return int(v)
	case int32:
		return int(v)
	case int64:
		return int(v)
	case uint8:
		return int(v)
	case uint16:
		return int(v)
	case uint32:
		return int(v)
	case uint:
		return int(v)
	case uint64:
		return int(v)
	case float32:
		return float64(v)
	case []byte:
		return string(v)
	}
	rv := reflect.ValueOf(v)
	switch rv.Kind() {
	case reflect.Slice, reflect.Array:
		out := make([]any, rv.Len())
		for i := range out {
			out[i] = normal(rv.Index(i).Interface())
		}
		return out
	case reflect.Map:
		out := make(map[string]any, rv.Len())
		for it := rv.MapRange(); it.Next(); {
			out[fmt.Sprint(it.Key().Interface())] = normal(it.Value().Interface())
		}
		return out
	case reflect.String:
		return rv.String()
	case reflect.Int:
		return int(rv.Int())
	}
	return fmt.Sprint(v)
}

// fits tells whether a value, once normal, may stand in a column of kind k.
func (k kind) fits(v any) bool {
	if v == nil || k == kindAny {
		return true
	}
	switch v.(type) {
	case bool:
		return k == kindBool
	case int:
		return k == kindInt
	case float64:
		return k == kindFloat
	case string:
		return k == kindString
	case time.Time:
		return k == kindTime
	case time.Duration:
		return k == kindDuration
	}
	return false
}

// coerce makes v fit k where nothing is lost (a whole number for a float, a
// float without fraction for an int), or says that it does not.
func (k kind) coerce(v any) (any, error) {
	if k.fits(v) {
		return v, nil
	}
	switch x := v.(type) {
	case int:
		if k == kindFloat {
			return float64(x), nil
		}
	case float64:
		if k == kindInt && x == float64(int(x)) {
			return int(x), nil
		}
	}
	return nil, fmt.Errorf("%v is not of type %s", v, k)
}
