package api

import (
	"cmp"
	"slices"
	"strings"

	"github.com/affluxdev/afflux/internal/metric"
	"github.com/google/pprof/profile"
)

// Bounds of a flame tree. What is cut off is part of the time of its parent.
const (
	maxFlameDepth = 64
	maxFlameNodes = 4096
	// leastShare is the part of the whole that a function must have to be shown.
	leastShare = 0.002
	// maxFunctionName is in bytes.
	maxFunctionName = 160
)

// unlabelled is the first level for what runs for no operator: the collector, the
// runtime, clients of connectors.
const unlabelled = "(not an operator)"

// flame is a function with those that it called.
type flame struct {
	Name     string   `json:"name"`
	Millis   float64  `json:"ms"`
	Children []*flame `json:"children,omitempty"`

	nanos int64
	by    map[string]*flame
}

// flameOf makes a tree of a CPU profile: operators first, then functions from
// the outermost on. Only the named operator's samples count, unless it is "".
func flameOf(p *profile.Profile, operator string) *flame {
	root := &flame{Name: "all"}
	value := nanosOf(p)
	if value < 0 {
		return root
	}
	for _, s := range p.Sample {
		name := unlabelled
		if l := s.Label[metric.ProfileLabel]; len(l) > 0 && l[0] != "" {
			name = l[0]
		}
		if value >= len(s.Value) || s.Value[value] <= 0 || operator != "" && name != operator {
			continue
		}
		root.add(s, name, s.Value[value])
	}
	root.prune(root.threshold())
	return root
}

// nanosOf is the index of the processor time among the values of a sample, -1 if
// there is none.
func nanosOf(p *profile.Profile) int {
	for i, t := range p.SampleType {
		if t != nil && t.Type == "cpu" && t.Unit == "nanoseconds" {
			return i
		}
	}
	return -1
}

func (f *flame) add(s *profile.Sample, operator string, nanos int64) {
	f.nanos += nanos
	at := f.child(cutName(operator))
	at.nanos += nanos
	depth := 0
	for i := len(s.Location) - 1; i >= 0; i-- {
		l := s.Location[i]
		if l == nil {
			continue
		}
		// What was inlined comes innermost first.
		for k := len(l.Line) - 1; k >= 0; k-- {
			if depth++; depth > maxFlameDepth {
				return
			}
			name := "?"
			if l.Line[k].Function != nil {
				name = shortName(l.Line[k].Function.Name)
			}
			at = at.child(name)
			at.nanos += nanos
		}
	}
}

func (f *flame) child(name string) *flame {
	if f.by == nil {
		f.by = map[string]*flame{}
	}
	c := f.by[name]
	if c == nil {
		c = &flame{Name: name}
		f.by[name] = c
	}
	return c
}

// threshold is the time that a node must have to stay: leastShare, or more when
// too many have that much.
func (f *flame) threshold() int64 {
	least := max(int64(float64(f.nanos)*leastShare), 1)
	var times []int64
	f.visit(func(n *flame) {
		if n.nanos >= least {
			times = append(times, n.nanos)
		}
	})
	if len(times) <= maxFlameNodes {
		return least
	}
	slices.SortFunc(times, func(a, b int64) int { return cmp.Compare(b, a) })
	return times[maxFlameNodes] + 1 // equal ones go together
}

func (f *flame) visit(see func(*flame)) {
	see(f)
	for _, c := range f.by {
		c.visit(see)
	}
}

// prune keeps nodes with a least time, the largest first. A child has no more
// time than its parent, so no kept node loses its parent.
func (f *flame) prune(least int64) {
	f.Millis = float64(f.nanos) / 1e6
	for _, c := range f.by {
		if c.nanos >= least {
			c.prune(least)
			f.Children = append(f.Children, c)
		}
	}
	f.by = nil
	slices.SortFunc(f.Children, func(a, b *flame) int {
		return cmp.Or(cmp.Compare(b.nanos, a.nanos), cmp.Compare(a.Name, b.Name))
	})
}

// shortName is a function's name without the path of its package, and with [...] for
// the types that a generic function is made of.
func shortName(name string) string {
	name = withoutTypes(name)
	return cutName(name[strings.LastIndexByte(name, '/')+1:])
}

// withoutTypes replaces each list of type arguments, which may have lists and
// slices in it.
func withoutTypes(name string) string {
	if strings.IndexByte(name, '[') < 0 {
		return name
	}
	var out strings.Builder
	depth := 0
	for i := range len(name) {
		switch c := name[i]; {
		case c == '[':
			if depth++; depth == 1 {
				out.WriteString("[...]")
			}
		case c == ']' && depth > 0:
			depth--
		case depth == 0:
			out.WriteByte(c)
		}
	}
	return out.String()
}

func cutName(s string) string {
	if len(s) > maxFunctionName {
		s = s[:maxFunctionName]
	}
	return strings.ToValidUTF8(s, "")
}
