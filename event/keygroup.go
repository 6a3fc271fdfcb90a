package event

// KeyGroups is how many groups keys are divided into. State is stored and
// moved by group, so it is fixed for the life of a job, and no keyed operator
// uses more subtasks than this.
const KeyGroups = 128

// KeyGroup is the group, 0 to KeyGroups-1, of a key with this hash: its top
// seven bits.
func KeyGroup(hash uint64) int { return int(hash >> 57) }

// SubtaskOf is the subtask, 0 to parallelism-1, that owns a group. Each owns
// a contiguous range, and no range is more than one group larger than another.
func SubtaskOf(group, parallelism int) int { return group * parallelism / KeyGroups }

// GroupRange is the range [from,to) of groups that a subtask owns. It is
// empty for some subtasks when parallelism exceeds KeyGroups.
func GroupRange(subtask, parallelism int) (from, to int) {
	first := func(s int) int { return (s*KeyGroups + parallelism - 1) / parallelism }
	return first(subtask), first(subtask + 1)
}
