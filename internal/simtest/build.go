package simtest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/guard"
	"github.com/affluxdev/afflux/internal/graph"
	"github.com/affluxdev/afflux/internal/transform"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/state"
	"github.com/affluxdev/afflux/state/memory"
	"github.com/affluxdev/afflux/window"
)

// builder makes a random graph and, beside it, the plain computation of what
// it does.
type builder[R any, P record[R]] struct {
	w      *world
	nodes  []*graph.Node
	models []model
	open   []stream // outputs that may be read
	read   map[[2]int]bool
	src    []*source[R, P]
	sinks  map[int]*sink[R, P]
	clerks map[int][]*clerk[R, P]
	cost   []int64 // of a record in each node, nanoseconds
	// again says that parallelism may change: then all records of an arrow may go
	// anywhere, or by key.
	again  bool
	failAt int   // this many calls of functions from now one panics, 0 for never
	apart  int64 // bytes from which on tables have files of their own in checkpoints
}

// tablesApart makes tables that have files of their own from so many bytes on.
func tablesApart[K comparable, S any](bytes int64) func() state.Tables[K, S] {
	return func() state.Tables[K, S] { return memory.NewTablesApart[K, S](bytes) }
}

// model computes the outputs of a node from all the records that reach it.
type model func(in []elem) [][]elem

// stream is an output of a node. Its times are the same in every run unless a
// rolling aggregate came before.
type stream struct {
	node, output int
	timed        bool
}

// add appends a node with one output unless n has some.
func (b *builder[R, P]) add(n *graph.Node, timed bool, m model) {
	n.ID = len(b.nodes)
	n.Name = fmt.Sprintf("%s%d", n.Kind, n.ID)
	n.Letters = -1
	if n.Outputs == nil && n.Sink == nil {
		n.Outputs = []event.Type{event.TypeOf[R]()}
	}
	for _, in := range n.Inputs {
		b.read[[2]int{in.From, in.Output}] = true
	}
	r := b.w.rng
	if r.IntN(3) == 0 {
		n.Parallelism = 1 + r.IntN(5)
	}
	n.Unchained = r.IntN(4) == 0
	b.nodes, b.models = append(b.nodes, n), append(b.models, m)
	cost := int64(0)
	if r.IntN(4) == 0 {
		cost = r.Int64N(100_000)
	}
	b.cost = append(b.cost, cost)
	for i := range n.Outputs {
		b.open = append(b.open, stream{n.ID, i, timed})
	}
}

// work is the time that a function takes for a record, and the planted
// failure.
func (b *builder[R, P]) work(node int) {
	b.spend(node)
	if b.failAt > 0 {
		if b.failAt--; b.failAt == 0 {
			panic("planted failure")
		}
	}
}

// spend lets the time pass that a function takes for a record.
func (b *builder[R, P]) spend(node int) {
	if !b.w.hush {
		b.w.clock += b.cost[node]
	}
}

// made is what a record of type R keeps of f.
func made[R any, P record[R]](f Flat) Flat {
	var u R
	P(&u).set(f)
	return *P(&u).flat()
}

// pick takes a stream to read from; now and then it stays to be read again.
func (b *builder[R, P]) pick() stream {
	i := b.w.rng.IntN(len(b.open))
	s := b.open[i]
	if b.w.rng.IntN(4) != 0 {
		b.open = append(b.open[:i], b.open[i+1:]...)
	}
	return s
}

// edge is an arrow with a random partition.
func (b *builder[R, P]) edge(s stream) graph.Input {
	in := graph.Input{From: s.node, Output: s.output}
	kind := b.w.rng.IntN(12)
	if b.again && (kind == 2 || kind == 3) {
		kind = 0
	}
	switch kind {
	case 0, 1:
		in.Partition = event.Rebalance
	case 2:
		in.Partition = event.Broadcast
	case 3:
		in.Partition = event.Custom
		in.Router = func(batch event.Batch, sel []int32, n int) error {
			r := batch.(*event.Records[R])
			for i := range r.Values {
				sel[i] = int32(P(&r.Values[i]).flat().ID % uint64(n))
			}
			return nil
		}
	case 4, 5:
		return b.keyed(s)
	}
	return in
}

