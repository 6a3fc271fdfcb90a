package window

import "fmt"

// Definition says how the records of a key are divided into windows. It is an
// Assigner, Sessions or Counts, and immutable.
type Definition interface {
	fmt.Stringer
	// Err tells what is wrong with the arguments that it was made of, nil when
	// they are valid.
	Err() error
	// definition keeps the set closed: operators know them all.
	definition()
}

func (Assigner) definition() {}
func (Sessions) definition() {}
func (Counts) definition()   {}

// Global is one window for each key that is all of time. It is complete when
// the input has ended; until then it produces only early results.
func Global() Assigner {
	return Assigner{name: "window.Global()", global: true, perWindow: 1, perSlide: 1}
}

// Unbounded tells whether a window has no end, like that of Global.
func (a Assigner) Unbounded() bool { return a.global }
