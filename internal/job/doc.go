// Package job is the life of a job: it builds the tasks and channels of a
// plan, runs them, drains or cancels them, and takes snapshots.
package job
