package task

// Snapshots implements operator.Snapshotted.
func (l *link) Snapshots() bool { return l.t.cfg.Checkpoints != nil }
