package codec

import (
	"encoding/json/jsontext"
	"encoding/json/v2"
	"sync"
)

// JSON is a codec of one JSON value a message. Members that T does not have
// are ignored; pass json.RejectUnknownMembers(true) to refuse them. The values
// are written on one line.
func JSON[T any](options ...json.Options) Codec[T] {
	return &jsonCodec[T]{decode: json.JoinOptions(options...), encode: json.JoinOptions(append(options[:len(options):len(options)], jsontext.Multiline(false))...)}
}

type jsonCodec[T any] struct{ decode, encode json.Options }

func (c *jsonCodec[T]) Decode(data []byte, v *T) error {
	if len(data) == 0 {
		return errEmpty
	}
	var zero T
	*v = zero // members that are absent must not keep an earlier record's value
	return json.Unmarshal(data, v, c.decode)
}

// appender is an io.Writer that appends.
type appender struct{ b []byte }

func (a *appender) Write(p []byte) (int, error) {
	a.b = append(a.b, p...)
	return len(p), nil
}

var appenders = sync.Pool{New: func() any { return new(appender) }}

func (c *jsonCodec[T]) Append(dst []byte, v *T) ([]byte, error) {
	a := appenders.Get().(*appender)
	a.b = dst
	err := json.MarshalWrite(a, v, c.encode)
	out := a.b
	a.b = nil
	appenders.Put(a)
	if err != nil {
		return dst, err
	}
	return out, nil
}
