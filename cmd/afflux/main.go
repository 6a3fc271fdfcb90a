// Command afflux runs pipelines, an embedded log for development, the demo and
// benchmarks.
package main

import (
	"context"
	"os"
)

func main() { os.Exit(execute(context.Background(), os.Args[1:])) }
