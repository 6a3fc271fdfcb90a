// Command attribution plants bottlenecks in jobs that really run and listens to
// what the diagnosis says: it has ten seconds to name the operator and the cause,
// and must not accuse anybody else ahead of it. Of jobs that are well it must say
// nothing. The cases are a table; the diagnosis knows none of them.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"syscall"
)

func main() {
	pattern := flag.String("run", "", "run only the cases whose names match this regular expression")
	list := flag.Bool("list", false, "list the cases and run none")
	together := flag.Int("together", 4, "how many cases run at a time that mostly wait")
	flag.Parse()
	match, err := regexp.Compile(*pattern)
	if err != nil {
		fmt.Fprintln(os.Stderr, "error: -run:", err)
		os.Exit(2)
	}
	var cases []Case
	for _, c := range append(table, wells()...) {
		if match.MatchString(c.Name()) {
			cases = append(cases, c)
		}
	}
	if *list {
		for i := range cases {
			fmt.Println(cases[i].Name())
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	t := newTally(os.Stdout)
	suite(ctx, cases, *together, t.add)
	if !t.end() || ctx.Err() != nil {
		os.Exit(1)
	}
}
