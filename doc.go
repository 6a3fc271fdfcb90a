// Package afflux is a stream processing engine whose centre is flow control.
//
// A job is a directed graph of typed operators. Every arrow of the graph is a
// channel bounded in bytes, governed by credit that the receiver grants: a slow
// operator stops granting, its senders stop, and in milliseconds the source
// stops reading. Nothing is dropped, memory has a fixed bound, and because
// every wait is timed on the arrow where it happens, the engine names the
// operator that is to blame.
//
//	job := afflux.NewJob("hot-items")
//	afflux.From(job, "clicks", source).
//		EventTime((*Click).When, afflux.OutOfOrder(4*time.Second)).
//		KeyBy("item", (*Click).Item).
//		Window(window.Sliding(time.Minute, 10*time.Second)).
//		Aggregate("count", afflux.Count[Click]()).
//		To("hot-items", sink)
//	afflux.Main(job)
//
// Functions of the user get a pointer into the batch, valid for the call only,
// and return their result by value: measured, this natural form is also the
// fast one. A function may be called from several goroutines at a time, one for
// each subtask of its operator.
package afflux
