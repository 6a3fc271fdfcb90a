package codec

// Rows describes the rows of a CSV file with typed columns. It is immutable
// and safe for concurrent use; the decoders and encoders that it makes belong
// to one file and one goroutine each.
//
// StructRows implements it for structs. A type of another form, such as a row
// whose columns are known only at run time, brings its own.
type Rows[T any] interface {
	// NewDecoder returns a decoder for one file.
	NewDecoder() RowDecoder[T]
	// NewEncoder returns an encoder for one file.
	NewEncoder() RowEncoder[T]
}

// RowDecoder decodes the rows of one file.
type RowDecoder[T any] interface {
	// Header tells the names of the columns, once and ahead of every row. They
	// may be kept. The error says which columns are missing or unknown.
	Header(columns []string) error
	// DecodeRow overwrites *v. There are as many fields as columns. The
	// strings in fields are valid for the call only: what is kept must be
	// copied (strings.Clone).
	DecodeRow(fields []string, v *T) error
}

// RowEncoder encodes the rows of one file.
type RowEncoder[T any] interface {
	// Header returns the names of the columns.
	Header() []string
	// EncodeRow adds one field for each column to row. After an error the
	// caller drops the row.
	EncodeRow(row *Row, v *T) error
}
