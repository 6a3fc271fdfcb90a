package generator

import "time"

// Option changes a generator.
type Option func(*config)

type config struct {
	count   int64 // -1: no bound
	length  time.Duration
	profile *Profile
	backlog int64 // 0: no bound
	clock   func() time.Time
	start   time.Time
}

// Count ends the generator after n records in all.
func Count(n int64) Option { return func(c *config) { c.count = max(n, 0) } }

// For ends the generator after a time: with a profile, after exactly the
// records that are due in it, however late they are produced.
func For(d time.Duration) Option { return func(c *config) { c.length = max(d, 1) } }

// Rate sets the records a second of all subtasks together. Without it records
// are produced as fast as they are taken.
func Rate(p Profile) Option { return func(c *config) { c.profile = &p } }

// MaxBacklog bounds how many records of a subtask may be due and not produced.
// When pressure makes it more, the schedule is put off: no record is left out,
// and later ones have later due times. By default the generator falls behind
// without bound, as a log does.
func MaxBacklog(n int64) Option { return func(c *config) { c.backlog = max(n, 1) } }

// Clock replaces the wall clock.
func Clock(now func() time.Time) Option { return func(c *config) { c.clock = now } }

// StartAt sets the time at which the schedule begins. By default a subtask
// begins with its first poll.
func StartAt(t time.Time) Option { return func(c *config) { c.start = t } }
