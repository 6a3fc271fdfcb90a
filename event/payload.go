package event

// PayloadOf returns a function that sums the memory a T owns outside of its
// fixed size, as Records.Bytes counts it, or nil when there is none.
func PayloadOf[T any]() func(*T) int { return payloadOf[T]() }
