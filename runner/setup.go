package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/cluster"
	"pgchaos/internal/endsession"
	"pgchaos/load/script"
	"pgchaos/spec"
)

// setupStatement is one statement of load.setup.
type setupStatement struct {
	at  string // FILE:LINE, or load.setup:LINE
	sql string
}

// setupStatements are the statements of load.setup in their order. The error names
// everything in it that cannot be sent.
func setupStatements(e *spec.Experiment) (all []setupStatement, err error) {
	var errs []error
	for i, text := range e.Setup {
		name := "load.setup"
		switch {
		case e.SetupFile != "":
			name = e.SetupFile
		case len(e.Setup) > 1:
			name = fmt.Sprintf("load.setup[%d]", i)
		}
		statements, err := script.Split(name, text)
		errs = append(errs, err)
		for _, s := range statements {
			all = append(all, setupStatement{fmt.Sprintf("%s:%d", name, s.Line), s.SQL})
		}
	}
	return all, errors.Join(errs...)
}

// runSetup runs load.setup on the primary, as the user that the load runs as, each statement
// in a transaction of its own. It returns how long that took: a standby may need as long.
func runSetup(ctx context.Context, e *spec.Experiment, primary *cluster.Node, stage func(string)) (took time.Duration, err error) {
	statements, err := setupStatements(e)
	if err != nil || len(statements) == 0 {
		return 0, err
	}
	begin := time.Now()
	conn, err := pgx.Connect(ctx, primary.ConnString(primary.Credentials().Load, "setup"))
	if err != nil {
		return 0, fmt.Errorf("connect to %s as the load's user: %w", primary.Name(), err)
	}
	defer endsession.Within(goodbye, conn)
	if primary.Met() { // where it may touch nothing else
		if _, err := conn.Exec(ctx, "set search_path = "+pgx.Identifier{primary.Schema()}.Sanitize()); err != nil {
			return 0, fmt.Errorf("before %s: %w", statements[0].at, err)
		}
	}
	for i, s := range statements {
		stage(fmt.Sprintf("setting up: %s (statement %d of %d)", s.at, i+1, len(statements)))
		if _, err := conn.PgConn().Exec(ctx, s.sql).ReadAll(); err != nil {
			return 0, fmt.Errorf("%s, as the user %s: %w", s.at, primary.Credentials().Load.Name, err)
		}
	}
	return time.Since(begin), nil
}
