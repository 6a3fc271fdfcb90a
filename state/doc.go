// Package state is the contract of keyed state: tables from a key to what an
// operator remembers about it. state/memory keeps them in memory; every
// implementation passes state/statetest.
package state
