package simtest

import (
	"errors"
	"fmt"
	"time"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/graph"
	"github.com/affluxdev/afflux/internal/job"
	"github.com/affluxdev/afflux/internal/task"
)

// SimulateTime runs the job of a seed that is about event time: splits that are
// idle, pressed or held back, watermarks, timers and windows. What it must
// deliver is computed from the records in the order of their times. calm is as
// for Simulate.
func SimulateTime(seed uint64, calm bool) (Result, error) {
	if seed%2 == 0 {
		return simulateTime[Flat](seed, calm)
	}
	return simulateTime[Wide](seed, calm)
}

// timing is a simulation of time.
type timing[R any, P record[R]] struct {
	*builder[R, P]
	tide    *tide
	sources []*phased[R, P]
	squad   *squad
	plan    *graph.Plan
	checked int // operators whose watermark was checked while all was quiet
}

func simulateTime[R any, P record[R]](seed uint64, calm bool) (Result, error) {
	w := newWorld(mix(seed, 0x71de))
	r := w.rng
	cfg := job.Config{
		Name:     "simulated",
		Defaults: graph.Defaults{Parallelism: 1 + r.IntN(4), NoChaining: r.IntN(4) == 0},
		Batch:    int64(64 << r.IntN(7)), Buffers: 2 + r.IntN(4), MaxRecord: int64(128 << r.IntN(5)),
		Target:    time.Duration(1+r.IntN(100)) * time.Millisecond,
		EveryStep: r.IntN(4) != 0,
	}
	w.heavy = r.IntN(3) == 0
	t := &timing[R, P]{builder: &builder[R, P]{w: w, read: map[[2]int]bool{}, sinks: map[int]*sink[R, P]{}, clerks: map[int][]*clerk[R, P]{}}}
	t.tide = &tide{length: 100 + r.Int64N(2000), phases: 1 + r.IntN(5), patient: r.IntN(3) == 0}
	t.origins(cfg.MaxRecord)
	t.operators()
	t.finish()
	res := Result{Shape: fmt.Sprintf("%s (%d phases)", t.shape(), t.tide.phases)}
	if r.IntN(10) == 0 {
		res.Ending = Drained
	}
	if calm {
		res.Ending, w.calm = Complete, true
	}
	at := r.IntN(4000)
	plan, err := graph.Build(t.nodes, cfg.Defaults)
	if err != nil {
		return res, err
	}
	t.fill(plan.Parallelism)
	g, err := job.Build(cfg, t.nodes, w.host)
	if err != nil {
		return res, err
	}
	t.plan = g.Plan
	if err := w.load(g); err != nil {
		return res, err
	}
	w.quiet = t.quiet
	err = w.run(func(step int) bool {
		if step == at && res.Ending == Drained {
			t.drain()
		}
		return true
	})
	res.Steps, res.Trace = w.steps, w.trace
	if err != nil {
		return res, errors.Join(fmt.Errorf("%w\n%s", err, w.dump()), w.close())
	}
	if err := t.verify(&res); err != nil {
		return res, err
	}
	res.Checked = t.checked
	if t.squad != nil {
		res.Aligned = t.squad.polls
	}
	return res, t.settledTime(&res)
}

// origins adds the sources.
func (t *timing[R, P]) origins(maxRecord int64) {
	r := t.w.rng
	n := 1 + r.IntN(3)
	if n > 1 && r.IntN(2) == 0 {
		t.squad = &squad{}
	}
	fixed := int64(event.TypeOf[R]().Size()) + 8
	largest := max(maxRecord-fixed, 1)
	for i := range n {
		s := &phased[R, P]{w: t.w, tide: t.tide, seed: r.Uint64(), node: len(t.nodes), splits: 1 + r.IntN(3), most: r.IntN(60), keys: 1 + r.IntN(20),
			grain: [...]int64{1, 5, 50}[r.IntN(3)], bound: r.Int64N(200), idle: int64(10*time.Millisecond) << r.IntN(5), early: r.IntN(3) == 0}
		if r.IntN(4) == 0 {
			s.bound = 0
		}
		s.final = t.tide.phases - 1 - r.IntN(2)*r.IntN(t.tide.phases)
		s.latency = min(s.idle/2, 1+r.Int64N(s.idle))
		s.size = func(h uint64) int32 { return int32(int64(h>>8) % min(largest, 40)) }
		node := &graph.Node{Kind: "source", Source: connector.DriveSource[R](s), EventTime: &graph.EventTime{Bound: time.Duration(s.bound)}}
		switch aligned := t.squad != nil && (i < 2 || r.IntN(2) == 0); {
		case aligned:
			s.group = t.squad
			t.tide.patient = true // else one that is idle in a moment may hold others back
			node.Align = &graph.Alignment{Group: "squad"}
		case r.IntN(4) == 0:
			s.idle = 0
		}
		node.EventTime.Idle = time.Duration(s.idle)
		t.sources = append(t.sources, s)
		t.add(node, true, func([]elem) [][]elem { return [][]elem{s.read} })
	}
	if t.squad == nil {
		return
	}
	for _, s := range t.sources {
		t.squad.drift = max(t.squad.drift, s.bound+1)
	}
	t.squad.drift += r.Int64N(t.tide.length)
	for i := range t.sources {
		if a := t.nodes[i].Align; a != nil {
			a.Drift = time.Duration(t.squad.drift)
		}
	}
}

