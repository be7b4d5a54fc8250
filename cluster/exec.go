package cluster

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// Executor is Files that can run a command among the node's own processes, where
// Run runs it beside them.
type Executor interface {
	Exec(ctx context.Context, cmd Command) (Output, error)
}

// ExecKeeps bounds what is kept of each of a command's streams, in bytes.
const ExecKeeps = 1 << 20

// execPassfile is the file that PGPASSFILE names, in the node's configuration directory.
const execPassfile = "exec.pgpass"

// Exec runs a line of shell on the node, as the server's user, and returns what it
// wrote, at most ExecKeeps of each stream. libpq's variables lead psql and PostgreSQL's
// other programs to the node's own server. It does not wait for other operations.
func (n *Node) Exec(ctx context.Context, line string) (Output, error) {
	files, err := n.files()
	if err != nil {
		return Output{}, err
	}
	creds := n.cluster.creds
	var passwords string
	for _, user := range []User{creds.Superuser, creds.Load} {
		passwords += fmt.Sprintf("*:*:*:%s:%s\n", user.Name, user.Password)
	}
	if err := n.put(ctx, n.confDir(), file{execPassfile, passwords}); err != nil {
		return Output{}, err
	}
	from := Vantage{From: FromServer}
	address := n.addressAt(from)
	env := []string{
		"PGHOST=" + address.Host, "PGPORT=" + strconv.Itoa(address.Port), "PGUSER=" + creds.Superuser.Name,
		"PGDATABASE=" + creds.Database, "PGPASSFILE=" + n.confDir() + "/" + execPassfile, "PGDATA=" + n.dataDir(),
	}
	for name, value := range n.Connection().Parameters(from) {
		env = append(env, "PG"+strings.ToUpper(name)+"="+value)
	}
	run := files.Run
	if e, ok := files.(Executor); ok {
		run = e.Exec
	}
	return run(ctx, Command{Argv: []string{"/bin/sh", "-c", line}, Keep: ExecKeeps, Env: env})
}
