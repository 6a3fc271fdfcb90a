//go:build !linux

package filesync

import "os"

// queued is never done: other systems have no such queue, or none without threads.
func queued(*os.File) (done bool, err error) { return false, nil }
