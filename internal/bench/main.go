// Command bench holds pgchaos's load engine against pgbench and against arithmetic, on
// a server that it starts for itself, and writes the figures into docs/performance.md.
// `make bench` runs it; it takes some twenty minutes, and nothing else should be busy.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	rounds     int
	span       time.Duration // of each run of a pair
	operations int           // through the fake server
	only       string
	write      string
	profiles   string
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout io.Writer) error {
	if len(args) > 0 && args[0] == clientCommand {
		return client(ctx, stdin, stdout)
	}
	o := options{}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.IntVar(&o.rounds, "rounds", 9, "pairs of runs of each comparison")
	flags.DurationVar(&o.span, "span", 2*time.Second, "how long each run of a pair is")
	flags.IntVar(&o.operations, "operations", 100_000_000, "operations through the fake server")
	flags.StringVar(&o.only, "only", "", "measure only what has this `text` in its name")
	flags.StringVar(&o.write, "write", "", "write the table into this `file`, between its marks")
	flags.StringVar(&o.profiles, "profiles", "", "keep CPU profiles of the clients in this `directory`")
	if err := flags.Parse(args); err != nil {
		return err
	}
	return measureAll(ctx, &o, stdout)
}

// measureAll takes one measurement after the other, and writes the table.
func measureAll(ctx context.Context, o *options, stdout io.Writer) error {
	s, err := startServer(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = s.end() }() // a second time where all went well: it has no effect
	b := &bench{options: o, server: s, out: stdout}
	for _, m := range measures() {
		if !strings.Contains(m.name, o.only) {
			continue
		}
		fmt.Fprintf(stdout, "== %s\n", m.name)
		rows, err := m.take(ctx, b)
		if err != nil {
			return errors.Join(fmt.Errorf("%s: %w", m.name, err), s.end())
		}
		for _, r := range rows {
			fmt.Fprintf(stdout, "   %s\n", r)
		}
		b.rows = append(b.rows, rows...)
	}
	if err := s.end(); err != nil {
		return err
	}
	if o.write == "" {
		return nil
	}
	return writeTable(o.write, b)
}

// bench is one run of all the measurements.
type bench struct {
	*options
	server *server
	out    io.Writer
	rows   []row
}

// logf tells of one run.
func (b *bench) logf(format string, args ...any) { fmt.Fprintf(b.out, "   "+format+"\n", args...) }

// decode reads one JSON value.
func decode(from io.Reader, into any) error {
	if err := json.NewDecoder(from).Decode(into); err != nil {
		return fmt.Errorf("read what the client said: %w", err)
	}
	return nil
}
