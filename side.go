package afflux

import (
	"fmt"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/transform"
)

// SideTag names a side output of a process function.
type SideTag[X any] struct{ name string }

// SideOutput returns the tag of a side output with records of type X. The
// processor emits to it, and Stream.Side reads it.
func SideOutput[X any](name string) SideTag[X] { return SideTag[X]{name} }

// sides are the side outputs of one operator that somebody reads.
type sides struct{ names []transform.SideName }

// Side is the stream of a side output of the process function that s comes
// from. Side outputs that no stream reads are dropped.
func (s *Stream[T]) Side[X any](tag SideTag[X]) *Stream[X] {
	if s.sides == nil {
		s.job.fail(fmt.Errorf("operator %q has no side outputs: only process functions do", s.node.Name))
		return &Stream[X]{job: s.job, node: s.node}
	}
	typ := event.TypeOf[X]()
	for _, n := range s.sides.names {
		if n.Name != tag.name {
			continue
		}
		if n.Type != typ {
			s.job.fail(fmt.Errorf("the side output %q of %q is read as %s and as %s", tag.name, s.node.Name, n.Type.Name(), typ.Name()))
		}
		return &Stream[X]{job: s.job, node: s.node, output: n.Output, sides: s.sides}
	}
	output := len(s.node.Outputs)
	s.node.Outputs = append(s.node.Outputs, typ)
	s.node.Optional = append(s.node.Optional, output)
	s.sides.names = append(s.sides.names, transform.SideName{Name: tag.name, Output: output, Type: typ})
	return &Stream[X]{job: s.job, node: s.node, output: output, sides: s.sides}
}
