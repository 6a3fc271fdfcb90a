package task

import "context"

// Finalize makes a sink's output durable, once every task of the job has
// ended well. It may wait.
func (t *Task) Finalize(ctx context.Context) error {
	if t.sink == nil || t.sink.writer == nil || t.barriers != nil && t.sink.preparer != nil {
		return nil
	}
	if err := guarded(func() error { return t.sink.writer.Flush(ctx) }); err != nil {
		return &Failure{Operator: t.sink.link.node.Name, Subtask: t.cfg.Subtask, Err: err}
	}
	return nil
}

// Commit tells the outside system of a source how far the job has come, after
// Finalize of all sinks.
func (t *Task) Commit(ctx context.Context) error { return t.commitSource(ctx, 0) }

// CommitSource tells the outside system of a source how far the job had come at
// a checkpoint that is complete.
func (t *Task) CommitSource(ctx context.Context, id int64) error { return t.commitSource(ctx, id) }

func (t *Task) commitSource(ctx context.Context, id int64) error {
	if t.source == nil {
		return nil
	}
	if err := guarded(func() error { return t.source.commit(ctx, id) }); err != nil {
		return &Failure{Operator: t.links[0].node.Name, Subtask: t.cfg.Subtask, Err: err}
	}
	return nil
}

// CommitSink makes visible what a sink had prepared for a checkpoint that is
// complete, and before. It may wait, and be called while the task goes on, by
// one goroutine at a time.
func (t *Task) CommitSink(ctx context.Context, id int64) error {
	if t.sink == nil {
		return nil
	}
	if err := guarded(func() error { return t.sink.commit(ctx, id) }); err != nil {
		return &Failure{Operator: t.sink.link.node.Name, Subtask: t.cfg.Subtask, Err: err}
	}
	return nil
}
