package codec

// Bytes is a codec of messages taken as they are. Decode copies.
func Bytes() Codec[[]byte] { return bytesCodec{} }

// String is a codec of messages taken as text, without a check that they are
// valid UTF-8.
func String() Codec[string] { return stringCodec{} }

type bytesCodec struct{}

// Decode allocates: the old value may have been handed on to another owner.
func (bytesCodec) Decode(data []byte, v *[]byte) error {
	*v = append(make([]byte, 0, len(data)), data...)
	return nil
}

func (bytesCodec) Append(dst []byte, v *[]byte) ([]byte, error) { return append(dst, *v...), nil }

type stringCodec struct{}

func (stringCodec) Decode(data []byte, v *string) error {
	*v = string(data)
	return nil
}

func (stringCodec) Append(dst []byte, v *string) ([]byte, error) { return append(dst, *v...), nil }
