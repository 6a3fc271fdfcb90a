package event

// DeadLetter is a record that could not be delivered, with the reason. It is
// counted and kept: nothing is dropped silently.
type DeadLetter struct {
	// Operator is the name of the operator that refused the record.
	Operator string `json:"operator"`
	// Reason is the error in words.
	Reason string `json:"reason"`
	// Origin is where the record came from: file:line, or topic/partition/offset. It may be empty.
	Origin string `json:"origin,omitempty"`
	// Record is the record as text: the raw input where it could not be decoded, else its JSON form.
	Record string `json:"record"`
	// Time is the event time of the record, MinTime when it had none; its JSON
	// form then leaves it out.
	Time Time `json:"time,omitzero"`
	// At is when it was refused, nanoseconds since the Unix epoch.
	At int64 `json:"at"`
}
