package afflux_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/connector/memory"
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/state"
)

// tally counts the records of both streams for each key, and emits the counts
// when the input has ended.
type tally struct{ left, right *state.Value[int] }

func (p *tally) Open(ctx *afflux.OpenContext) error {
	p.left, p.right = ctx.Value[int]("left"), ctx.Value[int]("right")
	return nil
}

func (p *tally) ProcessLeft(ctx *afflux.ProcessContext[int, string], v *ping) error {
	if v.User != ctx.Key() || v.At != ctx.EventTime() {
		return errors.New("the context is that of another record")
	}
	*p.left.Upsert()++
	ctx.SetTimer(afflux.EventTimer, event.MaxTime)
	return nil
}

func (p *tally) ProcessRight(ctx *afflux.ProcessContext[int, string], v *match) error {
	if v.Left != ctx.Key() {
		return errors.New("the context is that of another record")
	}
	*p.right.Upsert() += v.Right
	ctx.SetTimer(afflux.EventTimer, event.MaxTime)
	return nil
}

func (p *tally) OnTimer(ctx *afflux.ProcessContext[int, string], _ event.Time, _ afflux.TimerKind) error {
	left, _ := p.left.Get()
	right, _ := p.right.Get()
	ctx.Emit(fmt.Sprint(ctx.Key(), left, right))
	return nil
}

// Streams of two types meet in the states of their key.
func TestConnect(t *testing.T) {
	left := pings(1, 3000, 40)
	var right []match
	lefts, rights := map[int]int{}, map[int]int{}
	for _, v := range left {
		lefts[v.User]++
	}
	for i := range 2000 {
		right = append(right, match{i * 7 % 50, i})
		rights[i*7%50] += i
	}
	var want []string
	for k := range 50 {
		if lefts[k]+rights[k] > 0 {
			want = append(want, fmt.Sprint(k, lefts[k], rights[k]))
		}
	}
	atParallelism(t, func(t *testing.T, options ...afflux.JobOption) {
		j := afflux.NewJob("t", options...)
		var out collector[string]
		keyedPings(j, left).
			Connect(afflux.From(j, "right", memory.Source(right)).KeyBy("left", func(m *match) int { return m.Left })).
			Process("tally", func() *tally { return &tally{} }).To("out", &out)
		if err := run(t, j); err != nil {
			t.Fatal(err)
		}
		equalSets(t, "tallies", out.got, want)
	})
}

// history keeps the rules in the order in which they came: subtasks agree on it.
type history struct {
	subtask, n int
	rules      *state.BroadcastMap[int, int]
	seen       *state.Value[int]
}

func (p *history) Open(ctx *afflux.OpenContext) error {
	p.subtask, p.n = ctx.Subtask()
	p.rules = ctx.BroadcastMap[int, int]("rules")
	p.seen = ctx.Value[int]("seen")
	return nil
}

func (p *history) Process(ctx *afflux.ProcessContext[int, string], v *ping) error {
	*p.seen.Upsert()++
	ctx.SetTimer(afflux.EventTimer, event.MaxTime)
	return nil
}

func (p *history) ProcessBroadcast(ctx *afflux.BroadcastContext[string], v *ping) error {
	n, _ := p.rules.Get(v.User)
	p.rules.Set(v.User, n*31+v.N) // depends on the order
	return nil
}

func (p *history) OnTimer(ctx *afflux.ProcessContext[int, string], _ event.Time, _ afflux.TimerKind) error {
	sum := 0
	for k, v := range p.rules.All() {
		sum = sum*17 + k*v
	}
	n, _ := p.seen.Get()
	ctx.Emit(fmt.Sprint(ctx.Key(), " ", n, " ", p.rules.Len(), " ", sum))
	return nil
}

