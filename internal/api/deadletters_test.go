package api

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/affluxdev/afflux/internal/metric"
)

// TestDeadLetters shows the contents of records only when it is allowed to, and
// otherwise not in their reasons either.
func TestDeadLetters(t *testing.T) {
	of := func() metric.DeadLetters {
		return metric.DeadLetters{
			Total:   3,
			Reasons: []metric.DeadLetterReason{{Operator: "parse", Reason: `cannot parse "..."`, Count: 3}},
			Last: []metric.DeadLetter{
				{At: began.Add(1234567), Operator: "parse", Subtask: 1, Origin: "orders.csv:17", Reason: `orders.csv:17: cannot parse "4711-private" as a number`, Value: `{"card":"4711-private"}`},
			},
		}
	}
	for _, shown := range []bool{false, true} {
		h := handlerOf(Options{Sampler: sampledTo(after), DeadLetters: of, ShowValues: shown})
		status, body := get(t, h, "/api/v1/deadletters")
		var v deadLettersView
		if err := json.Unmarshal([]byte(body), &v); status != 200 || err != nil {
			t.Fatal(status, err)
		}
		if v.Total != 3 || v.ValuesShown != shown || len(v.Reasons) != 1 || len(v.Last) != 1 || v.Last[0].Origin != "orders.csv:17" {
			t.Errorf("%+v", v)
		}
		if strings.Contains(body, "private") != shown {
			t.Errorf("values shown %v: %s", shown, body)
		}
		if _, overview := get(t, h, "/api/v1/overview"); !strings.Contains(overview, `"dead_letters":3`) {
			t.Error(overview)
		}
	}
	// The error of a job that a record has ended.
	failed := func(second int) *metric.Job {
		j := after(second)
		j.State, j.ErrorRecord = "failed", `; the record was {"card":"4711-private"}`
		j.Error = "parse: no number" + j.ErrorRecord
		return j
	}
	for _, shown := range []bool{false, true} {
		h := handlerOf(Options{Sampler: sampledTo(failed), ShowValues: shown})
		for _, path := range []string{"/api/v1/overview", "/api/v1/job", "/api/v1/diagnosis"} {
			if _, body := get(t, h, path); !strings.Contains(body, "parse: no number") || strings.Contains(body, "4711-private") != shown {
				t.Errorf("%s, values shown %v: %s", path, shown, body)
			}
		}
	}
	status, body := get(t, routes(sampledTo(after), nil), "/api/v1/deadletters")
	if want := `{"total":0,"values_shown":false,"reasons":[],"last":[]}`; status != 200 || strings.TrimSpace(body) != want {
		t.Errorf("%d %s, want %s", status, body, want)
	}
}
