package existing

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"

	"pgchaos/cluster"
)

// steps adds what the role lacks for the steps of the experiment: a step that would certainly fail is refused beforehand.
func (e *Examination) steps(ctx context.Context, x cluster.Existing) {
	p := e.primary()
	if p == nil || p.Error != nil {
		return
	}
	for _, n := range x.Nodes {
		if n.Name == p.Name && len(x.Rights) > 0 {
			if err := e.stepsOn(ctx, n.DSN, x.Rights); err != nil {
				e.add(Bad, n.Name, "", "look whether the role may do what the steps do: %v", err)
			}
		}
	}
}

func (e *Examination) stepsOn(ctx context.Context, dsn cluster.DSN, rights []cluster.Right) error {
	ctx, cancel := context.WithTimeout(ctx, examineTimeout)
	defer cancel()
	conn, err := connect(ctx, dsn, "doctor", false)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // which was only to read
	if _, err := conn.Exec(ctx, "set search_path = pg_catalog"); err != nil {
		return err
	}
	lacks := false
	for _, r := range rights {
		has := false
		if err := conn.QueryRow(ctx, "select "+r.Has).Scan(&has); err != nil {
			return err
		}
		if !has {
			lacks = true
			e.add(Bad, "", strings.ReplaceAll(r.Grant, "{role}", pgx.Identifier{dsn.User.Name}.Sanitize()), "the role may not do what the step %s does: %s", r.Step, r.What)
		}
	}
	if !lacks {
		e.add(Good, "", "", "the role has the rights that steps need beyond those of every run")
	}
	return nil
}
