// Package credit is the flow-control ledger: how many bytes a sender may have
// in flight on each channel, and how a receiver divides its memory among its
// channels. It is a pure state machine: no clock, no lock, no goroutine.
//
// Credit is an absolute position, as in QUIC (RFC 9000, section 4): the
// receiver announces "you may send up to byte N", the sender counts what it
// has sent. An announcement that is lost, repeated or late does no harm, and
// both ends can be audited at any time:
//
//	consumed <= sent <= limit, and the sum of (limit - consumed) <= pool
package credit