// keyed is an arrow by key.
func (b *builder[R, P]) keyed(s stream) graph.Input {
	return graph.Input{From: s.node, Output: s.output, Partition: event.Hash, Hasher: func(batch event.Batch) {
		r := batch.(*event.Records[R])
		hashes := batch.KeyHashes()
		for i := range r.Values {
			hashes[i] = event.HashUint64(uint64(P(&r.Values[i]).flat().Key))
		}
	}}
}

// source adds a source.
func (b *builder[R, P]) source(maxRecord int64, n int) {
	r := b.w.rng
	fixed := int64(event.TypeOf[R]().Size()) + 8
	typical, largest, rare := int64(1+r.IntN(60)), max(maxRecord-fixed, 1), uint64(5+r.IntN(200))
	if r.IntN(4) == 0 {
		rare = uint64(1 + r.IntN(3)) // most are large
	}
	s := &source[R, P]{w: b.w, number: len(b.src), splits: 1 + r.IntN(3), n: r.IntN(n + 1), keys: 1 + r.IntN(40),
		step: 1 + r.Int64N(20), bound: r.Int64N(60), stalls: 2 + r.IntN(30)}
	s.size = func(h uint64) int32 {
		if h%rare == 0 {
			return int32(1 + int64(h>>8)%largest)
		}
		return int32(min(int64(h>>8)%typical, largest))
	}
	b.src = append(b.src, s)
	b.add(&graph.Node{Kind: "source", Source: connector.DriveSource[R](s), EventTime: &graph.EventTime{Bound: time.Duration(s.bound)}}, true,
		func([]elem) [][]elem { return [][]elem{s.read} })
}

// operator adds a random operator.
func (b *builder[R, P]) operator() { b.grow(b.w.rng.IntN(12)) }

// grow adds an operator of a kind. Those below 9 keep the times of records.
func (b *builder[R, P]) grow(kind int) {
	r := b.w.rng
	s := b.pick()
	node := len(b.nodes)
	salt := uint64(node)
	one := func(kind string, m func(e elem) []elem, make func() operator.Operator) {
		b.add(&graph.Node{Kind: kind, Inputs: []graph.Input{b.edge(s)}, Operator: make}, s.timed, func(in []elem) [][]elem {
			var out []elem
			for _, e := range in {
				out = append(out, m(e)...)
			}
			return [][]elem{out}
		})
	}
	keep := uint64(2 + r.IntN(5))
	kept := func(f Flat) bool { return mix(f.ID, salt)%keep != 0 }
	renamed := func(f Flat) Flat { f.ID = mix(f.ID, salt); return f }
	mapped := func(e elem) []elem { e.Flat = renamed(e.Flat); return []elem{e} }
	switch kind {
	case 0:
		one("map", mapped, func() operator.Operator {
			return transform.NewMap(func(v *R) (u R) { b.work(node); P(&u).set(renamed(*P(v).flat())); return u })
		})
	case 1:
		one("update", func(e elem) []elem { e.Key = uint32(mix(uint64(e.Key), salt) % 16); return []elem{e} }, func() operator.Operator {
			return transform.NewUpdate(func(v *R) { b.work(node); f := P(v).flat(); f.Key = uint32(mix(uint64(f.Key), salt) % 16) })
		})
	case 2:
		one("filter", func(e elem) []elem {
			if kept(e.Flat) {
				return []elem{e}
			}
			return nil
		}, func() operator.Operator {
			return transform.NewFilter(func(v *R) bool { b.work(node); return kept(*P(v).flat()) })
		})
	case 3:
		one("try", func(e elem) []elem {
			if kept(e.Flat) {
				return mapped(e)
			}
			return nil
		}, func() operator.Operator {
			return transform.NewTryMap(func(v *R) (u R, err error) {
				b.spend(node) // no planted panic: it would be skipped
				if !kept(*P(v).flat()) {
					return u, errors.New("refused")
				}
				P(&u).set(renamed(*P(v).flat()))
				return u, nil
			})
		})
		b.nodes[node].OnError = operator.Skip
	case 4:
		b.flatMap(s, salt, one)
	case 5, 6:
		cfg := transform.AsyncConfig{InFlight: 1 + r.IntN(8), Unordered: r.IntN(2) == 0, Policy: guard.Policy{}}
		one("async", mapped, func() operator.Operator {
			return transform.NewAsync(cfg, func(_ context.Context, v *R) (u R, err error) {
				P(&u).set(renamed(*P(v).flat()))
				return u, nil
			})
		})
	case 7:
		b.union(s)
	case 8:
		b.split(s, salt)
	case 9:
		b.rolling(s, salt)
	case 10, 11:
		if s.timed {
			b.window(s, salt)
		} else {
			b.rolling(s, salt)
		}
	}
}

