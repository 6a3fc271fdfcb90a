// Package bench compares the engine with plain Go loops that do the same work,
// in one process and by turns, so that what the machine does meanwhile falls
// on both. The engine runs as a user runs it: through the public API, with
// event times, watermarks, time accounts, credit and metrics on.
//
// A ratio is the rate of the engine divided by that of the loop. A control
// divides the loop by itself: how far it is from 1 is the noise.
package bench
