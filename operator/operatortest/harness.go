package operatortest

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/operator"
)

// Row is a record with its event time.
type Row[T any] struct {
	Value T
	Time  event.Time
}

// Harness describes an operator from records of type T to records of type U.
type Harness[T any, U comparable] struct {
	// New returns a fresh operator.
	New func() operator.Operator
	// Input are the records in their order. The kit cuts them into batches and
	// adds watermarks that none of them is late for.
	Input []Row[T]
	// Want are the records of each output; how many there are says how many
	// outputs are read.
	Want [][]Row[U]
	// Ordered operators emit in the order of Want.
	Ordered bool
	// Hash is the key hash of a record, for keyed operators; nil for others.
	Hash func(*T) uint64
	// Port is the input by which a record comes, from 0 to 7, for operators with
	// several; nil: they have one.
	Port func(*T) int
	// OwnWatermarks operators replace the watermarks of their input.
	OwnWatermarks bool
	// Policy is what happens with refused records.
	Policy operator.OnError
	// Refused is how many records are refused.
	Refused int
	// Alone operators cannot be divided among several subtasks.
	Alone bool
}

// rounds is how many schedules the kit tries for each check.
func rounds() uint64 {
	if testing.Short() {
		return 5
	}
	return 15
}

// Test runs the kit.
func Test[T any, U comparable](t *testing.T, h Harness[T, U]) {
	t.Helper()
	for _, c := range checks[T, U]() {
		t.Run(c.name, func(t *testing.T) {
			for seed := range rounds() {
				if err := guarded(func() error { return c.run(h, seed) }); err != nil {
					t.Fatalf("schedule %d: %v", seed, err)
				}
			}
		})
	}
}

type check[T any, U comparable] struct {
	name string
	run  func(h Harness[T, U], seed uint64) error
}

func checks[T any, U comparable]() []check[T, U] {
	return []check[T, U]{
		{"what the model says", whole[T, U]},
		{"no input", nothing[T, U]},
		{"cancelled anywhere", cancelled[T, U]},
		{"snapshot and restore at every step", recovered[T, U]},
	}
}

// guarded turns a panic into an error.
func guarded(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			if u, ok := v.(operator.Unwind); ok {
				err = u.Err
				return
			}
			err = operator.Panicked(v)
		}
	}()
	return f()
}

// whole runs all of the input.
func whole[T any, U comparable](h Harness[T, U], seed uint64) error {
	c := newTask[U](seed, len(h.Want), h.Policy)
	op := h.New()
	if err := drive(h, c, op); err != nil {
		return errors.Join(err, op.Close())
	}
	if err := op.Close(); err != nil {
		return fmt.Errorf("Close: %w", err)
	}
	if err := h.compare(c.rows(), h.Ordered, c.refused); err != nil {
		return err
	}
	return c.ended()
}

// compare tells how results differ from those of the model.
func (h *Harness[T, U]) compare(rows [][]Row[U], ordered bool, refused int) error {
	for i, want := range h.Want {
		got := rows[i]
		if !ordered {
			got, want = sorted(got), sorted(want)
		}
		if !slices.Equal(got, want) {
			return fmt.Errorf("output %d: %s", i, firstDifference(got, want))
		}
	}
	if refused != h.Refused {
		return fmt.Errorf("%d records were refused, want %d", refused, h.Refused)
	}
	return nil
}

// nothing runs the operator without a record.
func nothing[T any, U comparable](h Harness[T, U], seed uint64) error {
	h.Input = nil
	h.Want = make([][]Row[U], len(h.Want))
	h.Refused = 0
	return whole(h, seed)
}

// cancelled unwinds the operator at a random call of its context.
func cancelled[T any, U comparable](h Harness[T, U], seed uint64) error {
	c := newTask[U](seed, len(h.Want), h.Policy)
	op := h.New()
	if err := guarded(func() error { return errors.Join(drive(h, c, op), op.Close()) }); err != nil {
		return err
	}
	waits := c.waits
	c = newTask[U](seed, len(h.Want), h.Policy)
	c.unwindAt = 1 + rand.New(rand.NewPCG(seed, 9)).IntN(max(waits, 1))
	op = h.New()
	err := guarded(func() error { return drive(h, c, op) })
	if c.unwindAt == 0 && !errors.Is(err, operator.ErrCancelled) {
		return fmt.Errorf("a task that was cancelled ended with %w", orNone(err))
	}
	if c.unwindAt > 0 && err != nil {
		return err
	}
	if err := op.Close(); err != nil {
		return fmt.Errorf("Close after cancelling: %w", err)
	}
	return nil
}

var errNone = errors.New("no error: it swallowed the panic of a wait")

func orNone(err error) error {
	if err == nil {
		return errNone
	}
	return err
}

