package terminal

import (
	"fmt"

	"github.com/affluxdev/afflux/internal/metric"
)

// hotShare is the share of records from which on a key is shown.
const hotShare = 0.2

// hotKey names the key with the largest share of a keyed arrow to several
// subtasks, if one of them may be kept busy by it.
func (f *frame) hotKey() []string {
	names, many := map[int]string{}, map[int]bool{}
	for i := range f.job.Operators {
		o := &f.job.Operators[i]
		names[o.ID], many[o.ID] = o.Name, o.Parallelism > 1
	}
	var hot *metric.HotKey
	to := ""
	for i := range f.job.Edges {
		e := &f.job.Edges[i]
		if len(e.HotKeys) == 0 || !many[e.To] {
			continue
		}
		if k := &e.HotKeys[0]; k.Share-k.Error > hotShare && (hot == nil || k.Share > hot.Share) {
			hot, to = k, names[e.To]
		}
	}
	if hot == nil {
		return nil
	}
	return []string{f.brush.paint(yellow, cut(fmt.Sprintf("hot key: %.0f %% of the records to %s have %q", 100*hot.Share, printable(to), hot.Key), f.width))}
}
