package afflux_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/connector/memory"
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/state"
	"github.com/affluxdev/afflux/state/pebble"
)

// ping is a record of the tests of keyed operators.
type ping struct {
	User int
	At   event.Time
	N    int // unique
	Kind string
}

const outOfOrder = 50

// pings are n records of some users, out of order by up to outOfOrder and
// never late.
func pings(seed uint64, n, users int) []ping {
	r := rand.New(rand.NewPCG(seed, 1))
	type arrival struct {
		ping
		seen int64
	}
	all := make([]arrival, n)
	now := int64(0)
	for i := range all {
		now += r.Int64N(8)
		all[i].ping = ping{User: r.IntN(users), At: event.Time(now), N: i, Kind: string(rune('a' + r.IntN(3)))}
		all[i].seen = now + r.Int64N(outOfOrder)
	}
	slices.SortStableFunc(all, func(a, b arrival) int { return cmp.Compare(a.seen, b.seen) })
	out := make([]ping, n)
	for i := range all {
		out[i] = all[i].ping
	}
	return out
}

// keyedPings is a job that reads pings by user, divided over splits by user
// so that the order of a user's pings is that of the slice.
func keyedPings(j *afflux.Job, all []ping) *afflux.Keyed[int, ping] {
	return afflux.From(j, "pings", memory.Source(all)).
		EventTime(func(v *ping) event.Time { return v.At }, afflux.OutOfOrder(outOfOrder)).
		KeyBy("user", func(v *ping) int { return v.User })
}

// crowded is a disk with no memory beside it: every key leaves soon.
type crowded struct{ state.Disk }

func (crowded) Resident() int64 { return 0 }

// atParallelism runs a test at several parallelisms, with tiny buffers, and
// with state on disk.
func atParallelism(t *testing.T, f func(t *testing.T, options ...afflux.JobOption)) {
	for _, p := range parallelisms {
		t.Run(fmt.Sprint(p), func(t *testing.T) { f(t, afflux.Parallelism(p)) })
		t.Run(fmt.Sprint(p, " tiny"), func(t *testing.T) {
			f(t, afflux.Parallelism(p), afflux.Buffers(2, 256), afflux.MaxRecord(1<<10))
		})
		t.Run(fmt.Sprint(p, " on disk"), func(t *testing.T) {
			d, err := pebble.In(t.TempDir(), pebble.MinMemory)
			if err != nil {
				t.Fatal(err)
			}
			f(t, afflux.Parallelism(p), afflux.StateOnDisk(crowded{d}))
		})
	}
}

// silence reports for each user the pings of a session, which ends when the
// user is silent for gap.
type silence struct {
	gap   time.Duration
	last  *state.Value[event.Time]
	seen  *state.List[event.Time]
	kinds *state.Map[string, int]
}

type session struct {
	User       int
	First, End event.Time
	N, A, B, C int
}

var oddTag = afflux.SideOutput[ping]("odd")

func (p *silence) Open(ctx *afflux.OpenContext) error {
	p.last = ctx.Value[event.Time]("last")
	p.seen = ctx.List[event.Time]("seen")
	p.kinds = ctx.Map[string, int]("kinds")
	return nil
}

func (p *silence) Process(ctx *afflux.ProcessContext[int, session], v *ping) error {
	if v.User != ctx.Key() || v.At != ctx.EventTime() {
		return errors.New("the context is that of another record")
	}
	if v.N%2 == 1 {
		ctx.EmitSide(oddTag, *v)
	}
	// Records come out of order: they are put in order first.
	p.seen.Append(v.At)
	*p.kinds.Upsert(fmt.Sprint(v.Kind, int64(v.At)))++
	ctx.SetTimer(afflux.EventTimer, v.At)
	ctx.SetTimer(afflux.EventTimer, v.At)
	return nil
}

