package existing

import (
	"context"

	"github.com/jackc/pgx/v5"

	"pgchaos/cluster"
)

// lookClients looks at the server that the load's clients get to.
func lookClients(ctx context.Context, x cluster.Existing) *Seen {
	dsn, err := clientsDSN(x)
	if err != nil {
		return &Seen{Error: err}
	}
	s := look(ctx, "", dsn, true)
	if s.Error == nil {
		s.Pooled, s.Error = pooledByTransaction(ctx, dsn)
	}
	if s.Error == nil && s.Pooled && x.Prepares {
		s.Apart, s.Error = keepsApart(ctx, dsn)
	}
	return &s
}

// pooledByTransaction tells whether a pooler gives each transaction a session of the server, as PgBouncer does with pool_mode =
// transaction: then one client gets the session that another one, which is still connected, had before, or two of them in turn.
func pooledByTransaction(ctx context.Context, dsn cluster.DSN) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, examineTimeout)
	defer cancel()
	var conns [2]*pgx.Conn
	for i := range conns {
		conn, err := connect(ctx, dsn, "doctor", true)
		if err != nil {
			return false, err
		}
		defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // which was only to read
		conns[i] = conn
	}
	if _, err := conns[1].Exec(ctx, beginReading); err != nil {
		return false, err
	}
	had := map[int]bool{}
	var last [len(conns)]int // what each had last
	for _, i := range []int{0, 1, 0, 0} {
		if err := conns[i].QueryRow(ctx, "select pg_catalog.pg_backend_pid()").Scan(&last[i]); err != nil {
			return false, err
		}
		had[last[i]] = true
	}
	if len(had) != len(conns) {
		return true, nil
	}
	// The transaction may have had its session since before the first question of the other client.
	if _, err := conns[1].Exec(ctx, "commit"); err != nil {
		return false, err
	}
	var first, other int
	if err := conns[1].QueryRow(ctx, "select pg_catalog.pg_backend_pid()").Scan(&first); err != nil {
		return false, err
	}
	if err := conns[0].QueryRow(ctx, "select pg_catalog.pg_backend_pid()").Scan(&other); err != nil {
		return false, err
	}
	return first == other || first != last[1] || other != last[0], nil
}

// clientsDSN is where clients leads, as the load connects: with the nodes' user and database, where it has none of its own.
func clientsDSN(x cluster.Existing) (cluster.DSN, error) {
	dsn, err := cluster.ParseDSN(x.Clients)
	if err != nil {
		return dsn, err
	}
	nodes := x.Nodes[0].DSN
	dsn.User, dsn.Database = dsn.UserOr(x.Clients, nodes.User), dsn.DatabaseOr(x.Clients, nodes.Database)
	return dsn, nil
}

// keepsApart tells whether a pooler knows the prepared statements of each client, and gives them names of its own on the servers, as
// PgBouncer does from 1.21 on with max_prepared_statements > 0. Else a server would have them by the client's name, for all clients.
func keepsApart(ctx context.Context, dsn cluster.DSN) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, examineTimeout)
	defer cancel()
	// All in one transaction, and so on one server: nothing is left there.
	conn, end, err := beginReadingAt(ctx, dsn)
	if err != nil {
		return false, err
	}
	defer end()
	const name, statement = "pgchaos_doctor", "select 1 as pgchaos_doctor"
	if _, err := conn.PgConn().Prepare(ctx, name, statement, nil); err != nil {
		return false, err
	}
	var here, renamed bool
	if err := conn.QueryRow(ctx, "select coalesce(bool_or(name = $1), false), count(*) > 0 from pg_catalog.pg_prepared_statements where statement = $2", name, statement).Scan(&here, &renamed); err != nil {
		return false, err
	}
	if err := conn.PgConn().Deallocate(ctx, name); err != nil {
		return false, err
	}
	_, err = conn.Exec(ctx, "commit")
	return renamed && !here, err
}
