// Package filesync makes files durable without keeping a processor from the program:
// a goroutine that waits in fsync has its processor with it until the Go runtime
// notices, which for a wait of a millisecond it mostly does not.
package filesync

import "os"

// Sync is f.Sync, also for directories: what was written to f is durable when it
// returns nil. Any goroutine may call it; closing f meanwhile does not hurt. On Linux
// no processor waits for the disk, unless the kernel is older than 4.18, does not
// allow it, or has too many calls to do at the same time.
func Sync(f *os.File) error {
	if done, err := queued(f); done {
		return err
	}
	return f.Sync()
}