// drive calls the operator in the order of the contract.
func drive[T any, U comparable](h Harness[T, U], c *fakeTask[U], op operator.Operator) error {
	c.free = h.OwnWatermarks
	if err := op.Open(c); err != nil {
		return fmt.Errorf("Open: %w", err)
	}
	in := event.NewRecords[T](4)
	for at := 0; at < len(h.Input); {
		n := min(1+c.rng.IntN(7)*c.rng.IntN(20), len(h.Input)-at)
		if err := feed(h, c, op, in, h.Input[at:at+n]); err != nil {
			return fmt.Errorf("Process: %w", err)
		}
		at += n
		if err := between(c, op); err != nil {
			return err
		}
		if at < len(h.Input) && c.rng.IntN(3) == 0 {
			if err := advance(h, c, op, lowest(h.Input[at:])-1); err != nil {
				return err
			}
		}
	}
	if err := advance(h, c, op, event.MaxTime); err != nil {
		return err
	}
	if err := op.Finish(); err != nil {
		return fmt.Errorf("Finish: %w", err)
	}
	return errors.Join(c.faults...)
}

// ports is how many inputs an operator may have.
const ports = 8

// feed passes records as one batch, or as one for each input.
func feed[T any, U comparable](h Harness[T, U], c *fakeTask[U], op operator.Operator, in *event.Records[T], rows []Row[T]) error {
	if h.Port == nil {
		return process(h, c, in, rows, op.Process)
	}
	var byPort [ports][]Row[T]
	for _, r := range rows {
		port := h.Port(&r.Value)
		byPort[port] = append(byPort[port], r)
	}
	for _, port := range c.rng.Perm(ports) {
		if len(byPort[port]) == 0 {
			continue
		}
		if err := process(h, c, in, byPort[port], func(b event.Batch) error { return op.(operator.Ported).ProcessPort(port, b) }); err != nil {
			return err
		}
	}
	return nil
}

// process passes a batch, whose memory is then another's.
func process[T any, U comparable](h Harness[T, U], c *fakeTask[U], in *event.Records[T], rows []Row[T], f func(event.Batch) error) error {
	for _, r := range rows {
		in.Append(r.Value, r.Time)
	}
	if h.Hash != nil {
		hashes := in.KeyHashes()
		for i := range in.Values {
			hashes[i] = h.Hash(&in.Values[i])
		}
	}
	values, times, hashes := in.Values, in.Times, in.Hashes
	if err := f(in); err != nil {
		return err
	}
	in.Reset()
	scribble(c.rng, values, times, hashes)
	return nil
}

// advance passes a watermark.
func advance[T any, U comparable](h Harness[T, U], c *fakeTask[U], op operator.Operator, wm event.Time) error {
	if wm <= c.announced {
		return nil
	}
	c.announced = wm
	if err := op.Watermark(wm); err != nil {
		return fmt.Errorf("Watermark: %w", err)
	}
	return between(c, op)
}

// between is what a task does between two batches.
func between[U comparable](c *fakeTask[U], op operator.Operator) error {
	for c.rng.IntN(3) == 0 && c.outside() {
	}
	if w, ok := op.(operator.Waking); ok && c.woken {
		c.woken = false
		if err := w.Woken(); err != nil {
			return fmt.Errorf("Woken: %w", err)
		}
	}
	return nil
}

func lowest[T any](rows []Row[T]) event.Time {
	low := event.MaxTime
	for _, r := range rows {
		low = min(low, r.Time)
	}
	return low
}

// scribble overwrites memory that nobody may read any more. What was passed on
// by swapping is not the operator's own and has left the slices already, so it
// overwrites only what is reachable by index, in an order of its own.
func scribble[T any](rng *rand.Rand, values []T, times []event.Time, hashes []uint64) {
	var zero T
	for i := range values {
		values[i] = zero
	}
	for i := range times {
		times[i] = event.Time(rng.Int64())
	}
	for i := range hashes {
		hashes[i] = rng.Uint64()
	}
}

// sorted is a copy in the order of times, and of values as text.
func sorted[U comparable](rows []Row[U]) []Row[U] {
	type named struct {
		Row[U]
		text string
	}
	all := make([]named, len(rows))
	for i, r := range rows {
		all[i] = named{r, fmt.Sprint(r.Value)}
	}
	slices.SortFunc(all, func(a, b named) int {
		return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.text, b.text))
	})
	rows = make([]Row[U], len(all))
	for i, r := range all {
		rows[i] = r.Row
	}
	return rows
}

func firstDifference[U comparable](got, want []Row[U]) string {
	i := 0
	for i < len(got) && i < len(want) && got[i] == want[i] {
		i++
	}
	show := func(rows []Row[U]) string {
		if i >= len(rows) {
			return "nothing"
		}
		return fmt.Sprintf("%+v", rows[i])
	}
	return fmt.Sprintf("%d records, want %d; record %d is %s, want %s", len(got), len(want), i, show(got), show(want))
}
