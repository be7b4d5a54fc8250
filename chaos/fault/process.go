package fault

import (
	"context"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/internal/endsession"
)

//go:embed process.sql
var processSQL string

// OfProcess are the parameters of an action on one kind of process of a server: `{node: a, process: walsender}`.
type OfProcess struct {
	OnNodes `yaml:",inline"`

	Process string `yaml:"process" jsonschema:"required" jsonschema_description:"The kind of process."`
	Standby string `yaml:"standby" jsonschema_description:"Of walsenders only the one that serves this standby; all of them by default."`
}

// The kinds of process, as experiments write them.
const (
	walReceiver   = "walreceiver"
	WALSender     = "walsender"
	startupKind   = "startup"
	Archiver      = "archiver"
	clientBackend = "backend"
)

// processKinds are the kinds of process, and PostgreSQL's words for them (pg_stat_activity.backend_type).
func processKinds() [][2]string {
	return [][2]string{
		{walReceiver, "walreceiver"}, {WALSender, "walsender"}, {"walwriter", "walwriter"}, {"checkpointer", "checkpointer"},
		{startupKind, "startup"}, {Archiver, "archiver"}, {clientBackend, "client backend"},
	}
}

// Short keeps a node from being written without a process.
func (p *OfProcess) Short() any { return nil }

// Words are the kinds.
func (p *OfProcess) Words() map[string][]string {
	var words []string
	for _, kind := range processKinds() {
		words = append(words, kind[0])
	}
	return map[string][]string{"process": words}
}

// Check refuses a standby where there is no WAL sender.
func (p *OfProcess) Check() []Mistake {
	if p.Standby != "" && p.Process != WALSender {
		return []Mistake{{"standby", "only a walsender serves a standby", "leave standby out, or write process: walsender"}}
	}
	return nil
}

// ForStandbys tells whether only a standby has such a process.
func (p *OfProcess) ForStandbys() bool { return p.Process == walReceiver || p.Process == startupKind }

// Detail is the process.
func (p *OfProcess) Detail() string {
	if p.Standby != "" {
		return p.Process + " that serves " + p.Standby
	}
	return p.Process
}

// find are the processes on a node; an error where there is none.
func (p *OfProcess) find(ctx context.Context, n *cluster.Node) ([]cluster.ServerProcess, error) {
	i := slices.IndexFunc(processKinds(), func(kind [2]string) bool { return kind[0] == p.Process })
	if i < 0 {
		return nil, fmt.Errorf("%q is no kind of process", p.Process)
	}
	user := ""
	if p.Process == clientBackend {
		user = n.Credentials().Load.Name
	}
	conn, err := n.Connect(ctx, "process")
	if err != nil {
		return nil, err
	}
	defer endsession.Within(100*time.Millisecond, conn)
	rows, _ := conn.Query(ctx, processSQL, processKinds()[i][1], p.Standby, user) // CollectRows has its error
	pids, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		return nil, fmt.Errorf("look for a %s of %s: %w", p.Detail(), n.Name(), err)
	}
	found, err := n.ServerProcesses(ctx, pids)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("%s has no %s%s", n.Name(), p.Detail(), p.whyNone())
	}
	return found, err
}

// whyNone says why a server can have no such process.
func (p *OfProcess) whyNone() string {
	switch p.Process {
	case walReceiver:
		return ": it does not stream from another node"
	case WALSender:
		return ": no such standby streams from it"
	case startupKind:
		return ": it is no standby"
	case Archiver:
		return ": archive_mode is off, or PostgreSQL is older than 14"
	case clientBackend:
		return " of the load: no client is connected"
	}
	return ""
}

// noteProcesses notes which processes it was.
func (p *OfProcess) noteProcesses(act *chaos.Act, n *cluster.Node, all []cluster.ServerProcess) {
	var pids []string
	for _, one := range all {
		pids = append(pids, fmt.Sprint(one.PID))
	}
	act.Note("%s: %s, process %s", n.Name(), p.Detail(), strings.Join(pids, ", "))
}
