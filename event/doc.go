// Package event holds the values that flow through a job: batches of typed
// records with their event times, watermarks and dead letters. It is the
// ground floor: it imports nothing else of the project.
package event
