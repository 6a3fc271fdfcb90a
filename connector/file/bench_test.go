package file

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
)

type flight struct {
	Date        time.Time `csv:"date"`
	Delay       int       `csv:"delay"`
	Distance    int       `csv:"distance"`
	Origin      string    `csv:"origin"`
	Destination string    `csv:"destination"`
}

func BenchmarkCSV(b *testing.B) {
	dir := b.TempDir()
	var text strings.Builder
	text.WriteString("date,delay,distance,origin,destination\n")
	for i := range 100_000 {
		fmt.Fprintf(&text, "2001-01-%02d %02d:%02d:00,%d,%d,%s,ATL\n", i%28+1, i%24, i%60, i%100-20, i%3000, []string{"LAX", "ANC", "RIC"}[i%3])
	}
	for _, name := range []string{"in.csv", "in.csv.gz"} {
		path := filepath.Join(dir, name)
		pack(b, path, text.String())
		b.Run(name, func(b *testing.B) {
			n := 0
			dst := event.NewRecords[flight](500)
			for b.Loop() {
				r, err := Source[flight](path).Open(context.Background(), connector.Subtask{Parallelism: 1})
				if err != nil {
					b.Fatal(err)
				}
				for done := false; !done; {
					dst.Reset()
					st, err := r.Poll(dst, connector.Limit{Records: 500, Bytes: 1 << 20})
					if err != nil {
						b.Fatal(err)
					}
					n += dst.Len()
					done = st.State == connector.Done
				}
				if err := r.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds()/1e6, "Mrows/s")
		})
	}
}