func (p *silence) OnTimer(ctx *afflux.ProcessContext[int, session], at event.Time, kind afflux.TimerKind) error {
	if kind != afflux.EventTimer || ctx.EventTime() != at || ctx.Watermark() < at {
		return fmt.Errorf("timer %v of kind %v at %v, watermark %v", at, kind, ctx.EventTime(), ctx.Watermark())
	}
	last, ok := p.last.Get()
	if ok && at < last {
		return errors.New("timers do not fire in order")
	}
	if ok && at == last.Add(p.gap) {
		s := session{User: ctx.Key(), First: event.MaxTime, End: at}
		var rest []event.Time
		for _, t := range p.seen.Get() {
			if t > last {
				rest = append(rest, t)
				continue
			}
			s.N++
			s.First = min(s.First, t)
		}
		p.seen.Set(rest)
		for k, n := range p.kinds.All() {
			var t event.Time
			fmt.Sscan(k[1:], (*int64)(&t))
			if t > last {
				continue
			}
			p.kinds.Delete(k)
			switch k[0] {
			case 'a':
				s.A += n
			case 'b':
				s.B += n
			default:
				s.C += n
			}
		}
		if len(rest) == 0 {
			if p.kinds.Len() != 0 {
				return errors.New("the map is not empty")
			}
			p.last.Clear()
			ctx.Emit(s)
			return nil
		}
		ctx.Emit(s)
	}
	if slices.Contains(p.seen.Get(), at) { // a ping
		if ok && !slices.Contains(p.seen.Get(), last.Add(p.gap)) { // else it is that of a ping too
			ctx.DeleteTimer(afflux.EventTimer, last.Add(p.gap))
		}
		p.last.Set(at)
		ctx.SetTimer(afflux.EventTimer, at.Add(p.gap))
	}
	return nil
}

// sessionsOf is the model: the whole input sorted.
func sessionsOf(all []ping, gap time.Duration) (out []session) {
	byUser := map[int][]ping{}
	for _, v := range all {
		byUser[v.User] = append(byUser[v.User], v)
	}
	for user, list := range byUser {
		slices.SortFunc(list, func(a, b ping) int { return cmp.Compare(a.At, b.At) })
		var s session
		for i, v := range list {
			if i > 0 && v.At >= s.End { // the gap is over
				out = append(out, s)
				s = session{}
			}
			if s.N == 0 {
				s = session{User: user, First: v.At}
			}
			s.N++
			s.End = v.At.Add(gap)
			switch v.Kind {
			case "a":
				s.A++
			case "b":
				s.B++
			default:
				s.C++
			}
		}
		out = append(out, s)
	}
	return out
}

func sortedText[T any](list []T) []string {
	out := make([]string, len(list))
	for i := range list {
		out[i] = fmt.Sprintf("%+v", list[i])
	}
	slices.Sort(out)
	return out
}

func equalSets[T any](t *testing.T, what string, got, want []T) {
	t.Helper()
	g, w := sortedText(got), sortedText(want)
	if slices.Equal(g, w) {
		return
	}
	i := 0
	for i < len(g) && i < len(w) && g[i] == w[i] {
		i++
	}
	t.Fatalf("%s: %d results, want %d; the first difference is at %d: %v, want %v", what, len(g), len(w), i, g[i:min(i+1, len(g))], w[i:min(i+1, len(w))])
}

func TestProcessAgainstModel(t *testing.T) {
	const gap = 200
	all := pings(7, 20_000/part, 40)
	want := sessionsOf(all, gap)
	var odd []ping
	for _, v := range all {
		if v.N%2 == 1 {
			odd = append(odd, v)
		}
	}
	atParallelism(t, func(t *testing.T, options ...afflux.JobOption) {
		j := afflux.NewJob("t", options...)
		var out collector[session]
		var side collector[ping]
		s := keyedPings(j, all).Process("sessions", func() *silence { return &silence{gap: gap} })
		s.To("out", &out)
		s.Side(oddTag).To("odd", &side)
		if err := run(t, j); err != nil {
			t.Fatal(err)
		}
		equalSets(t, "sessions", out.got, want)
		equalSets(t, "odd", side.got, odd)
	})
}

// stubborn is a processor made of functions.
type stubborn[U any] struct {
	open    func(*afflux.OpenContext) error
	process func(*afflux.ProcessContext[int, U], *ping) error
	onTimer func(*afflux.ProcessContext[int, U], event.Time, afflux.TimerKind) error
}

