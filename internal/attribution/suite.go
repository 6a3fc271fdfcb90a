package main

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"
	"sync"
)

// suite runs cases: first those that mostly wait, some at a time, then each that
// needs the machine for itself. done is called by one goroutine at a time.
func suite(ctx context.Context, cases []Case, together int, done func(*outcome)) {
	var mu sync.Mutex
	report := func(o *outcome) {
		mu.Lock()
		defer mu.Unlock()
		done(o)
	}
	var wg sync.WaitGroup
	places := make(chan struct{}, max(together, 1))
	for i := range cases {
		if c := &cases[i]; !c.heavy() && ctx.Err() == nil {
			places <- struct{}{}
			wg.Go(func() {
				defer func() { <-places }()
				report(run(ctx, c))
			})
		}
	}
	wg.Wait()
	for i := range cases {
		if c := &cases[i]; c.heavy() && ctx.Err() == nil {
			report(run(ctx, c))
			debug.FreeOSMemory() // what one case leaves must not look like another's
		}
	}
}

// tally prints the matrix as it goes and keeps the score.
type tally struct {
	w             io.Writer
	right, all    int
	alarms, wells int
	wrong         []*outcome
}

func newTally(w io.Writer) *tally {
	head(w)
	return &tally{w: w}
}

func (t *tally) add(o *outcome) {
	row(t.w, o)
	if o.c.Well != "" {
		t.wells++
		if !o.passed() {
			t.alarms++
		}
	} else {
		t.all++
		if o.passed() {
			t.right++
		}
	}
	if !o.passed() {
		t.wrong = append(t.wrong, o)
	}
}

// end prints what was wrong, and the score. It tells whether all was right.
func (t *tally) end() bool {
	for _, o := range t.wrong {
		fmt.Fprintln(t.w)
		explain(t.w, o)
	}
	fmt.Fprintf(t.w, "\nattribution: %d/%d, false alarms %d/%d\n", t.right, t.all, t.alarms, t.wells)
	return len(t.wrong) == 0 && t.all+t.wells > 0
}
