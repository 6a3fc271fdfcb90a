package uitest

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Text keeps 4.5:1 against what it stands on, large text 3:1.
const contrast = `(() => {
	const parse = (c) => { const m = c.match(/[\d.]+/g).map(Number); return [m[0], m[1], m[2], m.length > 3 ? m[3] : 1]; };
	const lum = (c) => { const f = (v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }; return 0.2126 * f(c[0]) + 0.7152 * f(c[1]) + 0.0722 * f(c[2]); };
	const under = (e) => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c[3] === 1) return c; } return [255, 255, 255, 1]; };
	const bad = [];
	const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (walk.nextNode()) {
		const e = walk.currentNode.parentElement;
		if (!walk.currentNode.data.trim() || !e.getClientRects().length || e.closest("noscript, .unseen")) continue;
		const style = getComputedStyle(e);
		let ink = parse(style.color), ground = under(e);
		if (e.closest("svg")) {
			ink = parse(style.fill);
			const card = e.closest(".node")?.querySelector(".card");
			ground = card ? parse(getComputedStyle(card).fill) : under(e.closest("svg").parentElement);
		}
		const [a, b] = [lum(ink), lum(ground)].sort((x, y) => y - x);
		const ratio = (a + 0.05) / (b + 0.05);
		if (ratio < (parseFloat(style.fontSize) >= 18.66 ? 3 : 4.5)) bad.push(ratio.toFixed(2) + " " + walk.currentNode.data.trim().slice(0, 30) + " in " + (e.className.baseVal ?? e.className) + " " + e.tagName);
	}
	return [...new Set(bad)];
})()`

func TestLightAndDark(t *testing.T) {
	ground := `getComputedStyle(document.documentElement).backgroundColor`
	for _, dark := range []bool{false, true} {
		m := newMadeUp(t, quick, clicks(true))
		m.detail, m.profile = clicksDetail, flame("count")
		l := desktop
		l.dark = dark
		p := open(t, m.URL, l)
		p.until(`document.querySelector(".letters li") && document.querySelector(".phases")`)
		p.click(`[data-operator="count"]`)
		p.click(".profile button")
		p.until(`document.querySelector(".flame")`)
		own := value[string](p, ground)
		if isDark := own == "rgb(14, 19, 24)"; isDark != dark {
			t.Errorf("the system prefers dark: %v, but the ground is %s", dark, own)
		}
		if bad := value[[]string](p, contrast); len(bad) > 0 {
			t.Errorf("dark %v: too little contrast:\n%s", dark, strings.Join(bad, "\n"))
		}
		// The switch goes against the system, and a reload keeps it.
		p.press(kb.Escape)
		p.until(`!document.querySelector(".operator-panel")`)
		for range 3 {
			if value[string](p, ground) != own {
				break
			}
			p.click(".theme")
		}
		other := value[string](p, ground)
		if other == own {
			t.Fatal("the switch changes nothing")
		}
		p.do(chromedp.Reload())
		p.until(`document.querySelector(".finding")`)
		if got := value[string](p, ground); got != other {
			t.Errorf("after a reload the ground is %s, want %s", got, other)
		}
	}
}

// Nothing is wider than a phone.
func TestNarrow(t *testing.T) {
	m := newMadeUp(t, quick, clicks(true))
	m.detail, m.profile = clicksDetail, flame("count")
	p := open(t, m.URL, look{width: 390, height: 844})
	fits := func(where string) {
		t.Helper()
		if w := value[int](p, `Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)`); w > 390 {
			t.Errorf("%s is %d pixels wide: %v", where, w, value[[]string](p, `[...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > 391 && !e.closest(".scroll, svg")).map((e) => e.tagName + "." + e.className).slice(0, 8)`))
		}
	}
	p.until(`document.querySelector(".letters li") && document.querySelector(".phases") && document.querySelector("[data-operator]")`)
	fits("the page")
	p.click(`[data-operator="count"]`)
	p.click(".profile button")
	p.until(`document.querySelector(".flame")`)
	fits("the panel")
	if w := value[float64](p, `document.querySelector(".operator-panel").getBoundingClientRect().width`); w != 390 {
		t.Errorf("the panel takes %v pixels of 390", w)
	}
	p.press(kb.Escape)
	p.click(`.switch button:last-child`)
	p.until(`document.querySelector(".tables")`)
	fits("the table")
	small := value[[]string](p, `[...document.querySelectorAll("button")].filter((b) => b.getClientRects().length && b.getBoundingClientRect().height < 18).map((b) => b.innerText)`)
	if len(small) > 0 {
		t.Errorf("too small for a finger: %v", small)
	}
}
