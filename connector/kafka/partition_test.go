package kafka

import (
	"testing"
	"time"
)

// TestEndOfOldRecords: while the job is slow, records wait in the client with the
// end of their time, and the monitor asks for the present one.
func TestEndOfOldRecords(t *testing.T) {
	asked := time.Now()
	p := partition{low: 5, high: 40_000, heard: asked}
	p.hear(7, 5_000, asked.Add(time.Second))
	if p.high != 40_000 || p.heard != asked || p.low != 7 {
		t.Errorf("an old end: low %d, high %d, heard %v later", p.low, p.high, p.heard.Sub(asked))
	}
	p.hear(6, 41_000, asked.Add(2*time.Second))
	if p.high != 41_000 || p.heard != asked.Add(2*time.Second) || p.low != 7 {
		t.Errorf("a new end: low %d, high %d, heard %v later", p.low, p.high, p.heard.Sub(asked))
	}
}
