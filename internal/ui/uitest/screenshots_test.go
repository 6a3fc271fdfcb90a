//go:build screenshots

package uitest

import (
	"bytes"
	"cmp"
	"flag"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

var screenshots = flag.String("screenshots", "", "draw the pictures of the documentation into this `folder`")

// TestScreenshots draws the page of a running job, first well and then pressed, for
// the documentation.
func TestScreenshots(t *testing.T) {
	if *screenshots == "" {
		t.Fatal("say where to draw, with -screenshots=FOLDER, as make screenshots does")
	}
	if err := os.MkdirAll(*screenshots, 0o755); err != nil {
		t.Fatal(err)
	}
	j := start(t, "shop")
	wide := look{width: 1280, height: 1130}
	p := open(t, j.address, wide)
	draw := func(p *tab, name string) {
		path := filepath.Join(*screenshots, "page-"+name+".png")
		p.picture(path)
		if err := compact(path); err != nil {
			t.Fatal(err)
		}
	}
	points := func(n int) string {
		return `document.querySelectorAll(".checkpoints tbody tr.complete").length >= ` + string(rune('0'+n))
	}
	p.within(60*time.Second, points(9))
	p.within(60*time.Second, `document.querySelector(".diagnosis.well")`)
	draw(p, "healthy")

	j.say(t, "press")
	bottleneck := `[...document.querySelectorAll(".finding:not(.note) .operator")].some((o) => o.innerText === "score") && document.querySelector('.arrow[data-pressure="starts"]')`
	p.within(40*time.Second, bottleneck)
	<-time.After(15 * time.Second) // so that it shows in the charts
	p.within(40*time.Second, bottleneck)
	draw(p, "light")
	p.click(`[data-operator="score"]`)
	p.click(".profile button")
	p.within(30*time.Second, `document.querySelectorAll(".flame button").length > 3`)
	draw(p, "subtasks")

	wide.dark = true
	dark := open(t, j.address, wide)
	dark.within(40*time.Second, bottleneck)
	dark.until(points(9))
	draw(dark, "dark")
	narrow := open(t, j.address, look{width: 390, height: 844, scale: 2})
	narrow.within(40*time.Second, bottleneck)
	draw(narrow, "narrow")
}

// picture takes a picture of what is in sight.
func (p *tab) picture(path string) {
	p.t.Helper()
	png, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, png, 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// compact writes a picture anew with at most 256 colours: those that it has most
// of, but none that is close to one taken before, so that rare ones are kept.
func compact(path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	from, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		return err
	}
	bounds := from.Bounds()
	counts := map[color.RGBA]int{}
	at := func(x, y int) color.RGBA {
		r, g, b, _ := from.At(x, y).RGBA()
		return color.RGBA{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8), 255}
	}
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			counts[at(x, y)]++
		}
	}
	most := slices.SortedFunc(maps.Keys(counts), func(a, b color.RGBA) int {
		return cmp.Or(counts[b]-counts[a], cmp.Compare(int(a.R)<<16|int(a.G)<<8|int(a.B), int(b.R)<<16|int(b.G)<<8|int(b.B)))
	})
	var palette color.Palette
	for _, c := range most {
		if len(palette) == 256 {
			break
		}
		if len(palette) == 0 || distance(c, palette[palette.Index(c)].(color.RGBA)) > 8 {
			palette = append(palette, c)
		}
	}
	to := image.NewPaletted(bounds, palette)
	nearest := map[color.RGBA]uint8{}
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			c := at(x, y)
			i, ok := nearest[c]
			if !ok {
				i = uint8(palette.Index(c))
				nearest[c] = i
			}
			to.SetColorIndex(x, y, i)
		}
	}
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, to); err != nil {
		return err
	}
	return os.WriteFile(path, out.Bytes(), 0o644)
}

// distance is the largest difference of a component.
func distance(a, b color.RGBA) int {
	most := 0
	for _, d := range []int{int(a.R) - int(b.R), int(a.G) - int(b.G), int(a.B) - int(b.B)} {
		most = max(most, d, -d)
	}
	return most
}
