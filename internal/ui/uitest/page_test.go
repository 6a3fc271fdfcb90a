package uitest

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// quick is the interval of events where a test waits for several.
const quick = 200 * time.Millisecond

var desktop = look{width: 1280, height: 800}

func TestDiagnosisAndGraph(t *testing.T) {
	m := newMadeUp(t, quick, clicks(true))
	p := open(t, m.URL, desktop)
	p.until(`document.querySelectorAll("[data-operator]").length === 8`)

	findings := value[[]string](p, `[...document.querySelectorAll(".finding")].map((f) => f.innerText)`)
	if len(findings) != 2 {
		t.Fatalf("%d findings, want 2", len(findings))
	}
	for _, want := range []string{"Critical", "hot-items", "waiting for the system it writes to", "91 %", "Do\n", "larger batches", "Avoid\n", "arger buffers only delay this"} {
		if !strings.Contains(findings[0], want) {
			t.Errorf("the first finding does not say %q:\n%s", want, findings[0])
		}
	}
	for arrow, want := range map[string]string{"count>format": "starts", "parse>enrich": "passed", "enrich>count": "passed", "parse>archive": "none", "profiles>enrich": "none"} {
		from, to, _ := strings.Cut(arrow, ">")
		if got := value[string](p, fmt.Sprintf(`document.querySelector('.arrow[data-from="%s"][data-to="%s"]').dataset.pressure`, from, to)); got != want {
			t.Errorf("pressure of %s: %s, want %s", arrow, got, want)
		}
	}
	// Said in words as well, not by colour alone.
	if text := value[string](p, `document.querySelector('.arrow[data-pressure="starts"]').textContent`); !strings.Contains(text, "pressure starts 74 %") || !strings.Contains(text, "1 MiB of 1 MiB") {
		t.Errorf("the arrow where pressure starts says %q", text)
	}
	if n := value[int](p, `document.querySelectorAll(".picture .frame").length`); n != 2 {
		t.Errorf("%d frames of chains, want 2", n)
	}
	// The bar has the shares of the operator: 74 % of it is blocked.
	if got := value[float64](p, `(() => { const n = document.querySelector('[data-operator="enrich"]'); const w = (c) => n.querySelector(c).width.baseVal.value; return w(".blocked") / w(".idle"); })()`); math.Abs(got-0.74) > 0.001 {
		t.Errorf("%v of the bar is blocked, want 0.74", got)
	}
	label := value[string](p, `document.querySelector('[data-operator="count"]').getAttribute("aria-label")`)
	for _, want := range []string{"count, window, 4 subtasks", "blocked 74 %", "pressure HIGH", "warning: one hot subtask"} {
		if !strings.Contains(label, want) {
			t.Errorf("the label of an operator does not say %q: %s", want, label)
		}
	}

	// Pressure goes: the same page becomes calm, and says so once.
	before := value[string](p, `document.querySelector("#announcement").textContent`)
	if !strings.Contains(before, "hot-items") {
		t.Errorf("not announced: %q", before)
	}
	value[any](p, `void (window.said = 0, new MutationObserver(() => window.said++).observe(document.querySelector("#announcement"), { childList: true, subtree: true, characterData: true }))`)
	m.show(clicks(false))
	p.until(`document.querySelector("#diagnosis").innerText.includes("Healthy") && !document.querySelector(".finding, .arrow[data-pressure=starts]")`)
	if n := value[int](p, `window.said`); n != 1 {
		t.Errorf("the announcement changed %d times, want once", n)
	}
}

func TestSubtasksOpenByClick(t *testing.T) {
	m := newMadeUp(t, quick, clicks(true))
	m.detail, m.profile = clicksDetail, flame("count")
	p := open(t, m.URL, desktop)
	p.click(`[data-operator="count"]`)
	p.until(`document.querySelectorAll(".subtasks tbody tr").length === 4`)
	// Skew is seen at once: the bar of subtask 3 is much longer.
	widths := value[[]float64](p, `[...document.querySelectorAll(".subtasks .own")].map((b) => b.offsetWidth)`)
	if len(widths) != 4 || widths[3] < 2*widths[0] {
		t.Errorf("bars of the subtasks: %v, want the last one twice as long as the first", widths)
	}
	if hot := value[string](p, `document.querySelector(".subtasks .hottest th").innerText`); hot != "3" {
		t.Errorf("hottest is %q, want 3", hot)
	}
	text := value[string](p, `document.querySelector(".operator-panel").innerText`)
	for _, want := range []string{"item-00017", "38 of 50", "retries", "4.10 s", "45.8 MiB"} {
		if !strings.Contains(text, want) {
			t.Errorf("the panel does not say %q:\n%s", want, text)
		}
	}
	p.click(".profile button")
	p.until(`document.querySelectorAll(".flame button").length >= 6`)
	whole := value[float64](p, `document.querySelector(".flame").clientWidth`)
	process := value[float64](p, `[...document.querySelectorAll(".flame button")].find((b) => b.title.includes("Process:")).offsetWidth`)
	if got, want := process/whole, 3100.0/4100; math.Abs(got-want) > 0.01 {
		t.Errorf("a frame takes %.3f of the width, want %.3f", got, want)
	}
	if names := value[string](p, `[...document.querySelectorAll(".flame button")].map((b) => b.innerText).join("\n")`); !strings.Contains(names, "memory.(*Table[...]).Update[...].func1") {
		t.Errorf("the frames have not the names of the profile:\n%s", names)
	}
	p.press(kb.Escape)
	p.until(`!document.querySelector(".operator-panel")`)
}

