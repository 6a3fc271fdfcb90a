package codec

import (
	"encoding"
	"errors"
	"reflect"
	"strconv"
	"time"
	"unsafe"
)

// parseFunc writes the value that a field of a row holds to p, which points to
// a zeroed value of the column's type. It keeps no reference to s.
type parseFunc func(st *parseState, s string, p unsafe.Pointer) error

// formatFunc adds the value at p to a row.
type formatFunc func(row *Row, p unsafe.Pointer) error

var (
	timeType        = reflect.TypeFor[time.Time]()
	durationType    = reflect.TypeFor[time.Duration]()
	unmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()
	marshalerType   = reflect.TypeFor[encoding.TextMarshaler]()
)

func isText(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(unmarshalerType) && reflect.PointerTo(t).Implements(marshalerType)
}

// conversion returns how a column of type t is read and written, or nils when
// it cannot be.
func conversion(t reflect.Type, c *rowConfig) (parseFunc, formatFunc) {
	switch {
	case t == timeType:
		return parseTime, func(row *Row, p unsafe.Pointer) error { row.Time(*(*time.Time)(p)); return nil }
	case t == durationType:
		return parseDuration, func(row *Row, p unsafe.Pointer) error { row.Text((*(*time.Duration)(p)).String()); return nil }
	case isText(t):
		return textConversion(t)
	}
	switch t.Kind() {
	case reflect.String:
		return func(st *parseState, s string, p unsafe.Pointer) error { *(*string)(p) = st.text(s); return nil },
			func(row *Row, p unsafe.Pointer) error { row.Text(*(*string)(p)); return nil }
	case reflect.Bool:
		return parseBool, func(row *Row, p unsafe.Pointer) error { row.Bool(*(*bool)(p)); return nil }
	case reflect.Int:
		return integer[int]()
	case reflect.Int8:
		return integer[int8]()
	case reflect.Int16:
		return integer[int16]()
	case reflect.Int32:
		return integer[int32]()
	case reflect.Int64:
		return integer[int64]()
	case reflect.Uint:
		return unsigned[uint]()
	case reflect.Uint8:
		return unsigned[uint8]()
	case reflect.Uint16:
		return unsigned[uint16]()
	case reflect.Uint32:
		return unsigned[uint32]()
	case reflect.Uint64:
		return unsigned[uint64]()
	case reflect.Float32:
		return float[float32](32)
	case reflect.Float64:
		return float[float64](64)
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return func(_ *parseState, s string, p unsafe.Pointer) error { *(*[]byte)(p) = []byte(s); return nil },
				func(row *Row, p unsafe.Pointer) error { row.Text(view(*(*[]byte)(p))); return nil }
		}
	case reflect.Pointer:
		if t.Elem().Kind() != reflect.Pointer {
			return pointerConversion(t.Elem(), c)
		}
	}
	return nil, nil
}

// pointerConversion handles columns that may be empty.
func pointerConversion(elem reflect.Type, c *rowConfig) (parseFunc, formatFunc) {
	parse, format := conversion(elem, c)
	if parse == nil {
		return nil, nil
	}
	return func(st *parseState, s string, p unsafe.Pointer) error {
			if s == "" {
				*(*unsafe.Pointer)(p) = nil
				return nil
			}
			v := reflect.New(elem).UnsafePointer()
			*(*unsafe.Pointer)(p) = v
			return parse(st, s, v)
		}, func(row *Row, p unsafe.Pointer) error {
			v := *(*unsafe.Pointer)(p)
			if v == nil {
				row.Null()
				return nil
			}
			return format(row, v)
		}
}

func textConversion(t reflect.Type) (parseFunc, formatFunc) {
	return func(_ *parseState, s string, p unsafe.Pointer) error {
			return reflect.NewAt(t, p).Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(s))
		}, func(row *Row, p unsafe.Pointer) error {
			b, err := reflect.NewAt(t, p).Interface().(encoding.TextMarshaler).MarshalText()
			if err != nil {
				return err
			}
			row.Text(string(b))
			return nil
		}
}

func parseTime(st *parseState, s string, p unsafe.Pointer) error {
	t, err := st.time(s)
	*(*time.Time)(p) = t
	return err
}

func parseDuration(_ *parseState, s string, p unsafe.Pointer) error {
	d, err := time.ParseDuration(s)
	if err != nil {
		return errors.New(`not a duration such as "1m30s"`)
	}
	*(*time.Duration)(p) = d
	return nil
}

func parseBool(_ *parseState, s string, p unsafe.Pointer) error {
	b, err := strconv.ParseBool(s)
	if err != nil {
		return errors.New("not true or false")
	}
	*(*bool)(p) = b
	return nil
}

func integer[I int | int8 | int16 | int32 | int64]() (parseFunc, formatFunc) {
	bits := int(unsafe.Sizeof(I(0)) * 8)
	return func(_ *parseState, s string, p unsafe.Pointer) error {
			v, err := strconv.ParseInt(s, 10, bits)
			if err != nil {
				return numberError(err, "not a whole number")
			}
			*(*I)(p) = I(v)
			return nil
		}, func(row *Row, p unsafe.Pointer) error {
			row.Int(int64(*(*I)(p)))
			return nil
		}
}

func unsigned[U uint | uint8 | uint16 | uint32 | uint64]() (parseFunc, formatFunc) {
	bits := int(unsafe.Sizeof(U(0)) * 8)
	return func(_ *parseState, s string, p unsafe.Pointer) error {
			v, err := strconv.ParseUint(s, 10, bits)
			if err != nil {
				return numberError(err, "not a whole number of at least 0")
			}
			*(*U)(p) = U(v)
			return nil
		}, func(row *Row, p unsafe.Pointer) error {
			row.Uint(uint64(*(*U)(p)))
			return nil
		}
}

func float[F float32 | float64](bits int) (parseFunc, formatFunc) {
	return func(_ *parseState, s string, p unsafe.Pointer) error {
			v, err := strconv.ParseFloat(s, bits)
			if err != nil {
				return numberError(err, "not a number")
			}
			*(*F)(p) = F(v)
			return nil
		}, func(row *Row, p unsafe.Pointer) error {
			row.Float(float64(*(*F)(p)), bits)
			return nil
		}
}

func numberError(err error, otherwise string) error {
	if errors.Is(err, strconv.ErrRange) {
		return errors.New("too large for its type")
	}
	return errors.New(otherwise)
}
