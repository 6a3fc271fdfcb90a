//go:build !linux

package metric

import "time"

// waitedTime is not known here.
func waitedTime() time.Duration { return 0 }
