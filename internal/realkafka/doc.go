// Package realkafka runs Apache Kafka: one node in KRaft mode, on loopback, in a
// process of its own, for tests and for programs that test. It can be stopped,
// started again where it was, killed and paused.
//
// It needs Java 17 or later and the jars of Kafka. They are looked for in the
// folder libs of the directory that the environment variable AFFLUX_KAFKA names
// (an unpacked distribution of Kafka has one), otherwise in the user's cache;
// what is not there Maven fetches, once for all processes, about 55 MB.
//
// A start takes some four seconds on two cores, half of it to format the
// storage; a restart half as long. The heap is bounded to 512 MiB.
package realkafka

import "errors"

// Version is the version of Apache Kafka that is fetched.
const Version = "4.1.0"

// ErrMissing is wrapped by the errors of Start that say what is not installed
// on this machine.
var ErrMissing = errors.New("a real Kafka cannot be run here")
