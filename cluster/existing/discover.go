package existing

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/cluster"
)

// Ask is whom to ask for the nodes of a cluster: the first that is set.
type Ask struct {
	Patroni        string // the URL of a REST API
	PgAutoFailover string // the connection string of a monitor
	DSN            string // a connection string with several hosts
	TLS            cluster.ManagerTLS
	As             string // a connection string without a host: how the nodes that a manager names are connected to
}

// Found is a node that was found.
type Found struct{ Name, DSN, Standby, Host string }

// discoverTimeout bounds how long it may take to find the nodes.
const discoverTimeout = 10 * time.Second

// Discover asks for the nodes of a cluster. It only reads.
func Discover(ctx context.Context, a Ask) ([]Found, error) {
	ctx, cancel := context.WithTimeout(ctx, discoverTimeout)
	defer cancel()
	switch {
	case a.Patroni == "" && a.TLS != cluster.ManagerTLS{}:
		return nil, errors.New("cacert, certfile and keyfile are for the agents of patroni: leave them out")
	case a.Patroni != "":
		return fromPatroni(ctx, a)
	case a.PgAutoFailover != "":
		return fromMonitor(ctx, a)
	case a.DSN != "":
		return fromHosts(ctx, a.DSN)
	}
	return nil, errors.New("it says nobody to ask: write patroni: URL, pg_auto_failover: DSN or dsn: DSN")
}

// at is how a node that a manager names is connected to.
func (a Ask) at(host string, port int) (string, error) {
	if a.As == "" {
		return "", errors.New("it does not say as whom the nodes are connected to: write as: postgres:///DATABASE?user=NAME&sslmode=verify-full beside it")
	}
	dsn, err := cluster.DSNAt(a.As, cluster.Address{Host: host, Port: port})
	if err != nil {
		return "", fmt.Errorf("as: %w", err)
	}
	return dsn, nil
}

// patroniMember is what GET /cluster says of a node.
type patroniMember struct {
	Name string          `json:"name"`
	Role string          `json:"role"`
	Host string          `json:"host"`
	Port json.RawMessage `json:"port"` // a number, or in some versions a text
	API  string          `json:"api_url"`
}

func (m patroniMember) leads() bool { return m.Role == "leader" || m.Role == "standby_leader" }

func (r rest) members(ctx context.Context, url string) ([]patroniMember, error) {
	var answer struct {
		Members []patroniMember `json:"members"`
	}
	err := r.getJSON(ctx, url, "/cluster", &answer)
	return answer.Members, err
}

// agents are the URLs of a list of them, with commas between.
func agents(list string) (urls []string) {
	for url := range strings.SplitSeq(list, ",") {
		if url = strings.TrimSpace(url); url != "" {
			urls = append(urls, url)
		}
	}
	return urls
}

// agentTimeout is how long one agent may take to answer before the next one is asked: one that hangs accepts connections, and says nothing.
const agentTimeout = 3 * time.Second