// operators adds what reads them: a union more often than not, and operators
// to which time matters.
func (t *timing[R, P]) operators() {
	r := t.w.rng
	if len(t.sources) > 1 && r.IntN(4) != 0 {
		t.union(t.pick())
	}
	for range 2 + r.IntN(5) {
		if r.IntN(3) == 0 {
			t.probe(t.pick())
		}
		salt := uint64(len(t.nodes))
		switch r.IntN(10) {
		case 0, 1, 2:
			t.clerk(t.pick(), salt)
		case 3, 4:
			t.window(t.pick(), salt)
		case 5, 6:
			t.sessions(t.pick(), salt)
		case 7:
			t.union(t.pick())
		default:
			t.grow(r.IntN(9)) // none of them forgets times
		}
	}
	for _, s := range append([]stream(nil), t.open...) {
		if r.IntN(3) == 0 && !t.read[[2]int{s.node, s.output}] {
			t.clerk(s, uint64(len(t.nodes)))
		}
	}
}

// fill makes the records, few enough for the job to be small.
func (t *timing[R, P]) fill(parallelism []int) {
	for {
		total := 0
		for i, s := range t.sources {
			s.fill(parallelism[i])
			s.read = nil
			for sub := range parallelism[i] {
				for k := range s.splits {
					for _, e := range s.logs[[2]int{sub, k}].log {
						e.Flat = made[R, P](e.Flat)
						s.read = append(s.read, e)
					}
				}
			}
			total += len(s.read)
		}
		out, ok := t.expect(parallelism, mostHeld)
		small := ok && total <= mostRead && held(out) <= mostHeld
		for _, s := range t.sources {
			s.read = nil
			if !small {
				s.most /= 2
			}
		}
		if small {
			return
		}
	}
}

func (t *timing[R, P]) drain() {
	if t.squad != nil {
		t.squad.loose = true
	}
	t.w.graph.All(func(k *task.Task) {
		if k.IsSource() {
			k.Drain()
		}
	})
}

// quiet is called when nothing can go on but by the clock, and dead when not
// even so. It moves the tide, and tells whether it did.
func (t *timing[R, P]) quiet(dead bool) bool {
	all, pure := true, true
	for _, s := range t.sources {
		e, p := s.exhausted()
		all, pure = all && e, pure && p
	}
	if dead && all && pure && !t.tide.opening {
		t.checkMarks()
	}
	tide := t.tide
	switch {
	case !all || tide.closing:
		return false
	case tide.opening:
		tide.opening, t.w.hush = false, false
	case !dead && (tide.patient || t.w.chance(2)):
		return false // let splits become idle first
	case tide.phase+1 < tide.phases:
		tide.phase++
		tide.opening, t.w.hush = true, true
	default:
		tide.closing = true
	}
	for _, s := range t.sources {
		s.wake()
	}
	return true
}

// settledTime checks what must hold of timers and splits in the end.
func (t *timing[R, P]) settledTime(res *Result) error {
	for _, s := range t.sources {
		res.Records += len(s.read)
		for _, r := range s.readers {
			for k := range r.shelves {
				if l := &r.shelves[k]; res.Ending == Complete && l.next != len(l.log) {
					return fmt.Errorf("source %s was read to record %d of %d in split %d", r.name(), l.next, len(l.log), k)
				}
			}
		}
	}
	for node, clerks := range t.clerks {
		dropped, left := int64(0), 0
		for i, c := range clerks {
			if len(c.set) > 0 {
				return fmt.Errorf("%s/%d: %d timers have not fired", t.nodes[node].Name, i, len(c.set))
			}
			left += len(c.bell)
			res.Rang += c.rang
		}
		for _, k := range t.w.graph.Tasks[t.plan.ChainOf[node]] {
			dropped += k.Snapshot(node).Counters["timers_dropped"]
		}
		if int64(left) != dropped {
			return fmt.Errorf("%s: %d timers in processing time were left, and %d dropped", t.nodes[node].Name, left, dropped)
		}
	}
	return nil
}
