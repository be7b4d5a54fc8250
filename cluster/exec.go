package cluster

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// Executor runs a command on the node's machine, among the node's own processes where there is also Files, which runs it
// beside them.
type Executor interface {
	Exec(ctx context.Context, cmd Command) (Output, error)
}

// ExecKeeps bounds what is kept of each of a command's streams, in bytes.
const ExecKeeps = 1 << 20

// execPassfile is the file that PGPASSFILE names, in the node's configuration directory.
const execPassfile = "exec.pgpass"

// Exec runs a line of shell on the node, as the server's user, and returns what it
// wrote, at most ExecKeeps of each stream. libpq's variables lead psql and PostgreSQL's
// other programs to the node's own server, and PGCHAOS_RUN, PGCHAOS_NODE, PGCHAOS_HOST and PGCHAOS_PORT say where it
// runs; more are further variables. It does not wait for other operations.
func (n *Node) Exec(ctx context.Context, line string, more ...string) (Output, error) {
	if err := n.Can(CanCommand); err != nil {
		return Output{}, err
	}
	env, err := n.ExecEnvironment(ctx)
	if err != nil {
		return Output{}, err
	}
	return n.RunBeside(ctx, ExecCommand(line, append(env, more...)))
}

// RunBeside runs a command on the node as Exec does, without its environment.
func (n *Node) RunBeside(ctx context.Context, cmd Command) (Output, error) {
	host, err := n.machine()
	if err != nil {
		return Output{}, err
	}
	switch on := host.(type) {
	case Executor:
		return on.Exec(ctx, cmd)
	case Files:
		return on.Run(ctx, cmd)
	}
	return Output{}, &LacksError{CanCommand}
}

// Machine is what the user calls the node's machine, for {host} in commands; the node's name where it has no other.
func (n *Node) Machine() string {
	if host, err := n.machine(); err == nil {
		if named, ok := host.(interface{ Machine() string }); ok {
			return named.Machine()
		}
	}
	return n.Name()
}

// TryCommand shows that commands run on a machine, and changes nothing.
func TryCommand() Command {
	return Command{Argv: []string{"true"}, Keep: tryKeeps}
}

// tryKeeps is how much of what it says is kept, in bytes.
const tryKeeps = 4096

// ExecCommand is a line of shell with the environment of ExecEnvironment.
func ExecCommand(line string, env []string) Command {
	return Command{Argv: []string{"/bin/sh", "-c", line}, Keep: ExecKeeps, Env: env}
}

// ExecEnvironment is the environment of Exec. It holds no secrets, but the name of the file that has the passwords, which it
// writes. The same environment serves another pgchaos, as long as the node is there.
func (n *Node) ExecEnvironment(ctx context.Context) ([]string, error) {
	creds := n.cluster.creds
	if n.config.DSN != nil { // its machine is the user's, and gets no file of ours
		at := n.Address()
		return []string{
			"PGHOST=" + at.Host, "PGPORT=" + strconv.Itoa(at.Port), "PGUSER=" + creds.Load.Name, "PGDATABASE=" + creds.Database,
			"PGCHAOS_RUN=" + n.cluster.config.Run, "PGCHAOS_NODE=" + n.Name(), "PGCHAOS_HOST=" + at.Host, "PGCHAOS_PORT=" + strconv.Itoa(at.Port),
		}, nil
	}
	var passwords string
	for _, user := range []User{creds.Superuser, creds.Load} {
		passwords += fmt.Sprintf("*:*:*:%s:%s\n", user.Name, user.Password)
	}
	n.passing.Lock() // several commands can begin at once
	err := n.put(ctx, n.confDir(), file{execPassfile, passwords})
	n.passing.Unlock()
	if err != nil {
		return nil, err
	}
	from := Vantage{From: FromServer}
	address := n.addressAt(from)
	env := []string{
		"PGHOST=" + address.Host, "PGPORT=" + strconv.Itoa(address.Port), "PGUSER=" + creds.Superuser.Name,
		"PGDATABASE=" + creds.Database, "PGPASSFILE=" + n.confDir() + "/" + execPassfile, "PGDATA=" + n.dataDir(),
		"PGCHAOS_RUN=" + n.cluster.config.Run, "PGCHAOS_NODE=" + n.Name(), "PGCHAOS_HOST=" + address.Host, "PGCHAOS_PORT=" + strconv.Itoa(address.Port),
	}
	for name, value := range n.Connection().Parameters(from) {
		env = append(env, "PG"+strings.ToUpper(name)+"="+value)
	}
	return env, nil
}