// Rules from several subtasks are the same everywhere.
func TestConnectBroadcast(t *testing.T) {
	all, rules := pings(1, 2000, 40), pings(2, 500, 20)
	want := map[int]int{}
	for _, v := range all {
		want[v.User]++
	}
	atParallelism(t, func(t *testing.T, options ...afflux.JobOption) {
		j := afflux.NewJob("t", options...)
		var out collector[string]
		r := afflux.From(j, "rules", memory.Source(rules), afflux.Parallelism(3))
		keyedPings(j, all).ConnectBroadcast(r).Process("history", func() *history { return &history{} }).To("out", &out)
		if err := run(t, j); err != nil {
			t.Fatal(err)
		}
		sums := map[string]bool{}
		for _, line := range out.got {
			f := strings.SplitN(line, " ", 3)
			var key, n int
			fmt.Sscan(f[0], &key)
			fmt.Sscan(f[1], &n)
			if want[key] != n {
				t.Errorf("key %d has %d records, want %d", key, n, want[key])
			}
			sums[f[2]] = true
		}
		if len(out.got) != len(want) || len(sums) != 1 {
			t.Errorf("%d keys, want %d; the rules of the subtasks are %v", len(out.got), len(want), sums)
		}
	})
}

// plainRules is a processor without keys, made of functions.
type plainRules struct {
	rules     *state.BroadcastMap[int, int]
	open      func(*afflux.OpenContext)
	process   func(*plainRules, *afflux.BroadcastContext[int], *ping) error
	broadcast func(*plainRules, *afflux.BroadcastContext[int], *ping) error
}

func (p *plainRules) Open(ctx *afflux.OpenContext) error {
	p.rules = ctx.BroadcastMap[int, int]("rules", state.MaxEntries(100))
	if p.open != nil {
		p.open(ctx)
	}
	return nil
}

func (p *plainRules) Process(ctx *afflux.BroadcastContext[int], v *ping) error {
	return p.process(p, ctx, v)
}

func (p *plainRules) ProcessBroadcast(ctx *afflux.BroadcastContext[int], v *ping) error {
	return p.broadcast(p, ctx, v)
}

func TestConnectBroadcastWithoutKeys(t *testing.T) {
	all, rules := pings(1, 2000, 40), pings(2, 500, 20)
	learn := func(p *plainRules, _ *afflux.BroadcastContext[int], v *ping) error {
		p.rules.Set(v.User, v.N)
		return nil
	}
	build := func(j *afflux.Job, p plainRules, options ...afflux.Option) *afflux.Stream[int] {
		main := afflux.From(j, "pings", memory.Source(all)).EventTime(func(v *ping) event.Time { return v.At }, afflux.OutOfOrder(outOfOrder))
		return main.ConnectBroadcast(afflux.From(j, "rules", memory.Source(rules))).
			Process("plain", func() *plainRules { q := p; return &q }, options...)
	}
	t.Run("every record passes once", func(t *testing.T) {
		atParallelism(t, func(t *testing.T, options ...afflux.JobOption) {
			j := afflux.NewJob("t", options...)
			var out collector[int]
			build(j, plainRules{broadcast: learn, process: func(p *plainRules, ctx *afflux.BroadcastContext[int], v *ping) error {
				if ctx.EventTime() != v.At {
					return errors.New("the context is that of another record")
				}
				p.rules.Get(v.User)
				ctx.Emit(v.N)
				return nil
			}}).To("out", &out)
			if err := run(t, j); err != nil {
				t.Fatal(err)
			}
			var want []int
			for i := range all {
				want = append(want, i)
			}
			equalSets(t, "records", out.got, want)
		})
	})
	pass := func(*plainRules, *afflux.BroadcastContext[int], *ping) error { return nil }
	var keyed *state.Value[int]
	for want, p := range map[string]plainRules{
		"change it in ProcessBroadcast": {broadcast: pass, process: learn},
		"which is its bound": {process: pass, broadcast: func(p *plainRules, _ *afflux.BroadcastContext[int], v *ping) error {
			p.rules.Set(v.N, 0)
			return nil
		}},
		"declares a state of keys": {process: pass, broadcast: pass, open: func(ctx *afflux.OpenContext) { keyed = ctx.Value[int]("n") }},
	} {
		j := afflux.NewJob("t")
		build(j, p).To("out", &collector[int]{})
		if err := run(t, j); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if keyed == nil {
		t.Error("Open was not called")
	}
}
