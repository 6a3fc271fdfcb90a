package transform

import "time"

// measuredCalls is how many entries of a table share a measured one.
const measuredCalls = 512

// walk measures how long going through a table takes, without what is done with
// its entries. That is measured for some of them, since it is about the same
// for all; emitting, which may have to wait, is measured by itself.
type walk struct {
	g       *gauges
	began   time.Time
	left    int // entries until one is measured
	entry   time.Time
	sent    time.Duration // emitted before the entry
	n       int           // entries
	called  time.Duration
	calls   int // measured
	emitted time.Duration
}

func (g *gauges) walk() walk { return walk{g: g, began: g.ctx.Now()} }

// enter is called before something is done with an entry, leave after it.
func (w *walk) enter() {
	w.n++
	if w.left--; w.left < 0 {
		w.begin()
	}
}

func (w *walk) leave() {
	if w.left == measuredCalls {
		w.end()
	}
}

// begin and end are not inlined, so that enter and leave are.
//
//go:noinline
func (w *walk) begin() {
	w.left = measuredCalls
	w.entry, w.sent = w.g.ctx.Now(), w.emitted
}

//go:noinline
func (w *walk) end() {
	w.left--
	w.called += w.g.ctx.Now().Sub(w.entry) - (w.emitted - w.sent)
	w.calls++
}

// emit runs what sends records, of an entry or of several.
func (w *walk) emit(f func()) {
	start := w.g.ctx.Now()
	f()
	w.emitted += w.g.ctx.Now().Sub(start)
}

// done adds the time of the walk.
func (w *walk) done() {
	spent := float64(w.g.ctx.Now().Sub(w.began) - w.emitted)
	if w.calls > 0 {
		spent -= float64(w.called) / float64(w.calls) * float64(w.n)
	}
	w.g.spent += max(spent, 0)
}
