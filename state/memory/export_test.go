package memory

import "github.com/affluxdev/afflux/state"

// NewTablesApart is NewTables where tables of so many bytes have files of their own.
func NewTablesApart[K comparable, S any](bytes int64) state.Tables[K, S] {
	return &tables[K, S]{large: bytes}
}
