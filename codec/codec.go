// Package codec turns bytes into typed values and back: JSON, CSV, Avro, text
// and raw bytes.
//
// A Codec handles one message at a time, as a Kafka record or a line of a file
// carries it. Files of rows with a header use Rows instead, so that the header
// is resolved once a file and not once a row.
package codec

import "errors"

// Codec converts between one message and one value. A Codec is immutable and
// safe for concurrent use: every subtask of a job shares it.
type Codec[T any] interface {
	// Decode overwrites *v with the value that data holds. It keeps no
	// reference to data. After an error *v is unspecified.
	Decode(data []byte, v *T) error
	// Append appends the encoded value to dst and returns the extended slice.
	// It keeps no reference to *v. After an error it returns dst unchanged.
	Append(dst []byte, v *T) ([]byte, error)
}

var errEmpty = errors.New("the message is empty")
