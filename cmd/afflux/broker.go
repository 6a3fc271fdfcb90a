package main

import (
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/internal/broker"
	"github.com/spf13/cobra"
)

func newBrokerCommand() *cobra.Command {
	o := broker.Options{}
	var topics []string
	cmd := &cobra.Command{
		Use:   "broker",
		Short: "Run an embedded log that speaks the Kafka protocol, for development",
		Long: `Run an embedded log that speaks the Kafka protocol, until interrupted.

It is for development, demonstrations and tests: a single node without
replication, encryption or authentication, on loopback. Any Kafka client can
use it. Keep data that matters in Apache Kafka or a compatible system.`,
		Example: `  afflux broker --topic clicks=4
  afflux broker --data-dir ./log --sync --listen 127.0.0.1:19092`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			seeds, err := parseTopics(topics)
			if err != nil {
				return exit(afflux.ExitUsage, err)
			}
			o.Topics = seeds
			if err := o.Check(); err != nil {
				return exit(afflux.ExitUsage, err)
			}
			o.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			b, err := broker.Start(ctx, o)
			if err != nil {
				return exit(afflux.ExitFailed, err)
			}
			where := "in memory: gone when it stops"
			if o.DataDir != "" {
				where = "in " + o.DataDir
			}
			fmt.Fprintf(os.Stderr, "listening on %s, data %s; for development only\n", b.Addr(), where)
			<-ctx.Done()
			return exit(afflux.ExitFailed, b.Close())
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Listen, "listen", broker.DefaultListen, "host:port to listen on")
	f.StringVar(&o.DataDir, "data-dir", "", "directory that keeps topics and offsets (default: in memory)")
	f.BoolVar(&o.SyncWrites, "sync", false, "force each batch to disk before it is acknowledged (needs --data-dir)")
	f.StringArrayVar(&topics, "topic", nil, "create a topic if it does not exist: NAME or NAME=PARTITIONS (repeatable)")
	return cmd
}

// parseTopics reads NAME or NAME=PARTITIONS.
func parseTopics(list []string) (map[string]int, error) {
	topics := map[string]int{}
	for _, s := range list {
		name, count, found := strings.Cut(s, "=")
		n := 1
		if found {
			var err error
			if n, err = strconv.Atoi(count); err != nil || n < 1 {
				return nil, fmt.Errorf("--topic %s: write NAME=PARTITIONS with at least 1 partition, like clicks=4", s)
			}
		}
		if name == "" {
			return nil, fmt.Errorf("--topic %s: the name is missing; write NAME or NAME=PARTITIONS", s)
		}
		topics[name] = n
	}
	return topics, nil
}