// membersByAny are the members that the first of several agents names that answers.
func (r rest) membersByAny(ctx context.Context, urls []string) ([]patroniMember, error) {
	var errs []error
	for _, url := range urls {
		limited, cancel := context.WithTimeout(ctx, agentTimeout)
		members, err := r.members(limited, url)
		cancel()
		if err == nil {
			return members, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

func fromPatroni(ctx context.Context, a Ask) (found []Found, err error) {
	var called []string
	r, err := newREST(a.TLS)
	if err != nil {
		return nil, err
	}
	members, err := r.membersByAny(ctx, agents(a.Patroni))
	if err != nil {
		return nil, err
	}
	for _, m := range members {
		called = append(called, m.Name)
		port, err := strconv.Atoi(strings.Trim(string(m.Port), `"`))
		if err != nil {
			return nil, fmt.Errorf("patroni names the port %s of %s", m.Port, m.Name)
		}
		dsn, err := a.at(m.Host, port)
		if err != nil {
			return nil, err
		}
		// Patroni gives each standby its member's name as application_name.
		found = append(found, Found{DSN: dsn, Standby: m.Name, Host: m.Name})
	}
	return named(found, called)
}

//go:embed monitor.sql
var monitorSQL string

// toMonitor connects to the monitor of pg_auto_failover; end ends the session.
func toMonitor(ctx context.Context, dsn string) (conn *pgx.Conn, end func(), err error) {
	conn, err = pgx.Connect(ctx, dsn)
	if err != nil {
		return nil, nil, fmt.Errorf("ask the monitor: %w", cluster.WithoutDSN(err))
	}
	return conn, func() { _ = conn.Close(context.WithoutCancel(ctx)) }, nil
}

// fromMonitor asks the monitor of pg_auto_failover.
func fromMonitor(ctx context.Context, a Ask) (found []Found, err error) {
	conn, end, err := toMonitor(ctx, a.PgAutoFailover)
	if err != nil {
		return nil, err
	}
	defer end()
	rows, err := conn.Query(ctx, monitorSQL)
	if err != nil {
		return nil, fmt.Errorf("ask the monitor: %w", err)
	}
	var id int64
	var name, host, group, first string
	var port int
	var called []string
	_, err = pgx.ForEachRow(rows, []any{&id, &name, &host, &port, &group}, func() error {
		if first = cmp.Or(first, group); group != first {
			return fmt.Errorf("it manages several groups of nodes, %s and %s: name the nodes of one", first, group)
		}
		dsn, err := a.at(host, port)
		called = append(called, name)
		found = append(found, Found{DSN: dsn, Standby: fmt.Sprintf("pgautofailover_standby_%d", id), Host: name})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("ask the monitor: %w", err)
	}
	return named(found, called)
}

// fromHosts makes a node of each host of a connection string. What its application_name is as a standby, is asked of it later.
func fromHosts(ctx context.Context, dsn string) (found []Found, err error) {
	hosts, err := cluster.DSNHosts(dsn)
	if err != nil {
		return nil, fmt.Errorf("dsn: %w", err)
	}
	var called []string
	for _, at := range hosts {
		one, err := cluster.DSNAt(dsn, at)
		if err != nil {
			return nil, fmt.Errorf("dsn: %w", err)
		}
		called = append(called, at.Host)
		found = append(found, Found{DSN: one, Host: at.Host})
	}
	if slices.ContainsFunc(called, isAddress) { // whose numbers tell a reader little
		return numbered(found), ctx.Err()
	}
	if all, err := named(found, called); err == nil {
		return all, ctx.Err()
	}
	return numbered(found), ctx.Err()
}

// numbered calls the nodes n1, n2 and so on.
func numbered(found []Found) []Found {
	for i := range found {
		found[i].Name = fmt.Sprintf("n%d", i+1)
	}
	return found
}

// named gives each node a name that an experiment can have, made of what others call it: of the first part of that, and of all of it where
// that is an address, or where several begin alike. It is an error where two nodes would have one name: the one would hide the other.
func named(found []Found, called []string) ([]Found, error) {
	short := func(name string) string {
		if isAddress(name) {
			return nodeName(name)
		}
		first, _, _ := strings.Cut(name, ".")
		return nodeName(first)
	}
	alike, owner := map[string]int{}, map[string]string{}
	for _, name := range called {
		alike[short(name)]++
	}
	for i, name := range called {
		of := short(name)
		if alike[of] > 1 {
			of = nodeName(name)
		}
		switch other, taken := owner[of]; {
		case of == "":
			return nil, fmt.Errorf("a node is called %q, which makes no name", name)
		case taken:
			return nil, fmt.Errorf("two nodes, called %q and %q, would both have the name %s", other, name, of)
		}
		found[i].Name, owner[of] = of, name
	}
	return found, nil
}

func isAddress(name string) bool {
	_, err := netip.ParseAddr(name)
	return err == nil
}

// nodeName is a name for a node that an experiment can have, made of what others call it.
func nodeName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_' || r == '-' {
			return r
		}
		return '-'
	}, strings.ToLower(name))
	if name != "" && (name[0] < 'a' || name[0] > 'z') {
		return "n" + name
	}
	return name
}
