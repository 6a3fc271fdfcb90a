package afflux

import (
	"fmt"

	"github.com/affluxdev/afflux/event"
)

// textOf formats the key of a record of a batch, for people.
func textOf[K comparable, T any](key func(*T) K) func(event.Batch, int) string {
	return func(b event.Batch, i int) string {
		return fmt.Sprint(key(&b.(*event.Records[T]).Values[i]))
	}
}
