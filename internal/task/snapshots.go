package task

// Hurry implements operator.Hurried.
func (l *link) Hurry() bool {
	now, _ := l.t.barriers.hurry()
	return now
}

// Snapshots implements operator.Snapshotted.
func (l *link) Snapshots() bool { return l.t.cfg.Checkpoints != nil }
