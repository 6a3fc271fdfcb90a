package event_test

import "unsafe"

// reinterpret views a value as another type of the same layout.
func reinterpret[To, From any](p *From) *To { return (*To)(unsafe.Pointer(p)) }
