package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"pgchaos/internal/listen"
	"pgchaos/store/web"
)

// serveAddress is where the pages are by default: beside those of a run with --web 127.0.0.1:8080.
const serveAddress = "127.0.0.1:8081"

func newServeCommand() *cobra.Command {
	var where, address string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Show the runs of a store in a browser",
		Long: `Show the runs of a store in a browser: a list with filters, the report of each run, how metrics changed
from night to night, and the comparison of any two runs. It goes on until Ctrl-C.

The pages can only be looked at, and the store is not changed. By default this machine alone can reach
them. At another address other machines can, too: no password is asked for.`,
		Example: `  pgchaos serve --store nightly                                 at http://127.0.0.1:8081/
  pgchaos serve --store 'postgres://pgchaos@db/history?files=/srv/pgchaos'
  pgchaos serve --store nightly --listen 0.0.0.0:8081           for other machines, too`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return serveStore(cmd, where, address) },
	}
	cmd.Flags().StringVar(&where, "store", "", "show the store `DIR-OR-URL`")
	cmd.Flags().StringVar(&address, "listen", serveAddress, "serve at `HOST:PORT`; port 0 is any free one")
	_ = cmd.MarkFlagDirname("store") // it fails for a flag that is not there
	return cmd
}

// serveStore serves until the command is interrupted, which is its usual end.
func serveStore(cmd *cobra.Command, where, address string) error {
	if where == "" {
		return usageOf(cmd, errors.New("serve needs --store: a directory, or the URL of a PostgreSQL database"))
	}
	if err := listen.Check(address); err != nil {
		return usageError(fmt.Errorf("--listen %s: %w", address, err))
	}
	server, err := web.New(cmd.Context(), web.Options{Store: where, Version: version(), Log: cmd.ErrOrStderr()})
	if err != nil {
		return storeError("serve", err)
	}
	l, err := listen.On(address)
	if err != nil {
		return usageError(fmt.Errorf("--listen %s: %w", address, err))
	}
	if warning := l.Warning("--listen"); warning != "" {
		fmt.Fprintln(cmd.ErrOrStderr(), warning)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "the runs of the store %s are at %s until Ctrl-C\n", server.Name(), l.URL())
	return server.Serve(cmd.Context(), l)
}