func (p *stubborn[U]) Open(ctx *afflux.OpenContext) error {
	if p.open == nil {
		return nil
	}
	return p.open(ctx)
}
func (p *stubborn[U]) Process(ctx *afflux.ProcessContext[int, U], v *ping) error {
	return p.process(ctx, v)
}

// clocked is one with timers.
type clocked[U any] struct{ stubborn[U] }

func (p *clocked[U]) OnTimer(ctx *afflux.ProcessContext[int, U], at event.Time, kind afflux.TimerKind) error {
	return p.onTimer(ctx, at, kind)
}

func TestProcessMistakes(t *testing.T) {
	ignore := func(ctx *afflux.ProcessContext[int, int], v *ping) error { return nil }
	for want, make := range map[string]func(j *afflux.Job) *afflux.Stream[int]{
		`two states are called "n"`: func(j *afflux.Job) *afflux.Stream[int] {
			return keyedPings(j, pings(1, 10, 2)).Process("p", func() *stubborn[int] {
				return &stubborn[int]{process: ignore, open: func(ctx *afflux.OpenContext) error {
					ctx.Value[int]("n")
					ctx.List[string]("n")
					return nil
				}}
			})
		},
		"has no method OnTimer": func(j *afflux.Job) *afflux.Stream[int] {
			return keyedPings(j, pings(1, 10, 2)).Process("p", func() *stubborn[int] {
				return &stubborn[int]{process: func(ctx *afflux.ProcessContext[int, int], v *ping) error {
					ctx.SetTimer(afflux.EventTimer, 5)
					return nil
				}}
			})
		},
		`read as afflux_test.ping and as int`: func(j *afflux.Job) *afflux.Stream[int] {
			s := keyedPings(j, pings(1, 10, 2)).Process("p", func() *stubborn[int] { return &stubborn[int]{process: ignore} })
			s.Side(oddTag).To("a", &collector[ping]{})
			s.Side(afflux.SideOutput[int]("odd")).To("b", &collector[int]{})
			return s
		},
		"has records of type int": func(j *afflux.Job) *afflux.Stream[int] {
			s := keyedPings(j, pings(1, 10, 2)).Process("p", func() *stubborn[int] {
				return &stubborn[int]{process: func(ctx *afflux.ProcessContext[int, int], v *ping) error {
					ctx.EmitSide(oddTag, *v)
					return nil
				}}
			})
			s.Side(afflux.SideOutput[int]("odd")).To("b", &collector[int]{})
			return s
		},
		"has no side outputs": func(j *afflux.Job) *afflux.Stream[int] {
			s := afflux.From(j, "n", numbers{5})
			s.Side(oddTag).To("a", &collector[ping]{})
			return s
		},
		"planted": func(j *afflux.Job) *afflux.Stream[int] {
			return keyedPings(j, pings(1, 10, 2)).Process("p", func() *clocked[int] {
				return &clocked[int]{stubborn[int]{process: func(ctx *afflux.ProcessContext[int, int], v *ping) error {
					ctx.SetTimer(afflux.EventTimer, 5)
					return nil
				}, onTimer: func(*afflux.ProcessContext[int, int], event.Time, afflux.TimerKind) error { panic("planted") }}}
			})
		},
		"sets event timers without end": func(j *afflux.Job) *afflux.Stream[int] {
			return keyedPings(j, pings(1, 10, 2)).Process("p", func() *clocked[int] {
				return &clocked[int]{stubborn[int]{process: func(ctx *afflux.ProcessContext[int, int], v *ping) error {
					ctx.SetTimer(afflux.EventTimer, 5)
					return nil
				}, onTimer: func(ctx *afflux.ProcessContext[int, int], at event.Time, k afflux.TimerKind) error {
					ctx.SetTimer(k, at+1)
					return nil
				}}}
			})
		},
	} {
		j := afflux.NewJob("t", afflux.Parallelism(2))
		make(j).To("out", &collector[int]{})
		if err := run(t, j); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one with %q", err, want)
		}
	}
}

