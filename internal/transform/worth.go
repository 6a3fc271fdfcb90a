package transform

const (
	// minJudged is how many records tell whether combining pays.
	minJudged = 1 << 12
	// breakEven is how many records a partial result has to stand for, at
	// least, to cost less than they would (docs/skew.md has the measurement).
	breakEven = 10
	// passFor is how many records pass for each that was combined in vain: what
	// trying costs is this fraction of what the records cost anyway.
	passFor = 64
)

// worth decides whether to combine records or to pass them on as they are. It
// looks at what combining has saved, and when that was too little, lets the next
// records pass before it tries again.
type worth struct {
	always  bool
	seen    int // records that were folded since the last judgement
	emitted int // partial results that they became
	passing int // records that still pass
}

// pass tells whether the next n records pass.
func (w *worth) pass(n int) bool {
	if w.passing <= 0 {
		return false
	}
	w.passing -= n
	return true
}

// judge is called when partial results have been emitted; held are others that
// have not been.
func (w *worth) judge(held int) {
	if w.seen < minJudged {
		return
	}
	if !w.always && (w.emitted+held)*breakEven > w.seen {
		w.passing = passFor * w.seen
	}
	w.seen, w.emitted = 0, -held // which have been counted
}
