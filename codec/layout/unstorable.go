package layout

import (
	"errors"
	"fmt"
)

// ErrUnstorable is what errors are about a type of which no value can be
// stored, as [errors.Is] tells: to try again does not help.
var ErrUnstorable = errors.New("values of this type cannot be stored")

// unstorable says why a type is such a one.
type unstorable string

func (u unstorable) Error() string { return string(u) }

// Is implements what errors.Is asks for.
func (unstorable) Is(target error) bool { return target == ErrUnstorable }

func unstorablef(format string, args ...any) error {
	return unstorable(fmt.Sprintf(format, args...))
}
