//go:build screenshots

package uitest

import (
	"flag"
	"fmt"
	"testing"
	"time"
)

var looks = flag.String("looks", "", "draw made-up jobs in many forms into this `folder`")

// TestLook draws made-up jobs for people to look at while they change the page.
func TestLook(t *testing.T) {
	dir := *looks
	if dir == "" {
		t.Fatal("say where to draw, with -looks=FOLDER")
	}
	for name, c := range map[string]struct {
		look
		job func(int) object
	}{
		"wide-light":    {look{width: 1280, height: 800}, clicks(true)},
		"wide-dark":     {look{width: 1280, height: 800, dark: true}, clicks(true)},
		"well-light":    {look{width: 1280, height: 800}, clicks(false)},
		"narrow-light":  {look{width: 390, height: 844}, clicks(true)},
		"narrow-dark":   {look{width: 390, height: 844, dark: true}, clicks(false)},
		"hundreds-dark": {look{width: 1280, height: 800, dark: true}, wide},
	} {
		m := newMadeUp(t, time.Second, c.job)
		m.detail, m.profile = clicksDetail, flame("count")
		p := open(t, m.URL, c.look)
		p.until(`document.querySelectorAll(".checkpoints tbody tr").length > 3 && document.querySelector(".letters li")`)
		p.picture(dir + "/" + name + ".png")
		for i := range 4 {
			if c.width > 600 && i > 0 {
				break
			}
			value[any](p, fmt.Sprintf("scrollTo(0, %d)", (i+1)*c.height))
			p.until("true")
			p.picture(fmt.Sprintf("%s/%s-%d.png", dir, name, i+1))
		}
		if name == "hundreds-dark" {
			value[any](p, "scrollTo(0, 0)")
			for i := range 3 {
				p.click(`[aria-label="Zoom in"]`)
				p.click(`[aria-label="Zoom in"]`)
				p.picture(fmt.Sprintf("%s/%s-zoom%d.png", dir, name, i+1))
			}
			continue
		}
		p.click(`[data-operator="count"]`)
		p.until(`document.querySelectorAll(".subtasks tbody tr").length == 4`)
		p.click(`.profile button`)
		p.until(`document.querySelectorAll(".flame button").length > 5`)
		p.picture(dir + "/" + name + "-panel.png")
	}
}