// Everything can be reached and left by keys.
func TestKeyboardOnly(t *testing.T) {
	m := newMadeUp(t, quick, clicks(true))
	m.detail = clicksDetail
	p := open(t, m.URL, desktop)
	p.until(`document.querySelectorAll("[data-operator]").length === 8`)
	var order []string
	for range 40 {
		p.press(kb.Tab)
		where := value[string](p, `(() => { const e = document.activeElement; return e === document.body ? "(page)" : e.dataset?.operator || e.getAttribute("aria-label") || e.innerText; })()`)
		order = append(order, where)
		if where == "count" && len(order) > 3 && value[bool](p, `document.activeElement.matches(".node")`) {
			break
		}
	}
	all := strings.Join(order, " | ")
	for _, want := range []string{"Skip to the diagnosis | Skip the graph", "hot-items | count", "Zoom in | Zoom out | Fit the graph | Graph | Table | clicks | parse | profiles | enrich | count"} {
		if !strings.Contains(all, want) {
			t.Fatalf("order of tab does not have %q:\n%s", want, all)
		}
	}
	if got := value[string](p, `getComputedStyle(document.querySelector(".node:focus-visible .card")).strokeWidth`); got != "3px" {
		t.Errorf("the focus cannot be seen: stroke %q", got)
	}
	p.press(kb.Enter)
	p.until(`document.activeElement.id === "panel-title" && document.activeElement.innerText === "count"`)
	p.press(kb.Tab)
	p.until(`document.activeElement.matches(".close")`)
	p.press(kb.Escape)
	p.until(`!document.querySelector(".operator-panel") && document.activeElement.dataset.operator === "count"`)
	// An operator that has the focus is in sight, however far the view was moved.
	value[any](p, `void [...document.querySelectorAll(".zoom button")].slice(0, 1).forEach((b) => { for (let i = 0; i < 6; i++) b.click(); })`)
	p.press(kb.Tab)
	p.until(`(() => { const n = document.activeElement.getBoundingClientRect(), s = document.querySelector(".picture").getBoundingClientRect(); return n.left >= s.left - 1 && n.top >= s.top - 1 && n.left < s.right && n.top < s.bottom; })()`)
}

// The names that a screen reader needs are there, and the outline has no gaps.
func TestScreenReader(t *testing.T) {
	m := newMadeUp(t, quick, clicks(true))
	m.detail, m.profile = clicksDetail, flame("count")
	p := open(t, m.URL, desktop)
	p.until(`document.querySelector(".letters li") && document.querySelector(".phases")`)
	p.click(`[data-operator="count"]`)
	p.until(`document.querySelector(".subtasks")`)
	for _, landmark := range []string{"header", "main", "footer", "h1"} {
		if n := value[int](p, fmt.Sprintf(`document.querySelectorAll(%q).length`, landmark)); n != 1 {
			t.Errorf("%d of %s, want 1", n, landmark)
		}
	}
	nameless := value[[]string](p, `[...document.querySelectorAll("button, a, [role=img], [role=button], [role=dialog], [role=region], section, figure")]
		.filter((e) => !(e.getAttribute("aria-label") || e.innerText?.trim() || document.getElementById(e.getAttribute("aria-labelledby"))))
		.map((e) => e.outerHTML.slice(0, 120))`)
	if len(nameless) > 0 {
		t.Errorf("without a name: %v", nameless)
	}
	wordless := value[[]string](p, `[...document.querySelectorAll(".sharebar, .meter, .phases")].filter((e) => !/\d/.test(e.getAttribute("aria-label"))).map((e) => e.outerHTML.slice(0, 120))`)
	if len(wordless) > 0 {
		t.Errorf("bars without their numbers: %v", wordless)
	}
	levels := value[[]int](p, `[...document.querySelectorAll("h1, h2, h3, h4")].map((h) => Number(h.tagName[1]))`)
	for i := 1; i < len(levels); i++ {
		if levels[i] > levels[i-1]+1 {
			t.Errorf("headings skip a level: %v", levels)
			break
		}
	}
	// The graph as a table has all of it.
	p.press(kb.Escape)
	p.click(`.switch button:last-child`)
	p.until(`document.querySelectorAll(".tables table").length === 2`)
	table := value[string](p, `document.querySelector(".tables").innerText`)
	for _, want := range []string{"clicks", "archive", "starts here, 74 % blocked", "passed on, 74 % blocked", "1 MiB of 1 MiB"} {
		if !strings.Contains(table, want) {
			t.Errorf("the table does not say %q:\n%s", want, table)
		}
	}
}

