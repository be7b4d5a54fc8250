package pgload

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"

	"pgchaos/history/ledger"
)

// identitySQL tells which server this is: its system identifier, and the timeline
// that it writes, which a standby has none of. PostgreSQL grants both functions to
// everybody (13 to 18). pg_control_checkpoint knows a timeline too, but the one
// before until the first checkpoint after a promotion.
const identitySQL = `select system_identifier, case when not pg_is_in_recovery()
	then ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::int8 else 0 end
	from pg_control_system()`

// prepare prepares the statement on a new connection, and asks in the same round
// trip who answers, where that goes into a ledger. Nothing of the operation has
// been sent yet, so the connection is broken off when it is given up on.
func (s *session) prepare(ctx context.Context) error {
	unwatch := context.AfterFunc(ctx, s.wire.Load().sever)
	stmt, server, err := s.introduce()
	if !unwatch() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("prepare on %s: %w", s.node.name, err)
	}
	s.stmt = stmt
	if s.w.cfg.Kind == Insert {
		s.server = s.w.cfg.Ledger.AddServer(server)
	}
	if s.w.canInterrupt() {
		s.backend = &backend{node: s.node, pid: s.pg.PID(), secret: s.pg.SecretKey()}
	}
	return nil
}

// introduce prepares the statement and learns who the server is. One that does not
// tell is known by its node alone: that is no reason not to write.
func (s *session) introduce() (stmt *pgconn.StatementDescription, server ledger.Server, err error) {
	server.Node = s.node.name
	p := s.pg.StartPipeline(context.Background())
	defer func() {
		var refused *pgconn.PgError
		if end := p.Close(); err == nil && !errors.As(end, &refused) {
			err = end
		}
	}()
	p.SendPrepare("pgchaos", s.w.sql, nil)
	if s.w.cfg.Kind == Insert {
		p.SendQueryParams(identitySQL, nil, nil, nil, nil)
	}
	if err := p.Sync(); err != nil {
		return nil, server, err
	}
	answer, err := p.GetResults()
	if err != nil {
		return nil, server, err
	}
	stmt, _ = answer.(*pgconn.StatementDescription)
	stmt.Name, stmt.SQL = "pgchaos", s.w.sql
	if s.w.cfg.Kind != Insert {
		return stmt, server, nil
	}
	answer, err = p.GetResults()
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return stmt, server, nil
	}
	if rows, ok := answer.(*pgconn.ResultReader); ok {
		for rows.NextRow() {
			identify(rows.Values(), &server)
		}
	}
	return stmt, server, err
}

// identify reads identitySQL's row.
func identify(row [][]byte, server *ledger.Server) {
	if len(row) != 2 {
		return
	}
	server.SystemID = string(row[0])
	timeline, _ := strconv.ParseUint(string(row[1]), 10, 32) // 0: not known
	server.Timeline = uint32(timeline)
}
