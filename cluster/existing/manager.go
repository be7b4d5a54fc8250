package existing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"pgchaos/cluster"
)

// manager asks what manages a cluster. It is the part of a host that makes it cluster.Managed.
type manager struct {
	of     cluster.ManagerAddress
	rest   rest
	nodes  []cluster.ExistingNode
	system string   // the system identifier of the cluster
	others []string // agents that Patroni has named beside those of the file
	// wait is how long one agent may take to answer before the next one is asked: one that hangs accepts connections, and says nothing.
	wait time.Duration
}

// Manager is its name.
func (m manager) Manager() string {
	if m.of.Patroni != "" {
		return "Patroni"
	}
	return "pg_auto_failover"
}

// Switchover asks for one.
func (m manager) Switchover(ctx context.Context, to string) error {
	if m.of.Patroni != "" {
		return m.patroniSwitchover(ctx, to)
	}
	return m.monitorSwitchover(ctx, to)
}

// ask has the first agent of this cluster that answers do something: of those that the file names, and of those that they have named. Where
// it says that it cannot, the next one is asked; never where it does not say what it has done.
func (m manager) ask(ctx context.Context, do func(agent string, members []patroniMember) error) error {
	var errs []error
	for _, agent := range slices.Concat(agents(m.of.Patroni), m.others) {
		members, err := m.members(ctx, agent)
		if err == nil {
			if err = do(agent, members); !cannot(err) {
				return err
			}
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// members are those that an agent names of this cluster. Where its address has become that of another cluster, it is an error: nobody has
// marked that one.
func (m manager) members(ctx context.Context, agent string) ([]patroniMember, error) {
	ctx, cancel := context.WithTimeout(ctx, m.wait)
	defer cancel()
	system, err := m.rest.system(ctx, agent)
	if err != nil {
		return nil, err
	}
	if system == "" || system != m.system {
		return nil, fmt.Errorf("patroni at %s manages another cluster: it names the system identifier %q, and the nodes have %s", hostOf(agent), system, m.system)
	}
	return m.rest.members(ctx, agent)
}

// cannot tells whether an agent says that it cannot do what it is asked for, or not for this user. An order names the leader that is to
// be exchanged, so that Patroni refuses to do it twice.
func cannot(err error) bool {
	var said *statusError
	return errors.As(err, &said) && (said.code >= http.StatusInternalServerError || said.code == http.StatusUnauthorized)
}

// otherAgents are the agents that a cluster's members name and the file does not. They get the file's user and password over https, or on a
// machine that the file names: anybody between reads them over http, and what answers there need not be of the cluster.
func otherAgents(named []string, members []patroniMember) (urls []string) {
	for _, member := range members {
		api, err := url.Parse(member.API)
		if err != nil || api.Host == "" {
			continue
		}
		api.User = nil
		known := false
		for _, n := range named {
			if of, err := url.Parse(n); err == nil {
				known = known || of.Host == api.Host
				if api.User == nil && of.Scheme == api.Scheme && (of.Scheme == "https" || of.Hostname() == api.Hostname()) {
					api.User = of.User
				}
			}
		}
		if api.Path = ""; !known {
			urls = append(urls, api.String())
		}
	}
	return urls
}

func (m manager) standby(node string) string {
	for _, n := range m.nodes {
		if n.Name == node && n.Standby != "" {
			return n.Standby
		}
	}
	return node
}

func (m manager) patroniSwitchover(ctx context.Context, to string) error {
	return m.ask(ctx, func(agent string, members []patroniMember) error { return m.exchange(ctx, agent, members, to) })
}

// exchange sends the order to an agent.
func (m manager) exchange(ctx context.Context, agent string, members []patroniMember, to string) error {
	leader, candidate := "", ""
	for _, member := range members {
		if member.leads() {
			leader = member.Name
		}
	}
	if leader == "" {
		return errors.New("it has no leader now, so that there is nothing to exchange")
	}
	if to != "" {
		candidate = m.standby(to)
	}
	body, err := cluster.SwitchoverOrder(leader, candidate)
	if err == nil {
		_, err = m.rest.request(ctx, http.MethodPost, agent, "/switchover", body)
	}
	return err
}

// Ready asks Patroni for what it looks at before it agrees to a switchover, and nothing else: the monitor of pg_auto_failover
// only says in its answer that it refuses.
func (m manager) Ready(ctx context.Context, to string) error {
	if m.of.Patroni == "" {
		return nil
	}
	if to != "" {
		to = m.standby(to)
	}
	return m.ask(ctx, func(agent string, members []patroniMember) error {
		config, err := m.rest.config(ctx, agent)
		if err != nil {
			return err
		}
		return wouldAgree(members, to, config)
	})
}

// patroniConfig is what is asked of Patroni's dynamic configuration.
type patroniConfig struct {
	Synchronous any `json:"synchronous_mode"` // true, or "on"; from Patroni 4 on also "quorum"
	Pause       any `json:"pause"`            // maintenance mode
}

func (r rest) config(ctx context.Context, agent string) (c patroniConfig, err error) {
	return c, r.getJSON(ctx, agent, "/config", &c)
}

// wouldAgree is nil where Patroni would make one of the members the leader: it has one, and in synchronous mode only a
// synchronous standby of its own list can follow it (is_failover_possible in patroni/api.py). In maintenance mode it chooses nobody itself.
func wouldAgree(members []patroniMember, to string, config patroniConfig) error {
	synchronous := isOn(config.Synchronous)
	if to == "" && isOn(config.Pause) {
		return errors.New("it is in maintenance mode, and exchanges the leader only for a node that is named")
	}
	if !slices.ContainsFunc(members, patroniMember.leads) {
		return errors.New("it has no leader")
	}
	for _, member := range members {
		if member.leads() || to != "" && member.Name != to {
			continue
		}
		if !synchronous || member.Role == "sync_standby" || member.Role == "quorum_standby" {
			return nil
		}
	}
	if !synchronous {
		return errors.New("it has no other member that could lead")
	}
	return errors.New(cmp.Or(to, "no member") + " is " + map[bool]string{true: "not "}[to != ""] + "a synchronous standby by its list")
}

// isOn tells whether a setting is on, as Patroni reads it.
func isOn(value any) bool {
	switch fmt.Sprint(value) {
	case "<nil>", "false", "off", "no", "0", "":
		return false
	}
	return true
}

// monitorSwitchover calls what pg_autoctl calls.
func (m manager) monitorSwitchover(ctx context.Context, to string) error {
	conn, end, err := toMonitor(ctx, m.of.PgAutoFailover)
	if err != nil {
		return err
	}
	defer end()
	if to == "" {
		err = asked(conn.Exec(ctx, cluster.MonitorFailoverSQL, m.system))
	} else {
		err = asked(conn.Exec(ctx, cluster.MonitorPromotionSQL, m.system, m.standby(to)))
	}
	if err != nil {
		return fmt.Errorf("ask the monitor for a switchover: %w", err)
	}
	return nil
}

// asked is an error where the monitor was asked for nothing, or for more than one.
func asked(tag pgconn.CommandTag, err error) error {
	if err == nil && tag.RowsAffected() != 1 {
		err = fmt.Errorf("it knows %d groups of this cluster, or standbys of this name, and not one", tag.RowsAffected())
	}
	return err
}

// system is the system identifier of the cluster that an agent manages.
func (r rest) system(ctx context.Context, url string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, agentTimeout)
	defer cancel()
	var answer struct {
		System string `json:"database_system_identifier"`
	}
	err := r.getJSON(ctx, url, "/patroni", &answer)
	return answer.System, err
}

// monitorSystems are the system identifiers of the clusters that a monitor manages.
func monitorSystems(ctx context.Context, dsn string) (ids []string, err error) {
	conn, end, err := toMonitor(ctx, dsn)
	if err != nil {
		return nil, err
	}
	defer end()
	rows, err := conn.Query(ctx, "select distinct sysidentifier::text from pgautofailover.node")
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// managed wants the manager to be that of this cluster: a switchover of another one would break what nobody has marked.
func (e *Examination) managed(ctx context.Context, x cluster.Existing) {
	p := e.primary()
	if p == nil || x.Manager == (cluster.ManagerAddress{}) {
		return
	}
	m := manager{of: x.Manager}
	ctx, cancel := context.WithTimeout(ctx, examineTimeout)
	defer cancel()
	if x.Manager.Patroni != "" {
		r, err := newREST(x.Manager.TLS)
		if err != nil {
			e.add(Bad, "", "mend cluster.existing.manager", "%s cannot be asked: %v", m.Manager(), err)
			return
		}
		if answered := e.agents(ctx, p, r, agents(x.Manager.Patroni)); len(answered) > 0 {
			e.paused(ctx, r, answered[0], x)
		}
		return
	}
	systems, err := monitorSystems(ctx, x.Manager.PgAutoFailover)
	e.manages(p, m.Manager(), systems, err)
}

// manages says whether what was asked manages the cluster.
func (e *Examination) manages(p *Seen, who string, systems []string, err error) {
	switch {
	case err != nil:
		e.add(Bad, "", "mend cluster.existing.manager, or leave it out", "%s cannot be asked: %v", who, err)
	case !slices.Contains(systems, p.SystemID):
		e.add(Bad, "", "check cluster.existing.manager", "%s manages another cluster: it names the system identifiers %q, and the nodes have %s", who, systems, p.SystemID)
	default:
		e.add(Good, "", "", "%s manages this cluster", who)
	}
}

// paused says where Patroni is in maintenance mode: nobody answers a fault then.
func (e *Examination) paused(ctx context.Context, r rest, agent string, x cluster.Existing) {
	config, err := r.config(ctx, agent)
	switch {
	case err != nil:
		e.add(Unknown, "", "check cluster.existing.manager", "it is not known whether Patroni is in maintenance mode: %v", err)
	case !isOn(config.Pause):
	case len(x.Chooses) > 0:
		e.add(Bad, "", "end it with 'patronictl resume', or name the node in the step", "Patroni is in maintenance mode, where it chooses no new primary, as %s has it do", strings.Join(x.Chooses, ", "))
	default:
		e.add(Unknown, "", "end it with 'patronictl resume'", "Patroni is in maintenance mode: it promotes no standby, and starts no server again")
		e.Warnings = append(e.Warnings, "Patroni was in maintenance mode before the load: it promoted no standby, and started no server again, until that ended")
	}
}

// agents looks at each agent of Patroni that the file names, and returns those that answer. One that answers is enough.
func (e *Examination) agents(ctx context.Context, p *Seen, r rest, urls []string) (answered []string) {
	silent := map[string]error{}
	for _, url := range urls {
		system, err := r.system(ctx, url)
		if err != nil {
			silent[url] = err
			continue
		}
		who := "Patroni"
		if len(urls) > 1 {
			who += " at " + hostOf(url)
		}
		e.manages(p, who, []string{system}, nil)
		answered = append(answered, url)
	}
	for _, url := range urls {
		switch err := silent[url]; {
		case err == nil:
		case len(answered) == 0:
			e.manages(p, "Patroni", nil, err)
		default:
			e.add(Unknown, "", "check cluster.existing.manager", "Patroni at %s does not answer, and a switchover asks the others: %v", hostOf(url), err)
		}
	}
	if members, err := r.membersByAny(ctx, answered); err == nil {
		e.others = otherAgents(urls, members)
	}
	return answered
}

// managedHost is a node of a cluster with a manager that can be asked.
type managedHost struct {
	host
	manager
}

// managedCommandedHost is such a node on whose machine commands run.
type managedCommandedHost struct {
	host
	machine
	manager
}
