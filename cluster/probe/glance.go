package probe

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"pgchaos/internal/timelinesql"
	"pgchaos/record"
)

//go:embed glance.sql
var glanceText string

var glanceSQL = settingSQL + timelinesql.Expand(glanceText)

// glance asks anew what changes within milliseconds: role, timeline, positions,
// standbys, and what commits wait for. The rest stays as it was read over the same
// connection, where pg_settings, pg_stat_activity and the list of WAL files are what
// makes Read dear. The session must not have a synchronous_commit of its own.
func glance(ctx context.Context, conn *pgx.Conn, last record.NodeState, load string) (record.NodeState, error) {
	s := last
	var commit *string
	var readOnly *bool
	var inRecovery bool
	var timeline *int64
	var lsn, received, standbys string
	err := conn.QueryRow(ctx, glanceSQL, load).Scan(&inRecovery, &timeline, &lsn, &received, &s.Streaming, &s.SyncNames,
		&commit, &s.CommitOfRole, &readOnly, &standbys)
	if err != nil {
		return record.NodeState{Node: last.Node}, fmt.Errorf("glance at the state of %s: %w", last.Node, err)
	}
	s.Role = record.RolePrimary
	if inRecovery {
		s.Role = record.RoleStandby
	}
	if commit != nil { // else only a full reading can tell
		s.SyncCommit = commitWord(*commit)
	}
	s.Writable = writable(inRecovery, readOnly)
	if timeline != nil { // else there is no receiver, and the timeline is still that of the newest WAL
		s.Timeline = uint32(*timeline)
	}
	s.Standbys = nil // not to write into the array of the state before
	err = errors.Join(
		s.LSN.UnmarshalText([]byte(lsn)),
		s.Received.UnmarshalText([]byte(received)),
		json.Unmarshal([]byte(standbys), &s.Standbys),
	)
	if err != nil {
		return record.NodeState{Node: last.Node}, fmt.Errorf("glance at the state of %s: %w", last.Node, err)
	}
	return s, nil
}
