package memory_test

import "unsafe"

// aliasOf views bytes as a string, as a decoder that does not copy does.
func aliasOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