// A refused record is counted, and the others go on, with their own keys.
func TestProcessRefusals(t *testing.T) {
	all := pings(3, 5000, 40)
	want := map[int]int{}
	for _, v := range all {
		if v.N%7 != 0 && v.N%11 != 0 {
			want[v.User]++
		}
	}
	atParallelism(t, func(t *testing.T, options ...afflux.JobOption) {
		j := afflux.NewJob("t", options...)
		var out collector[afflux.KV[int, int]]
		keyedPings(j, all).Process("p", func() *stubborn[afflux.KV[int, int]] {
			var n *state.Value[int]
			return &stubborn[afflux.KV[int, int]]{
				open: func(ctx *afflux.OpenContext) error { n = ctx.Value[int]("n"); return nil },
				process: func(ctx *afflux.ProcessContext[int, afflux.KV[int, int]], v *ping) error {
					if v.N%7 == 0 {
						return errors.New("seven")
					}
					if v.N%11 == 0 {
						panic("eleven")
					}
					c := n.Upsert()
					*c++
					ctx.Emit(afflux.KV[int, int]{Key: ctx.Key(), Value: *c})
					return nil
				},
			}
		}, afflux.OnError(afflux.Skip)).To("out", &out)
		if err := run(t, j); err != nil {
			t.Fatal(err)
		}
		got := map[int]int{}
		for _, kv := range out.got {
			got[kv.Key] = max(got[kv.Key], kv.Value)
		}
		if !maps.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

// forever gives one ping for each user and is then silent.
type forever struct{ users int }

func (s forever) Describe() connector.Description {
	return connector.Description{Kind: "forever", MaxParallelism: 1}
}

func (s forever) Open(context.Context, connector.Subtask) (connector.Reader[ping], error) {
	return &foreverReader{users: s.users}, nil
}

type foreverReader struct{ next, users int }

func (r *foreverReader) Poll(dst *event.Records[ping], _ connector.Limit) (connector.Status, error) {
	if r.next == r.users {
		return connector.Status{State: connector.Idle}, nil
	}
	dst.Append(ping{User: r.next}, 0)
	r.next++
	return connector.Status{}, nil
}
func (r *foreverReader) Close() error { return nil }

// Processing-time timers fire while the input is silent.
func TestProcessingTimers(t *testing.T) {
	j := afflux.NewJob("t", afflux.Parallelism(2))
	fired := make(chan int, 10)
	afflux.From(j, "forever", forever{users: 3}).KeyBy("user", func(v *ping) int { return v.User }).
		Process("p", func() *clocked[int] {
			return &clocked[int]{stubborn[int]{
				process: func(ctx *afflux.ProcessContext[int, int], v *ping) error {
					late, soon := event.At(ctx.Now().Add(time.Hour)), event.At(ctx.Now().Add(time.Duration(1+v.User)*time.Millisecond))
					ctx.SetTimer(afflux.ProcessingTimer, late)
					ctx.SetTimer(afflux.ProcessingTimer, soon)
					if v.User == 1 {
						ctx.DeleteTimer(afflux.ProcessingTimer, soon)
					}
					return nil
				},
				onTimer: func(ctx *afflux.ProcessContext[int, int], at event.Time, k afflux.TimerKind) error {
					if k != afflux.ProcessingTimer || event.At(ctx.Now()) < at {
						return fmt.Errorf("kind %v, %v before %v", k, ctx.Now(), at)
					}
					fired <- ctx.Key()
					return nil
				},
			}}
		}).To("out", &collector[int]{})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := j.Start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	got := []int{<-fired, <-fired}
	slices.Sort(got)
	r.Drain()
	if err := r.Wait(); err != nil {
		t.Fatal(err)
	}
	if len(fired) > 0 || !slices.Equal(got, []int{0, 2}) {
		t.Errorf("fired %v and %d more", got, len(fired))
	}
	var dropped int64
	for _, o := range r.Snapshot().Operators {
		for _, s := range o.Subtasks {
			dropped += s.Counters["timers_dropped"]
		}
	}
	if dropped != 3 {
		t.Errorf("%d timers were dropped, want 3", dropped)
	}
}