// A broken connection is said, with how old the figures are, and mended.
func TestConnectionLost(t *testing.T) {
	m := newMadeUp(t, quick, clicks(false))
	p := open(t, m.URL, desktop)
	p.expect("api/v1/stream") // the browser logs what it cannot load
	p.expect("503")
	p.until(`document.querySelector(".connection").innerText === "live"`)
	m.cut(true)
	p.until(`/connection lost, last seen [2-9] s ago/.test(document.querySelector(".connection").innerText)`)
	m.mu.Lock()
	m.refuse = false
	m.mu.Unlock()
	p.until(`document.querySelector(".connection").innerText === "live"`)
	// The end of the job is not a lost connection.
	m.show(func(tick int) object {
		o := clicks(false)(tick)
		o["job"].(object)["state"] = "finished"
		return o
	})
	p.until(`document.querySelector("#diagnosis").innerText.includes("The job has finished") && document.querySelector(".connection").innerText === "the job has ended"`)
	m.cut(false)
	p.until(`document.querySelector(".connection").innerText === "the job has ended"`)
}

// Without a stream the page asks from time to time, and says so.
func TestWithoutStream(t *testing.T) {
	m := newMadeUp(t, quick, clicks(true))
	m.cut(true)
	m.overviews.Store(true)
	p := open(t, m.URL, desktop)
	p.expect("api/v1/stream")
	p.expect("503")
	p.until(`document.querySelector(".connection").innerText.startsWith("no live stream") && document.querySelectorAll("[data-operator]").length === 8`)
}

// Nobody looks at a hidden page: it follows nothing, and goes on when it is seen.
func TestHiddenPage(t *testing.T) {
	m := newMadeUp(t, quick, clicks(false))
	p := open(t, m.URL, desktop)
	p.until(`document.querySelector(".connection").innerText === "live"`)
	hide := func(hidden bool) {
		value[any](p, fmt.Sprintf(`void (Object.defineProperty(document, "hidden", { value: %v, configurable: true }), document.dispatchEvent(new Event("visibilitychange")))`, hidden))
	}
	hide(true)
	p.until(`document.querySelector(".connection").innerText === "paused while hidden"`)
	deadline := time.After(patience)
	for m.streams.Load() > 0 {
		select {
		case <-deadline:
			t.Fatal("a hidden page follows the job")
		case <-time.After(quick):
		}
	}
	hide(false)
	p.until(`document.querySelector(".connection").innerText === "live"`)
	if n := m.streams.Load(); n != 1 {
		t.Errorf("%d streams are open, want 1", n)
	}
}

// The graph is moved by dragging and zoomed by buttons; the end of a drag is no click.
func TestPanAndZoom(t *testing.T) {
	m := newMadeUp(t, quick, clicks(false))
	m.detail = clicksDetail
	p := open(t, m.URL, desktop)
	p.until(`document.querySelectorAll("[data-operator]").length === 8`)
	const transform = `document.querySelector(".picture svg > g").getAttribute("transform")`
	at := func() (x, y float64) {
		r := value[[]float64](p, `(() => { const r = document.querySelector('[data-operator="enrich"]').getBoundingClientRect(); return [r.left + r.width / 2, r.top + r.height / 2]; })()`)
		return r[0], r[1]
	}
	fitted := value[string](p, transform)
	p.click(`[aria-label="Zoom in"]`)
	if value[string](p, transform) == fitted {
		t.Error("zooming changes nothing")
	}
	x, y := at()
	p.do(chromedp.DragAndDropXY(x, y, x-120, y+30))
	nx, ny := at()
	if math.Abs(nx-(x-120)) > 8 || math.Abs(ny-(y+30)) > 8 {
		t.Errorf("dragged by %v, %v, want -120, 30", nx-x, ny-y)
	}
	if value[bool](p, `Boolean(document.querySelector(".operator-panel"))`) {
		t.Error("a drag opened the subtasks")
	}
	p.click(`[aria-label="Fit the graph"]`)
	if got := value[string](p, transform); got != fitted {
		t.Errorf("fitted again: %s, want %s", got, fitted)
	}
	p.click(`[data-operator="enrich"]`)
	p.until(`document.querySelector(".operator-panel")`)
}

