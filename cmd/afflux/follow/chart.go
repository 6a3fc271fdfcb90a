package follow

import (
	"fmt"
	"image/color"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	_ "gonum.org/v1/plot/vg/vgimg" // writes PNG
	_ "gonum.org/v1/plot/vg/vgsvg" // writes SVG
)

var (
	blue   = color.RGBA{R: 0x1f, G: 0x6f, B: 0xc4, A: 0xff}
	orange = color.RGBA{R: 0xe0, G: 0x6c, B: 0x00, A: 0xff}
	grey   = color.RGBA{R: 0x90, G: 0x90, B: 0x90, A: 0xff}
)

// Formats are the endings of file names that Chart accepts.
var Formats = []string{".svg", ".png"}

// CheckChart tells whether Chart can draw to a file of that name.
func CheckChart(path string) error {
	if !slices.Contains(Formats, strings.ToLower(filepath.Ext(path))) {
		return fmt.Errorf("the chart %q cannot be written: its name must end in %s", path, strings.Join(Formats, " or "))
	}
	return nil
}

// Chart draws the throughput of both sides over time to a file; its ending
// chooses the format.
func (r *Result) Chart(path string) error {
	if err := CheckChart(path); err != nil {
		return err
	}
	p := plot.New()
	p.Title.Text = "Throughput of producer and consumer joined by 2 buffers of 4 096 bytes"
	p.Title.Padding = vg.Points(10)
	p.X.Label.Text = "seconds"
	p.Y.Label.Text = "% of full speed"
	p.X.Padding, p.Y.Padding = 0, 0
	p.X.Tick.Marker, p.Y.Tick.Marker = every(0.5), every(20)
	grid := plotter.NewGrid()
	grid.Vertical.Width = 0
	grid.Horizontal.Color = color.RGBA{R: 0xe4, G: 0xe4, B: 0xe4, A: 0xff}
	p.Add(grid)
	top := 120.0
	var produced, consumed plotter.XYs
	for _, s := range steps(r.samples) {
		at := (s.from + (s.to-s.from)/2).Seconds()
		produced = append(produced, plotter.XY{X: at, Y: 100 * s.producer / r.Max})
		consumed = append(consumed, plotter.XY{X: at, Y: 100 * s.consumer / r.Max})
		top = max(top, 100*s.producer/r.Max)
	}
	if err := r.phases(p, top+10); err != nil {
		return err
	}
	// The producer is a wide line below the thin one of the consumer: where
	// they agree, both are seen.
	for _, l := range []struct {
		name   string
		points plotter.XYs
		color  color.Color
		width  vg.Length
	}{{"producer", produced, orange, vg.Points(4)}, {"consumer", consumed, blue, vg.Points(1.2)}} {
		line, err := plotter.NewLine(l.points)
		if err != nil {
			return fmt.Errorf("the chart cannot be drawn: %w", err)
		}
		line.Color, line.Width = l.color, l.width
		p.Add(line)
		p.Legend.Add(l.name, line)
	}
	p.Legend.Top, p.Legend.Left = true, true
	p.Legend.XOffs, p.Legend.YOffs = vg.Points(8), -vg.Points(24)
	p.X.Min, p.Y.Min, p.Y.Max = 0, 0, top+20
	if n := len(r.Phases); n > 0 {
		p.X.Max = r.Phases[n-1].to.Seconds()
	}
	if err := p.Save(10*vg.Inch, 4.5*vg.Inch, path); err != nil {
		return fmt.Errorf("the chart cannot be written: %w", err)
	}
	return nil
}

// every is a ticker with a mark at each multiple of a step.
func every(step float64) plot.Ticker {
	return plot.TickerFunc(func(from, to float64) (ticks []plot.Tick) {
		for v := math.Ceil(from/step) * step; v <= to; v += step {
			ticks = append(ticks, plot.Tick{Value: v, Label: strconv.FormatFloat(v, 'g', 6, 64)})
		}
		return ticks
	})
}

// phases marks the changes and names what follows each, at height y.
func (r *Result) phases(p *plot.Plot, y float64) error {
	labels := plotter.XYLabels{}
	for i, ph := range r.Phases {
		if i > 0 {
			line, err := plotter.NewLine(plotter.XYs{{X: ph.from.Seconds(), Y: 0}, {X: ph.from.Seconds(), Y: y + 10}})
			if err != nil {
				return fmt.Errorf("the chart cannot be drawn: %w", err)
			}
			line.Color, line.Dashes = grey, []vg.Length{vg.Points(3), vg.Points(3)}
			p.Add(line)
		}
		middle := (ph.from + (ph.to-ph.from)/2) / time.Microsecond
		labels.XYs = append(labels.XYs, plotter.XY{X: float64(middle) / 1e6, Y: y})
		labels.Labels = append(labels.Labels, ph.Name)
	}
	names, err := plotter.NewLabels(labels)
	if err != nil {
		return fmt.Errorf("the chart cannot be drawn: %w", err)
	}
	for i := range names.TextStyle {
		names.TextStyle[i].XAlign, names.TextStyle[i].YAlign = text.XCenter, draw.YCenter
		names.TextStyle[i].Color = color.Gray{Y: 0x40}
	}
	p.Add(names)
	return nil
}
