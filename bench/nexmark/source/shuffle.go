package source

import (
	"container/heap"
	"math/rand/v2"
	"time"

	"github.com/affluxdev/afflux/bench/nexmark/schema"
	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
)

// shuffler gives events in the order of their arrival, which is their time and
// a delay. Those that arrive before the next event happens are ready.
type shuffler struct {
	reader
	seed    int64
	random  rand.PCG
	bound   time.Duration
	delayed arrivals
	held    *schema.Event // the next event, made but not taken
}

// Poll implements connector.Reader.
func (s *shuffler) Poll(dst *event.Records[schema.Event], limit connector.Limit) (connector.Status, error) {
	bytes := int64(0)
	for n := 0; n < limit.Records && bytes < limit.Bytes; n++ {
		for s.fetch() && (len(s.delayed) == 0 || s.delayed[0].at > at(s.held.DateTime())) {
			s.take()
		}
		if len(s.delayed) == 0 {
			break
		}
		a := heap.Pop(&s.delayed).(arrival)
		dst.Append(a.event, at(a.event.DateTime()))
		bytes += size(&a.event)
	}
	return s.status(!s.fetch() && len(s.delayed) == 0), nil
}

// fetch makes sure that the next event is held, if there is one.
func (s *shuffler) fetch() bool {
	if s.held == nil && s.place.Next() < s.g.Len() {
		e := s.g.At(s.place.Next())
		s.held = &e
	}
	return s.held != nil
}

// take delays the event that is held.
func (s *shuffler) take() {
	s.delay(*s.held, s.place.Next())
	s.held = nil
	s.place.Advance(1)
}

// delay keeps event i until it arrives.
func (s *shuffler) delay(e schema.Event, i int64) {
	s.random.Seed(uint64(s.seed), uint64(i)) // a delay follows from the event alone
	delay := event.Time(float64(s.random.Uint64()>>11) * 0x1p-53 * float64(s.bound))
	heap.Push(&s.delayed, arrival{event: e, at: at(e.DateTime()) + delay, index: i})
}

// Positions implements connector.Positioned: with the numbers of the events that
// are delayed.
func (s *shuffler) Positions() ([]connector.Split, error) {
	held := make([]int64, len(s.delayed))
	for i := range s.delayed {
		held[i] = s.delayed[i].index
	}
	return s.positions(held)
}

type arrival struct {
	event schema.Event
	at    event.Time
	index int64
}

// arrivals is a heap, the first to arrive on top.
type arrivals []arrival

func (a arrivals) Len() int { return len(a) }

func (a arrivals) Less(i, j int) bool {
	if a[i].at != a[j].at {
		return a[i].at < a[j].at
	}
	return a[i].index < a[j].index
}

func (a arrivals) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *arrivals) Push(x any)   { *a = append(*a, x.(arrival)) }

func (a *arrivals) Pop() any {
	last := len(*a) - 1
	x := (*a)[last]
	(*a)[last] = arrival{}
	*a = (*a)[:last]
	return x
}
