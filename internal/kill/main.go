package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "worker" {
		os.Exit(worker(os.Args[2:]))
	}
	o := trial{}
	flag.IntVar(&o.rounds, "rounds", 20, "how often the job is killed")
	flag.StringVar(&o.broker, "broker", "embedded", "embedded or kafka")
	flag.Uint64Var(&o.seed, "seed", 1, "of the moments")
	flag.IntVar(&o.rate, "rate", 20_000, "records a second")
	flag.BoolVar(&o.faults, "faults", true, "also stop and pause the broker (kafka only)")
	flag.BoolVar(&o.verbose, "v", false, "tell of every round, and show the log of the job")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	r, err := o.run(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
	fmt.Println(r)
	if r.lost+r.doubled+r.wrong > 0 {
		os.Exit(1)
	}
}
