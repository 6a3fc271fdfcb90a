package uitest

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A bottleneck is switched on in a running job, and off again: the page names it,
// marks the arrow where pressure starts, and is calm again.
func TestPressureOfARunningJob(t *testing.T) {
	j := start(t, "shop")
	p := open(t, j.address, desktop)
	p.until(`document.querySelectorAll("[data-operator]").length >= 7`)
	p.within(40*time.Second, `document.querySelector(".diagnosis.well") && /k\/s/.test(document.querySelector(".facts dd").innerText)`)

	starts := `document.querySelector('.arrow[data-pressure="starts"][data-to="score"]')`
	if value[bool](p, "Boolean("+starts+")") {
		t.Error("pressure before there is any")
	}
	pressed := time.Now()
	j.say(t, "press")
	p.within(30*time.Second, starts)
	arrow := time.Since(pressed)
	p.within(30*time.Second, `[...document.querySelectorAll(".finding:not(.note)")].some((f) => f.querySelector(".operator")?.innerText === "score")`)
	t.Logf("shown after: arrow %v, diagnosis %v", arrow.Round(time.Millisecond), time.Since(pressed).Round(time.Millisecond))
	finding := value[string](p, `document.querySelector(".finding").innerText`)
	if !strings.Contains(finding, "score") || !strings.Contains(finding, "one hot subtask") || !strings.Contains(finding, "item-00017") {
		t.Errorf("the finding says:\n%s", finding)
	}
	if !value[bool](p, `document.querySelector('[data-operator="score"]').classList.contains("guilty")`) {
		t.Error("the guilty operator is not marked")
	}

	// Its subtasks, from the running job.
	p.click(`[data-operator="score"]`)
	p.until(`document.querySelectorAll(".subtasks tbody tr").length === 4`)
	p.until(`(() => { const own = [...document.querySelectorAll(".subtasks .own")].map((b) => b.offsetWidth).sort((a, b) => b - a); return own[0] > 2 * own[1]; })()`)
	p.until(`document.querySelector(".operator-panel code")?.innerText === "item-00017"`)
	p.click(".profile button")
	p.within(30*time.Second, `document.querySelectorAll(".flame button").length > 3`)
	if names := value[string](p, `[...document.querySelectorAll(".flame button")].map((b) => b.title).join("\n")`); !strings.Contains(names, "uitest.shop.func") {
		t.Errorf("the profile does not show the function of the operator:\n%s", names)
	}

	released := time.Now()
	j.say(t, "release")
	p.within(40*time.Second, `!document.querySelector('.arrow[data-pressure="starts"]') && document.querySelector(".diagnosis.well")`)
	t.Logf("calm again after %v", time.Since(released).Round(time.Millisecond))
}

// The end of a job is told by its last event, and stays when its server has gone.
func TestEndOfARunningJob(t *testing.T) {
	j := start(t, "brief")
	p := open(t, j.address, desktop)
	p.expect("ERR_CONNECTION_REFUSED") // the browser logs what the page tries in vain
	p.expect("ERR_EMPTY_RESPONSE")
	p.expect("ERR_INCOMPLETE_CHUNKED_ENCODING")
	p.expect("ERR_CONNECTION_RESET")
	p.until(`document.querySelector(".connection").innerText === "live"`)
	p.within(40*time.Second, `document.querySelector("#diagnosis").innerText.includes("The job has finished")`)
	gone := time.NewTicker(100 * time.Millisecond)
	defer gone.Stop()
	for deadline := time.Now().Add(patience); ; <-gone.C {
		r, err := http.Get(j.address + "api/v1/health")
		if err != nil {
			break
		}
		_ = r.Body.Close()
		if time.Now().After(deadline) {
			t.Fatal("the server of a job that has ended is still there")
		}
	}
	p.until(`document.querySelector(".connection").innerText === "the job has ended" && document.querySelectorAll("[data-operator].finished").length === 2`)
}

// With a token the address that has it once is enough: stream and questions go with
// the cookie.
func TestPageWithToken(t *testing.T) {
	t.Setenv("AFFLUX_TOKEN", "a-secret-of-this-test")
	j := start(t, "calm")
	p := open(t, j.address+"?token=a-secret-of-this-test", desktop)
	p.until(`document.querySelector(".connection").innerText === "live" && document.querySelector("[data-operator]")`)
	if at := value[string](p, "location.href"); strings.Contains(at, "secret") {
		t.Errorf("the token stays in the address: %s", at)
	}
	p.click(`[data-operator="score"]`)
	p.until(`document.querySelectorAll(".subtasks tbody tr").length === 4`)
}

// What the running job answers is what the page can read: all of its parts have
// something to show.
func TestPartsOfARunningJob(t *testing.T) {
	j := start(t, "shop")
	p := open(t, j.address, desktop)
	p.within(40*time.Second, `document.querySelectorAll(".checkpoints tbody tr.complete").length >= 2`)
	p.until(`document.querySelector(".letters li pre")?.innerText.includes("504 Gateway Timeout")`)
	p.until(`document.querySelector('section[aria-labelledby="latency-title"] tbody tr')`)
	p.until(`document.querySelector('section[aria-labelledby="keys-title"] code')?.innerText === "item-00017"`)
	p.within(40*time.Second, `[...document.querySelectorAll(".charts figure")].filter((f) => /now \d/.test(f.getAttribute("aria-label"))).length >= 5`)
	p.click(`[data-operator="count"]`)
	p.until(`document.querySelectorAll(".subtasks tbody tr").length === 2`)
	p.until(`document.querySelector(".operator-panel code")?.innerText === "item-00017"`)
	// Every field of the contract that this job must have is there, by its name.
	var o struct {
		Operators []map[string]json.RawMessage `json:"operators"`
		Edges     []map[string]json.RawMessage `json:"edges"`
	}
	r, err := http.Get(j.address + "api/v1/overview")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	if err := json.NewDecoder(r.Body).Decode(&o); err != nil {
		t.Fatal(err)
	}
	madeUp := clicks(true)(1)
	for name, pair := range map[string][2]any{
		"operator": {madeUp["operators"].([]object)[0], o.Operators},
		"edge":     {madeUp["edges"].([]object)[1], o.Edges},
	} {
		real, ok := pair[1].([]map[string]json.RawMessage)
		if !ok || len(real) == 0 {
			t.Fatalf("no %s", name)
		}
		for field := range pair[0].(object) {
			if _, ok := real[0][field]; !ok {
				t.Errorf("%s of a running job has no %q, which the page reads", name, field)
			}
		}
	}
}
