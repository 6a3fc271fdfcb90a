package event

import (
	"reflect"
	"sync"
)

// Type describes the record type of a stream to code that does not know it.
type Type interface {
	// Name is the Go name of the record type, for messages.
	Name() string
	// Size is the fixed part of a record in bytes: its value and its event time.
	Size() int
	// Variable tells whether records also own memory outside of that part.
	Variable() bool
	// NewBatch returns an empty batch with room for capacity records.
	NewBatch(capacity int) Batch
	// NewScatter returns n open batches to spread records over.
	NewScatter(n int) Scatter
	// Reflect is the Go type, for encoders.
	Reflect() reflect.Type
}

// Sized is implemented by record types that know best how many bytes they own
// beyond their fixed size. Without it the size is derived from the type, once
// per type: strings and slices by their length, maps, pointers and interfaces
// by walking them.
type Sized interface{ PayloadBytes() int }

type typeOf[T any] struct {
	reflect  reflect.Type
	name     string
	size     int
	pointers bool
	payload  func(*T) int // nil when every record has the same size
}

var types sync.Map // reflect.Type -> Type

// TypeOf describes T.
func TypeOf[T any]() Type {
	key := reflect.TypeFor[T]()
	if t, ok := types.Load(key); ok {
		return t.(Type)
	}
	t := &typeOf[T]{reflect: key, name: key.String(), size: int(key.Size()) + 8, pointers: hasPointers(key), payload: payloadOf[T]()}
	got, _ := types.LoadOrStore(key, t)
	return got.(Type)
}

func (t *typeOf[T]) Name() string          { return t.name }
func (t *typeOf[T]) Reflect() reflect.Type { return t.reflect }
func (t *typeOf[T]) Size() int             { return t.size }
func (t *typeOf[T]) Variable() bool        { return t.payload != nil }

func (t *typeOf[T]) NewBatch(capacity int) Batch { return NewRecords[T](capacity) }

func hasPointers(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr,
		reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128:
		return false
	case reflect.Array:
		return t.Len() > 0 && hasPointers(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if hasPointers(t.Field(i).Type) {
				return true
			}
		}
		return false
	}
	return true
}
