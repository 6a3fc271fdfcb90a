package metric

import (
	"bytes"
	"os"
	"strconv"
	"time"
)

// maxThreads bounds the threads that are looked at.
const maxThreads = 1024

// waitedTime is how long the threads of the process were ready to run and had no
// processor, as the kernel's scheduler counts it; 0 where it does not.
func waitedTime() (sum time.Duration) {
	const tasks = "/proc/self/task"
	dir, err := os.Open(tasks)
	if err != nil {
		return 0
	}
	defer func() { _ = dir.Close() }()
	names, _ := dir.Readdirnames(maxThreads) // some are better than none
	for _, name := range names {
		// Time on a processor, time waiting for one, and turns.
		text, err := os.ReadFile(tasks + "/" + name + "/schedstat")
		if err != nil {
			continue // it has ended
		}
		if f := bytes.Fields(text); len(f) > 1 {
			n, _ := strconv.ParseInt(string(f[1]), 10, 64)
			sum += time.Duration(n)
		}
	}
	return sum
}