func (b *builder[R, P]) flatMap(s stream, salt uint64, one func(string, func(elem) []elem, func() operator.Operator)) {
	node := len(b.nodes)
	few, many := uint64(1+b.w.rng.IntN(4)), uint64(1+b.w.rng.IntN(200))
	times := func(f Flat) uint64 {
		h := mix(f.ID, salt)
		if h%97 == 0 {
			return many
		}
		return h % few
	}
	part := func(f Flat, i uint64) Flat {
		f.ID = mix(f.ID, salt, i)
		f.Size = int32(uint64(f.Size) * (i % 2))
		return f
	}
	one("flatmap", func(e elem) (out []elem) {
		for i := range times(e.Flat) {
			out = append(out, elem{part(e.Flat, i), e.time})
		}
		return out
	}, func() operator.Operator {
		return transform.NewFlatMap(func(v *R, emit func(R)) error {
			b.work(node)
			for i := range times(*P(v).flat()) {
				var u R
				P(&u).set(part(*P(v).flat(), i))
				emit(u)
			}
			return nil
		})
	})
}

func (b *builder[R, P]) union(s stream) {
	in, timed := []graph.Input{b.edge(s)}, s.timed
	for range 1 + b.w.rng.IntN(2) {
		if len(b.open) > 0 {
			o := b.pick()
			in, timed = append(in, b.edge(o)), timed && o.timed
		}
	}
	b.add(&graph.Node{Kind: "union", Inputs: in, Operator: transform.NewPass}, timed, func(in []elem) [][]elem { return [][]elem{in} })
}

func (b *builder[R, P]) split(s stream, salt uint64) {
	node, n := len(b.nodes), 2+b.w.rng.IntN(2)
	where := func(f Flat) int { return int(mix(f.ID, salt) % uint64(n)) }
	types := make([]event.Type, n)
	for i := range types {
		types[i] = event.TypeOf[R]()
	}
	b.add(&graph.Node{Kind: "split", Inputs: []graph.Input{b.edge(s)}, Outputs: types, Operator: func() operator.Operator {
		return transform.NewSplit(n, func(v *R) int { b.work(node); return where(*P(v).flat()) })
	}}, s.timed, func(in []elem) [][]elem {
		out := make([][]elem, n)
		for _, e := range in {
			k := where(e.Flat)
			out[k] = append(out[k], e)
		}
		return out
	})
}

func (b *builder[R, P]) rolling(s stream, salt uint64) {
	node := len(b.nodes)
	key := func(v *R) uint32 { return P(v).flat().Key }
	result := func(k uint32, n int64) Flat { return Flat{ID: mix(salt, uint64(k), uint64(n)), Key: k} }
	b.add(&graph.Node{Kind: "rolling", Keyed: true, Inputs: []graph.Input{b.keyed(s)}, Operator: func() operator.Operator {
		return transform.NewRolling(key, func(n *int64, _ *R) { b.work(node); *n++ },
			func(k uint32, n *int64) (u R) { P(&u).set(result(k, *n)); return u },
			transform.InTables(tablesApart[uint32, int64](b.apart)))
	}}, false, func(in []elem) [][]elem {
		count := map[uint32]int64{}
		var out []elem
		for _, e := range in {
			count[e.Key]++
			out = append(out, elem{result(e.Key, count[e.Key]), e.time})
		}
		return [][]elem{out}
	})
}

