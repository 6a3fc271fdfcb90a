package transform

import "github.com/affluxdev/afflux/event"

// Partial is what records of one key and pane were folded into ahead of the
// exchange. Its event time lies in the pane.
type Partial[K comparable, A any] struct {
	Key K
	Acc A
	// Records is how many they are.
	Records int64
}

// partialsPort is the input of a window operator that partial results come by;
// port 0 has records.
const partialsPort = 1

// ProcessPort implements operator.Ported.
func (o *Window[K, T, A, U]) ProcessPort(port int, b event.Batch) error {
	if port != partialsPort {
		return o.Process(b)
	}
	in := b.(*event.Records[Partial[K, A]])
	o.publish()
	n := len(in.Values)
	for from := 0; from < n; {
		p := o.paneAt(in.Times[from])
		if p == nil {
			// Combine has no record that is late to it, but other senders may
			// have moved on while its input was idle.
			o.ctx.Count("late", in.Values[from].Records)
			from++
			continue
		}
		// The first is in p, even at MaxTime, which no end is after.
		to := from + max(1, within(in.Times[from:min(from+chunk, n)], p.from, p.to))
		o.mergeRun(p, in, from, to)
		from = to
	}
	return nil
}

// mergeRun merges partial results [from,to), at most a chunk, into a pane.
func (o *Window[K, T, A, U]) mergeRun(p *pane[K, A], in *event.Records[Partial[K, A]], from, to int) {
	partials := in.Values[from:to]
	keys, accs := o.keys[:len(partials)], o.accs[:len(partials)]
	for i := range partials {
		keys[i] = partials[i].Key
	}
	lookUp(&o.tables.gauges, p.table, keys, in.Hashes[from:to], accs)
	for i := range partials {
		o.fold.Merge(accs[i], &partials[i].Acc)
	}
}
