package cluster

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/internal/wait"
)

// OtherRun is another run of pgchaos on a cluster that was there before, as one of the nodes shows it.
type OtherRun struct {
	Run      string // its id; where it has no schema here, only the end of it
	Schema   string // "": it is in another database
	Database string
	Sessions int // of it on the node; 0: its pgchaos is gone, or the run was kept
}

// schemaComment begins the comment on the schema of every run.
const schemaComment = "pgchaos run "

//go:embed otherruns.sql
var otherRunsSQL string

// OtherRuns are the runs beside one, which is "" before it has begun.
func OtherRuns(ctx context.Context, conn *pgx.Conn, run string) (all []OtherRun, err error) {
	rows, err := conn.Query(ctx, otherRunsSQL, run, OwnApp, schemaComment, appRun)
	if err != nil {
		return nil, fmt.Errorf("look for other runs: %w", err)
	}
	var r OtherRun
	_, err = pgx.ForEachRow(rows, []any{&r.Run, &r.Schema, &r.Database, &r.Sessions}, func() error {
		if isRunID(r.Run) && (r.Schema == "" || r.Schema == RunSchema(r.Run)) {
			all = append(all, r)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look for other runs: %w", err)
	}
	return all, nil
}

// isRunID tells whether a text that anybody can have written, such as a comment, can be the id of a run. It stands in commands to copy.
func isRunID(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_.", r)
	})
}

// AtWork says that the run goes on.
func (r OtherRun) AtWork() string {
	return fmt.Sprintf("another run of pgchaos is at work on this cluster, and each would see what the other one breaks: %s, with the schema %s and sessions (%d)", r.Run, r.Schema, r.Sessions)
}

// How long, once a run has its schema, it looks for the sessions of another one that began at the same moment, and how often.
const (
	otherRunTimeout = 2 * time.Second
	otherRunEvery   = 100 * time.Millisecond
)

// alone wants no other run to have begun since the cluster was looked at. The run has its schema by now: of two that begin at the same moment, the
// one whose schema came later sees that of the other one, whose sessions tell it from one that a killed run has left.
func (n *Node) alone(ctx context.Context, conn *pgx.Conn) error {
	waiting, cancel := context.WithTimeout(ctx, otherRunTimeout)
	defer cancel()
	for {
		all, err := OtherRuns(ctx, conn, n.Run())
		if err != nil {
			return err
		}
		schemas := 0
		for _, r := range all {
			if r.Schema == "" {
				continue
			}
			if schemas++; r.Sessions > 0 {
				return errors.New(r.AtWork())
			}
		}
		if schemas == 0 || wait.For(waiting, otherRunEvery) != nil {
			return nil
		}
	}
}