// folded is the accumulator of windows: order does not matter to it.
type folded struct{ n, sum uint64 }

func (b *builder[R, P]) window(s stream, salt uint64) {
	node, r := len(b.nodes), b.w.rng
	slide := 1 + r.Int64N(200)
	size := slide * (1 + r.Int64N(3))
	if r.IntN(4) == 0 {
		size += r.Int64N(slide)
	}
	if b.apart == 1 {
		size *= 4 // most panes lie in the past and do not change any more
	}
	a := window.Sliding(time.Duration(size), time.Duration(slide))
	if size == slide {
		a = window.Tumbling(time.Duration(size))
	}
	result := func(k uint32, w window.Window, f *folded) Flat { return windowed(salt, k, w, f) }
	fold := transform.Fold[R, folded]{
		Add:   func(f *folded, v *R) { b.work(node); f.n++; f.sum += P(v).flat().ID },
		Merge: func(into, from *folded) { into.n += from.n; into.sum += from.sum },
	}
	b.add(&graph.Node{Kind: "window", Keyed: true, NeedsWatermarks: true, Inputs: []graph.Input{b.keyed(s)}, Operator: func() operator.Operator {
		return transform.NewWindow(a, func(v *R) uint32 { return P(v).flat().Key }, fold,
			transform.EachResult(func(k uint32, w window.Window, f *folded) (u R) { P(&u).set(result(k, w, f)); return u }),
			transform.InTables(tablesApart[uint32, folded](b.apart)))
	}}, true, func(in []elem) [][]elem {
		type cell struct {
			key   uint32
			start int64
		}
		sums := map[cell]*folded{}
		for _, e := range in {
			last := int64(e.time) - (int64(e.time)%slide+slide)%slide
			for start := last; start > int64(e.time)-size; start -= slide {
				c := cell{e.Key, start}
				if sums[c] == nil {
					sums[c] = &folded{}
				}
				sums[c].n++
				sums[c].sum += e.ID
			}
		}
		var out []elem
		for c, f := range sums {
			w := window.Window{Start: event.Time(c.start), End: event.Time(c.start + size)}
			out = append(out, elem{made[R, P](result(c.key, w, f)), w.End - 1})
		}
		return [][]elem{out}
	})
}

// probe adds an operator that watches the rule of watermarks.
func (b *builder[R, P]) probe(s stream) {
	b.add(&graph.Node{Kind: "probe", Inputs: []graph.Input{b.edge(s)}, Operator: func() operator.Operator {
		return &probe{w: b.w, timed: s.timed, last: event.MinTime}
	}}, s.timed, func(in []elem) [][]elem { return [][]elem{in} })
}

// finish ends every stream that nobody reads in a sink.
func (b *builder[R, P]) finish() {
	rest := b.open
	b.open = nil
	for _, s := range rest {
		if b.read[[2]int{s.node, s.output}] {
			continue
		}
		k := &sink[R, P]{w: b.w, stalls: 2 + b.w.rng.IntN(30)}
		b.sinks[len(b.nodes)] = k
		timed := s.timed
		b.add(&graph.Node{Kind: "sink", Inputs: []graph.Input{b.edge(s)}, Sink: connector.DriveSink[R](k)}, timed, func(in []elem) [][]elem { return [][]elem{in} })
	}
}

// expect evaluates the models for every node: its outputs, or for a sink what
// it must hold. It gives up beyond limit records.
func (b *builder[R, P]) expect(parallelism []int, limit int) ([][][]elem, bool) {
	out := make([][][]elem, len(b.nodes))
	for i, n := range b.nodes {
		var in []elem
		for _, e := range n.Inputs {
			times := 1
			if e.Partition == event.Broadcast {
				times = parallelism[i]
			}
			for range times {
				in = append(in, out[e.From][e.Output]...)
			}
			if len(in) > limit {
				return nil, false
			}
		}
		out[i] = b.models[i](in)
	}
	return out, true
}
