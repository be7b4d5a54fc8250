package main

import (
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"pgchaos/cluster"
	"pgchaos/cluster/existing"
)

func newMarkCommand() *cobra.Command {
	remove := false
	cmd := &cobra.Command{
		Use:   "mark DSN",
		Short: "Mark a database as one whose cluster pgchaos may break (provider existing)",
		Long: `Add a mark to the comment on the database that the connection string DSN names. Without it pgchaos
does nothing to a cluster that it has not built. The comment that is there stays. Only the owner of
the database and superusers may do that; others get the SQL for them.`,
		Example: `  pgchaos mark postgres://owner@db1:5432/chaos?sslmode=verify-full
  pgchaos mark --remove postgres://owner@db1:5432/chaos?sslmode=verify-full`,
		Args: arguments(1, 1, "the connection string of the primary, with the database"),
		RunE: func(cmd *cobra.Command, args []string) error {
			usePasswords(cmd.Context())
			dsn, err := cluster.ParseDSN(args[0])
			if err != nil {
				return usageError(fmt.Errorf("mark: the connection string: %w", err))
			}
			done, err := existing.SetMark(cmd.Context(), dsn, remove)
			if err != nil {
				return fmt.Errorf("mark: %w", err)
			}
			return writeMark(cmd.OutOrStdout(), dsn, done, remove)
		},
	}
	cmd.Flags().BoolVar(&remove, "remove", false, "take the mark away")
	return cmd
}

// writeMark says what was done, and how it is taken back.
func writeMark(out io.Writer, dsn cluster.DSN, done existing.MarkChange, remove bool) error {
	command := func(flag string) string { return "pgchaos mark " + flag + withoutPassword(dsn) }
	var text string
	switch {
	case !done.Changed && remove:
		text = fmt.Sprintf("The database %s has no mark. Nothing was changed.\n", dsn.Database)
	case !done.Changed:
		text = fmt.Sprintf("The database %s is marked already. Nothing was changed. To take the mark back:\n  %s\n", dsn.Database, command("--remove "))
	case remove:
		text = fmt.Sprintf("pgchaos may no longer break the cluster of the database %s. It ran:\n  %s;\nTo mark it again:\n  %s\n", dsn.Database, done.SQL, command(""))
	default:
		text = fmt.Sprintf("pgchaos may break the cluster of the database %s now. It ran:\n  %s;\nTo take that back:\n  %s\n", dsn.Database, done.SQL, command("--remove "))
	}
	_, err := io.WriteString(out, text)
	return err
}

// withoutPassword is the connection string for a shell, whose history must not have a password.
func withoutPassword(dsn cluster.DSN) string {
	if strings.HasPrefix(dsn.Address.Host, "/") { // a socket's directory is no host of a URL
		return cluster.CommandLine([]string{dsn.Public()})
	}
	query := url.Values{}
	for name, value := range dsn.PublicSettings() {
		query.Set(name, value)
	}
	u := url.URL{Scheme: "postgres", User: url.User(dsn.User.Name), Host: dsn.Address.String(), Path: "/" + dsn.Database, RawQuery: query.Encode()}
	return cluster.CommandLine([]string{u.String()})
}
