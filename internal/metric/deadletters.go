package metric

import "time"

// Bounds of what is kept of dead letters.
const (
	// MaxDeadLetters is how many are kept, the newest ones.
	MaxDeadLetters = 50
	// MaxDeadLetterReasons is how many pairs of an operator and a reason are
	// counted each on their own; the others are counted as OtherReason.
	MaxDeadLetterReasons = 100
	// MaxDeadLetterValue bounds the value that is kept, MaxDeadLetterReason each
	// text of a reason, in bytes.
	MaxDeadLetterValue  = 1 << 10
	MaxDeadLetterReason = 256
	// deadLettersPerSecond bounds how many of a storm are kept; all are counted.
	deadLettersPerSecond = 50
)

// OtherReason stands for reasons beyond MaxDeadLetterReasons, of all operators.
const OtherReason = "other"

// DeadLetters is what is known of the records that a job could not process,
// over all of its attempts: those that went to the dead letters, and those that
// were skipped. What a restarted job refuses again is counted again.
type DeadLetters struct {
	Total int64 `json:"total"`
	// Reasons are in the order of their counts, the largest first.
	Reasons []DeadLetterReason `json:"reasons"`
	// Last are the newest first. Of more than 50 a second some are left out.
	Last []DeadLetter `json:"last"`
}

// DeadLetterReason counts the records that an operator refused for a reason.
type DeadLetterReason struct {
	Operator string `json:"operator"` // "" with OtherReason
	// Reason is without what differs from record to record: its place, numbers
	// and what is in quotes.
	Reason string `json:"reason"`
	Count  int64  `json:"count"`
}

// DeadLetter is one such record.
type DeadLetter struct {
	At       time.Time `json:"at"`
	Operator string    `json:"operator"`
	Subtask  int       `json:"subtask"`
	// Origin is where the record came from, like orders.csv:17, if it is known.
	Origin string `json:"origin,omitempty"`
	Reason string `json:"reason"`
	// Value is its beginning: as it was read, or as JSON.
	Value string `json:"value,omitempty"`
}
