package afflux_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/connector/file"
)

// Read a CSV file, keep some of its rows, and write them to standard output.
func Example() {
	type Order struct {
		ID       int     `csv:"id"`
		Customer string  `csv:"customer"`
		Total    float64 `csv:"total"`
	}
	dir, err := os.MkdirTemp("", "orders")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "orders.csv")
	text := "id,customer,total\n1,ann,12.5\n2,bob,310\n3,ann,120\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		log.Fatal(err)
	}

	job := afflux.NewJob("large-orders")
	afflux.From(job, "orders", file.Source[Order](path)).
		Filter("large", func(o *Order) bool { return o.Total >= 100 }).
		To("out", file.Sink[Order]("-", file.CSV()))
	if err := job.Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// id,customer,total
	// 2,bob,310.0
	// 3,ann,120.0
}
