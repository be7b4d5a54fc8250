package main

import (
	"fmt"
	"io"

	"github.com/spf13/pflag"

	"pgchaos/internal/listen"
	"pgchaos/monitoring"
	"pgchaos/runner"
)

// metricsFlags serve the metrics of runs to Prometheus.
type metricsFlags struct {
	address  string
	flag     *pflag.Flag
	exporter *monitoring.Exporter // while the metrics are served; nil: they are not
}

func (f *metricsFlags) register(flags *pflag.FlagSet) {
	groupFlags(flags, groupRunning, func(flags *pflag.FlagSet) {
		flags.StringVar(&f.address, "metrics", "", "serve metrics for Prometheus at `HOST:PORT`, such as 127.0.0.1:9187")
		f.flag = flags.Lookup("metrics")
	})
}

// wanted tells whether the metrics were asked for.
func (f *metricsFlags) wanted() bool { return f.flag != nil && f.flag.Changed }

// checkAddress refuses an address at which nothing can be served, before anything else is done.
func (f *metricsFlags) checkAddress() error {
	if !f.wanted() {
		return nil
	}
	if err := listen.Check(f.address); err != nil {
		return usageError(fmt.Errorf("--metrics %s: %w", f.address, err))
	}
	return nil
}

// serveMetrics serves the metrics of all runs until end is called, where they were asked for.
func (f *metricsFlags) serveMetrics(stderr io.Writer) (end func(), err error) {
	if !f.wanted() {
		return func() {}, nil
	}
	exporter := monitoring.New()
	server, err := exporter.Listen(f.address)
	if err != nil {
		return nil, usageError(fmt.Errorf("--metrics %s: %w", f.address, err))
	}
	f.exporter = exporter
	fmt.Fprintf(stderr, "-- metrics at %s\n", server.URL())
	if warning := server.Warning("--metrics"); warning != "" {
		fmt.Fprintln(stderr, "-- "+warning)
	}
	return func() {
		if err := server.Close(); err != nil { // which takes nothing from the verdict
			fmt.Fprintf(stderr, "warning: the metrics at %s were not served to the end: %v\n", server.URL(), err)
		}
	}, nil
}

// sinksOf adds the metrics to the sinks of a run.
func (f *metricsFlags) sinksOf(others ...runner.Sink) []runner.Sink {
	if f.exporter != nil {
		others = append(others, f.exporter.Take)
	}
	return others
}

// samplesOf adds the metrics to those who take a run's samples.
func (f *metricsFlags) samplesOf(others ...runner.Samples) []runner.Samples {
	if f.exporter != nil {
		others = append(others, f.exporter)
	}
	return others
}