// The charts begin with what the server kept, and go on from the stream.
func TestCharts(t *testing.T) {
	m := newMadeUp(t, quick, clicks(false))
	p := open(t, m.URL, desktop)
	p.until(`document.querySelectorAll(".charts canvas").length === 6`)
	p.until(`/most 12\d k\/s/.test(document.querySelector(".charts figure").getAttribute("aria-label"))`)
	if shown := value[string](p, `document.querySelector(".charts .value").innerText`); !strings.HasSuffix(shown, "k/s") {
		t.Errorf("throughput shows %q", shown)
	}
	m.show(func(tick int) object {
		o := clicks(false)(tick)
		o["operators"].([]object)[0]["out"] = 250e3
		return o
	})
	p.until(`/now 25\d k\/s/.test(document.querySelector(".charts figure").getAttribute("aria-label"))`)
}

// Names of operators, keys and reasons are text, whatever is in them.
func TestHostileNames(t *testing.T) {
	const evil = `<img src=x onerror="window.evil=1"><script>window.evil=1</script>`
	m := newMadeUp(t, quick, func(tick int) object {
		o := clicks(true)(tick)
		o["job"].(object)["name"] = evil
		for _, op := range o["operators"].([]object) {
			op["name"] = evil + op["name"].(string)
		}
		for _, f := range o["health"].(object)["findings"].([]object) {
			f["operator"], f["evidence"] = evil, evil
		}
		for _, e := range o["edges"].([]object) {
			e["hot_keys"] = []object{{"key": evil, "share": 0.5}}
		}
		return o
	})
	m.detail = clicksDetail
	p := open(t, m.URL, desktop)
	p.until(`document.querySelector(".finding") && document.querySelector("[data-operator]")`)
	if value[bool](p, `Boolean(window.evil || document.querySelector("main img, main script"))`) {
		t.Error("a name became markup")
	}
	if got := value[string](p, `document.querySelector("h1").innerText`); got != evil {
		t.Errorf("the name of the job is shown as %q", got)
	}
}

// With 200 operators of 16 subtasks an event costs the page little, and the graph
// is laid out once.
func TestHundredsOfOperators(t *testing.T) {
	const (
		events = 10
		most   = 100 * time.Millisecond // of processor time for an event
	)
	m := newMadeUp(t, time.Second, wide)
	m.detail = wideDetail
	began := time.Now()
	p := open(t, m.URL, desktop)
	p.until(`document.querySelectorAll("[data-operator]").length === 200 && document.querySelector(".charts canvas")`)
	t.Log("200 operators shown after ", time.Since(began).Round(10*time.Millisecond))
	p.click(`[data-operator="line-03-step-4"]`)
	p.until(`document.querySelectorAll(".subtasks tbody tr").length === 16`)
	value[any](p, `void (window.tasks = [], new PerformanceObserver((l) => window.tasks.push(...l.getEntries().map((e) => e.duration))).observe({ type: "longtask" }),
		window.nodes = [...document.querySelectorAll("[data-operator]")], window.paths = [...document.querySelectorAll(".arrow .line")].map((l) => l.getAttribute("d")).join())`)
	call(p, performance.Enable, performance.EnableParams{TimeDomain: performance.EnableTimeDomainThreadTicks})
	metrics := func() (work time.Duration) {
		for _, x := range call(p, performance.GetMetrics, cdp.Empty{}).Metrics {
			switch x.Name {
			case "ScriptDuration", "LayoutDuration", "RecalcStyleDuration":
				work += time.Duration(x.Value * float64(time.Second))
			}
		}
		return work
	}
	worked, first := metrics(), m.tick.Load()
	texts := value[string](p, `document.querySelector("[data-operator] .figures").textContent`)
	for m.tick.Load() < first+events {
		p.until(fmt.Sprintf(`document.querySelector("[data-operator] .figures").textContent !== %q || true`, texts))
	}
	each := (metrics() - worked) / events
	tasks := value[[]float64](p, `window.tasks`)
	t.Logf("an event takes %v of processor time; tasks over 50 ms by the clock: %.0f ms", each.Round(time.Millisecond/10), tasks)
	if each > most {
		t.Errorf("an event takes %v, want %v at most", each, most)
	}
	if !value[bool](p, `window.nodes.every((n) => n.isConnected) && window.paths === [...document.querySelectorAll(".arrow .line")].map((l) => l.getAttribute("d")).join()`) {
		t.Error("the graph was drawn anew though it did not change")
	}
}
