package transform

import (
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/state"
)

// Tables makes the tables of one subtask.
type Tables[K comparable, S any] func(ctx operator.Context) (state.Tables[K, S], error)

// InTables makes tables by a function that cannot fail.
func InTables[K comparable, S any](make func() state.Tables[K, S]) Tables[K, S] {
	return func(operator.Context) (state.Tables[K, S], error) { return make(), nil }
}

// tables is the state of an operator that keeps it in tables.
type tables[K comparable, S any] struct {
	gauges
	open Tables[K, S]
	all  state.Tables[K, S] // nil before open
}

func (t *tables[K, S]) openTables(ctx operator.Context) (err error) {
	t.ctx = ctx
	t.all, err = t.open(ctx)
	return err
}

// publish sets the gauges: how many keys the tables have, those in several
// tables as often, and the bytes of the tables and of what is beside them.
func (t *tables[K, S]) publish(keys int, bytes int64) {
	t.gauges.publish(keys, bytes+t.all.Bytes())
}

// publishOne is publish for an operator with one table, now and then.
func (t *tables[K, S]) publishOne(table state.Table[K, S]) {
	if t.due(t.ctx.Now()) {
		t.publish(table.Len(), table.Bytes())
	}
}

func (t *tables[K, S]) closeTables() error {
	if t.all == nil {
		return nil
	}
	return t.all.Close()
}
