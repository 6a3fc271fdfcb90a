package transform

import (
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/state"
)

// Rolling keeps one accumulator for each key for ever, and emits a result for
// each record.
type Rolling[K comparable, T, A, U any] struct {
	base
	keyed[K, T, A]
	add    func(*A, *T)
	result func(K, *A) U
	table  state.Table[K, A]
	buf    *event.Records[U]
}

// NewRolling returns the operator.
func NewRolling[K comparable, T, A, U any](key func(*T) K, add func(*A, *T), result func(K, *A) U, table Tables[K, A]) operator.Operator {
	o := &Rolling[K, T, A, U]{add: add, result: result}
	o.tables.open = table
	o.key = key
	return o
}

// Open implements operator.Operator.
func (o *Rolling[K, T, A, U]) Open(ctx operator.Context) error {
	if err := o.tables.openTables(ctx); err != nil {
		return err
	}
	o.table = o.tables.all.New()
	o.buf = event.NewRecords[U](ctx.BatchCapacity(event.TypeOf[U]().Size()))
	return o.base.Open(ctx)
}

// Process implements operator.Operator.
func (o *Rolling[K, T, A, U]) Process(b event.Batch) error {
	in := b.(*event.Records[T])
	o.tables.publishOne(o.table)
	n := len(in.Values)
	for base := 0; base < n; base += chunk {
		to := min(base+chunk, n)
		o.find(o.table, in, base, to)
		for from := base; from < to; {
			done, err := o.fold(in, from, to, base)
			from = done
			if err != nil {
				if err := o.ctx.Reject(in.Values[done], in.Times[done], err); err != nil {
					return err
				}
				from++
			}
		}
	}
	o.out.Emit(o.buf)
	return nil
}

// fold adds one record after the other, since each has its own result.
func (o *Rolling[K, T, A, U]) fold(in *event.Records[T], from, to, base int) (done int, err error) {
	defer func() {
		if v := recover(); v != nil {
			caught(v, &err)
			done = o.pos
		}
	}()
	for i := from; i < to; i++ {
		o.pos = i
		acc := o.accs[i-base]
		o.add(acc, &in.Values[i])
		o.buf.Append(o.result(o.keys[i-base], acc), in.Times[i])
	}
	return to, nil
}

// Close implements operator.Operator.
func (o *Rolling[K, T, A, U]) Close() error { return o.tables.closeTables() }
