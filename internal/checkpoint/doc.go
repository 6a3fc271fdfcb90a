// Package checkpoint is the core of checkpoints: who decides, what is kept,
// and how it is stored. It takes no part in processing records.
//
// Decisions are pure: inputs and the time go in, decisions come out, and the
// caller carries them out. No clock, no lock, no goroutine.
//
//   - [Coordinator] decides when a checkpoint begins, when it is complete, when
//     it is given up, and which files are to be deleted. One for each attempt
//     of a job.
//   - [Alignment] decides for the gate of a task which channels wait for a
//     barrier, and when the task takes its snapshot.
//   - [Registry] counts which checkpoints need a file.
//
// What is stored is described byte by byte in docs/checkpoint-format.md:
//
//   - [Manifest] names everything that belongs to a checkpoint. A checkpoint
//     exists if and only if its manifest does.
//   - [FileWriter] and [FileReader] frame the state of tasks in blocks, so that
//     damage is found when it is read.
//   - [Store] holds both: a [Directory], or a bucket
//     (internal/checkpoint/bucket).
//   - [Ownership] lets the newest of several processes write to a store, where a
//     lock cannot keep the others out.
package checkpoint
