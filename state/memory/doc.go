// Package memory keeps keyed state in hash tables with open addressing.
//
// A table with pointer-free states is pointer-free itself, also when its keys
// are strings (up to 23 bytes lie in the slot, more in an arena), so the garbage
// collector does not walk it.
package memory
