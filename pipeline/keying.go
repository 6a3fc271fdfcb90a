package pipeline

import (
	"encoding/binary"
	"math"
	"time"
)

// keyFormulas is what records are divided by.
type keyFormulas struct {
	formulas []*formula
	raw      bool // the key is one column of texts
}

// keys compiles what records are divided by; cols must be known.
func (c *checker) keys(l *list[expression], cols *columns) *keyFormulas {
	k := &keyFormulas{}
	for i := range l.items {
		if f := c.compileExpression(&l.items[i], cols); f != nil {
			k.formulas = append(k.formulas, f)
		}
	}
	k.decide()
	return k
}

// decide chooses how keys are written once all formulas are there.
func (k *keyFormulas) decide() {
	k.raw = len(k.formulas) == 1 && k.formulas[0].kind == kindString
}

// of is the key of a record, as a text and as values with room for more.
func (k *keyFormulas) of(row *Row, more int) (string, []any, error) {
	values := make([]any, 0, len(k.formulas)+more)
	for _, f := range k.formulas {
		v, err := f.evalTo(row, f.kind)
		if err != nil {
			return "", nil, err
		}
		values = append(values, v)
	}
	text, err := k.text(values)
	return text, values, err
}

// keyed is the record with its key alone.
func (k *keyFormulas) keyed(row *Row) (keyed, error) {
	key, _, err := k.of(row, 0)
	return keyed{key: key, row: *row}, err
}

// text is the same for equal keys only.
func (k *keyFormulas) text(values []any) (string, error) {
	if k.raw {
		s, ok := values[0].(string)
		switch {
		case !ok:
			return "\xff\x00", nil
		case len(s) > 0 && s[0] == 0xff:
			return "\xff" + s, nil
		}
		return s, nil
	}
	var scratch [64]byte
	b := scratch[:0]
	for _, v := range values {
		var err error
		if b, err = appendKey(b, v); err != nil {
			return "", err
		}
	}
	return string(b), nil
}

func appendKey(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(b, 'n'), nil
	case bool:
		if v {
			return append(b, 't'), nil
		}
		return append(b, 'f'), nil
	case int:
		return binary.LittleEndian.AppendUint64(append(b, 'i'), uint64(v)), nil
	case float64:
		switch {
		case v == 0:
			v = 0 // minus zero is zero
		case v != v:
			v = math.NaN()
		}
		return binary.LittleEndian.AppendUint64(append(b, 'd'), math.Float64bits(v)), nil
	case time.Time:
		b = binary.LittleEndian.AppendUint64(append(b, 'T'), uint64(v.Unix()))
		return binary.LittleEndian.AppendUint32(b, uint32(v.Nanosecond())), nil
	case time.Duration:
		return binary.LittleEndian.AppendUint64(append(b, 'D'), uint64(v)), nil
	case string:
		return append(binary.AppendUvarint(append(b, 's'), uint64(len(v))), v...), nil
	}
	text, err := jsonText(v)
	if err != nil {
		return nil, err
	}
	return append(binary.AppendUvarint(append(b, 'j'), uint64(len(text))), text...), nil
}

// keyed is a record with its key and what else a step computes of it, ahead
// because that can fail.
type keyed struct {
	key    string
	row    Row
	values []any // of the key, then of arguments
}

// PayloadBytes implements event.Sized.
func (k keyed) PayloadBytes() int {
	return len(k.key) + 16*len(k.values) + k.row.PayloadBytes()
}

// MarshalJSON is the record alone, for dead letters.
func (k keyed) MarshalJSON() ([]byte, error) { return k.row.MarshalJSON() }

func keyOf(k *keyed) string { return k.key }

func rowOf(k *keyed) Row { return k.row }
