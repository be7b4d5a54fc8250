package pgload

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Marked is the only database in which the sessions of a workload may do anything: the one of somebody's cluster whose comment has
// the mark. Schema is the run's own schema there, for the tables that are found by search_path.
type Marked struct{ SystemID, Database, Schema string }

// ErrForeign marks that a session led to another database than the marked one. It has done nothing there.
var ErrForeign = errors.New("nothing may be done there")

// allows tells whether a session may be used that is in a database of a server. A server that does not say whose it is may not.
func (m *Marked) allows(systemID, database string) error {
	switch {
	case m == nil:
		return nil
	case systemID == "":
		return fmt.Errorf("its server does not say which cluster it is of: %w", ErrForeign)
	case systemID != m.SystemID:
		return fmt.Errorf("its server is of another cluster, of system identifier %s: %w", systemID, ErrForeign)
	case database != m.Database:
		return fmt.Errorf("it leads to the database %s, and only %s is marked: %w", database, m.Database, ErrForeign)
	}
	return nil
}

// finds wants the tables without a schema in a name to be those of the run's own schema, and none of the user's: a pooler can keep
// search_path to itself.
func (m *Marked) finds(ctx context.Context, conn querier) error {
	if m == nil {
		return nil
	}
	var schema *string
	if err := conn.QueryRow(ctx, "select pg_catalog.current_schema()").Scan(&schema); err != nil {
		return fmt.Errorf("ask for the schema: %w", err)
	}
	if schema == nil || *schema != m.Schema {
		return fmt.Errorf("its tables would not be in the run's own schema: search_path does not get to the server: %w", ErrForeign)
	}
	return nil
}

// schemaSQL is what has to come before a table in a schema. In a marked database the run's schema is there, with the comment that
// tells whose it is; another one must not be made.
func (m *Marked) schemaSQL(schema string) []string {
	if m == nil {
		return makeSchema(schema)
	}
	return openSchema(schema)
}

// Servers are the settings of the workload's sessions, for each server that its URL names, or for the endpoint. They can have a password in
// them. Such a session accepts any server that answers, whatever its role.
func (c *Config) Servers(e Endpoint) (all []*pgx.ConnConfig, err error) {
	cc, err := c.settings(e)
	if err != nil {
		return nil, err
	}
	cc.ValidateConnect = nil
	cc.DefaultQueryExecMode = pgx.QueryExecModeExec // a pooler need not know of prepared statements
	ways := append([]*pgconn.FallbackConfig{{Host: cc.Host, Port: cc.Port, TLSConfig: cc.TLSConfig}}, cc.Fallbacks...)
	var names []string
	for _, way := range ways {
		name := net.JoinHostPort(way.Host, strconv.Itoa(int(way.Port)))
		at := slices.Index(names, name)
		if at < 0 {
			one := cc.Copy()
			one.Host, one.Port, one.TLSConfig, one.Fallbacks = way.Host, way.Port, way.TLSConfig, nil
			names, all = append(names, name), append(all, one)
			continue
		}
		all[at].Fallbacks = append(all[at].Fallbacks, way) // the same server, with TLS or without
	}
	return all, nil
}
