package api

import (
	"net/http"
	"time"

	"github.com/affluxdev/afflux/internal/metric"
)

// deadLettersView is the answer of /api/v1/deadletters.
type deadLettersView struct {
	Total int64 `json:"total"`
	// ValuesShown tells that values are there: they are only when the user has
	// said so, since records may be nobody else's business.
	ValuesShown bool                      `json:"values_shown"`
	Reasons     []metric.DeadLetterReason `json:"reasons"`
	Last        []metric.DeadLetter       `json:"last"` // newest first
}

// letters serves what is known of dead letters.
type letters struct {
	of     func() metric.DeadLetters // nil: nothing is
	values bool
}

func (l letters) serve(w http.ResponseWriter, _ *http.Request) {
	v := deadLettersView{ValuesShown: l.values, Reasons: []metric.DeadLetterReason{}, Last: []metric.DeadLetter{}}
	if l.of != nil {
		d := l.of()
		v.Total, v.Reasons = d.Total, append(v.Reasons, d.Reasons...)
		for _, letter := range d.Last[:min(len(d.Last), metric.MaxDeadLetters)] {
			if !l.values { // a reason may quote what it is about
				letter.Value, letter.Reason = "", metric.Redacted(letter.Reason, letter.Origin)
			}
			letter.At = letter.At.Truncate(time.Millisecond)
			v.Last = append(v.Last, letter)
		}
	}
	answer(w, http.StatusOK, v)
}
