package spec

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"pgchaos/chaos/fault"
	"pgchaos/cluster"
	"pgchaos/internal/redact"
)

const existingPath = "cluster.existing"

// The bounds of a run on somebody's cluster, where the file gives none.
const (
	defaultMaxRate = Rate(1000)
	defaultMaxWAL  = Size(10 << 30)
	defaultMaxLag  = Size(1 << 30)
	defaultMinFree = Size(1 << 30)
	defaultSettle  = Duration(2 * time.Minute)
)

// fillExisting fills in what the file leaves out of cluster.existing, and makes its nodes the nodes of the cluster.
func (e *Experiment) fillExisting(d *decoder) {
	x := e.Cluster.Existing
	if x == nil || e.Cluster.Provider != existingProvider {
		return
	}
	fill(d, existingPath+".max_rate", &x.MaxRate, defaultMaxRate)
	fill(d, existingPath+".max_wal", &x.MaxWAL, defaultMaxWAL)
	fill(d, existingPath+".max_lag", &x.MaxLag, defaultMaxLag)
	fill(d, existingPath+".min_free", &x.MinFree, defaultMinFree)
	fill(d, existingPath+".settle", &x.Settle, defaultSettle)
	e.Cluster.Nodes = nil
	for i := range x.Nodes {
		n := &x.Nodes[i]
		if n.Host == "" {
			n.Host = n.Name
		}
		e.Cluster.Nodes = append(e.Cluster.Nodes, Node{Name: n.Name, Absent: n.Unread})
	}
	if x.Clients == "" {
		return
	}
	for i := range e.Load {
		if w := &e.Load[i]; w.URL == "" && w.Route == "" && (w.Target == "" && w.Kind != kindRead || w.Target == "primary") {
			w.URL = x.Clients
		}
	}
}

// discover puts the nodes that a cluster or its manager names into the file, so that the resolved text repeats itself.
func (d *decoder) discover(root *yaml.Node, ask func(Discover) ([]ExistingNode, error)) {
	existing := child(root, "cluster", "existing")
	at := keyIndex(existing, "discover")
	if at < 0 {
		return
	}
	key, value := existing.Content[at], existing.Content[at+1]
	asked := newDecoder(d.file)
	var whom Discover
	asked.value(value, reflect.ValueOf(&whom).Elem(), existingPath+".discover")
	switch {
	case len(asked.problems) > 0:
		d.problems = append(d.problems, asked.problems...)
		return
	case keyIndex(existing, "nodes") >= 0:
		d.problemAt(key, "the file has both nodes and discover", "leave one of them out")
		return
	case ask == nil:
		d.problemAt(key, "the nodes cannot be asked for here", "name them: nodes: {NAME: {dsn: ...}}")
		return
	}
	nodes, err := ask(whom)
	if err != nil {
		d.problemAt(value, "discover: "+err.Error(), "name the nodes instead: nodes: {NAME: {dsn: ...}}")
		return
	}
	found := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: value.Line, Column: value.Column}
	text := func(s string) *yaml.Node { return textAt(s, value) }
	seen := map[string]bool{}
	for _, n := range nodes {
		if seen[n.Name] { // the one would hide the other
			d.problemAt(value, "discover: it found two nodes "+shown(n.Name), "name the nodes instead: nodes: {NAME: {dsn: ...}}")
			return
		}
		seen[n.Name] = true
		one := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: value.Line, Column: value.Column}
		for _, entry := range [][2]string{{"dsn", n.DSN}, {"standby", n.Standby}, {"host", n.Host}} {
			if entry[1] != "" {
				one.Content = append(one.Content, text(entry[0]), text(entry[1]))
			}
		}
		found.Content = append(found.Content, text(n.Name), one)
	}
	existing.Content[at], existing.Content[at+1] = scalarAt("nodes", key), found
	if keyIndex(existing, "manager") < 0 && (whom.Patroni != "" || whom.PgAutoFailover != "") {
		by := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: value.Line, Column: value.Column}
		for _, entry := range [][2]string{{"patroni", whom.Patroni}, {"pg_auto_failover", whom.PgAutoFailover}, {"cacert", whom.CACert}, {"certfile", whom.CertFile}, {"keyfile", whom.KeyFile}} {
			if entry[1] != "" {
				by.Content = append(by.Content, text(entry[0]), text(entry[1]))
			}
		}
		existing.Content = append(existing.Content, scalarAt("manager", key), by)
	}
}

// existing checks the cluster that is met.
func (v *validator) existing() {
	c := &v.e.Cluster
	switch {
	case c.Existing == nil && c.Provider == existingProvider:
		if !v.d.brokenUnder("cluster") {
			v.bad("cluster.provider", "the existing provider needs to know the cluster", "write existing: {nodes: {NAME: {dsn: postgres://USER@HOST:PORT/DATABASE}}} beside it")
		}
		return
	case c.Existing == nil:
		return
	case c.Provider != existingProvider:
		v.badKey(existingPath, "only the existing provider meets a cluster that is there", "write provider: existing")
		return
	}
	for _, key := range []string{"nodes", "settings", "postgres", "docker"} {
		if path := "cluster." + key; v.d.has(path) {
			v.badKey(path, "a cluster that is there is not built: it has its own "+key, "leave it out")
		}
	}
	x := c.Existing
	if len(x.Nodes) == 0 && !v.d.brokenUnder(existingPath) && !v.d.has(existingPath+".discover") && len(v.d.problems) == 0 {
		v.bad(existingPath, "the cluster has no nodes", "write nodes: {NAME: {dsn: ...}} in it, or discover: {patroni: URL}")
	}
	v.manager(x.Manager)
	v.existingNodes(x)
	v.existingClients(x)
	v.hooks(x)
	v.positive(existingPath+".settle", x.Settle)
	if x.Exec != "" {
		v.template(existingPath+".exec", x.Exec)
	}
	for i := range v.e.Load {
		v.existingWorkload(&v.e.Load[i])
	}
	v.existingRate(x)
}

// manager checks how the cluster's manager is asked.
func (v *validator) manager(m *Manager) {
	const path = existingPath + ".manager"
	if m == nil || v.d.brokenUnder(path) {
		return
	}
	switch {
	case m.Patroni == "" && m.PgAutoFailover == "":
		v.badKey(path, "this names no manager", "write patroni: URL or pg_auto_failover: DSN")
	case m.Patroni != "" && m.PgAutoFailover != "":
		v.badKey(path, "the cluster has two managers", "leave one of them out")
	case m.Patroni == "" && m.CACert+m.CertFile+m.KeyFile != "":
		v.badKey(path, "cacert, certfile and keyfile are for the agents of patroni", "leave them out: the monitor's connection string has sslrootcert and the like")
	case m.KeyFile != "" && m.CertFile == "":
		v.badKey(path+".keyfile", "there is no certfile for this key", "write certfile: FILE, or leave keyfile out")
	}
}

func (v *validator) existingNodes(x *Existing) {
	if len(x.Nodes) > 0 && !slices.ContainsFunc(x.Nodes, func(n ExistingNode) bool { return !n.Unread }) {
		v.badKey(existingPath+".nodes", "nothing leads to any of the nodes", "write the dsn of at least the primary")
	}
	var first *cluster.DSN
	firstName := ""
	addresses := map[cluster.Address]string{}
	for _, n := range x.Nodes {
		path := existingPath + ".nodes." + n.Name
		if strings.HasPrefix(n.Host, "-") {
			v.bad(path+".host", "host begins with a dash, which a program takes for an option", "write the machine's name")
		}
		if n.Host != "" && !cluster.PlainWord(n.Host) {
			v.bad(path+".host", fmt.Sprintf("host is %q, and a shell would not take that as it stands", n.Host), "write only letters, digits and these: - . _ : @ / % + = , (commands have it in the place of {host})")
		}
		switch {
		case n.Unread && n.DSN != "":
			v.badKey(path+".unread", "the node "+n.Name+" has a dsn, and so it can be read", "leave one of them out")
			continue
		case n.Unread:
			continue
		}
		if n.DSN == "" {
			if !v.d.brokenUnder(path) {
				v.badKey(path, "the node "+n.Name+" has no dsn", "write dsn: postgres://USER@HOST:PORT/DATABASE, or unread: true if nothing leads to it")
			}
			continue
		}
		dsn, err := cluster.ParseDSN(n.DSN)
		if err != nil {
			v.bad(path+".dsn", "dsn: "+err.Error(), "")
			continue
		}
		if other, twice := addresses[dsn.Address]; twice {
			v.bad(path+".dsn", fmt.Sprintf("%s is the address of %s, too", dsn.Address, other), "give each node its own")
		}
		addresses[dsn.Address] = n.Name
		if first == nil {
			first, firstName = &dsn, n.Name
			continue
		}
		if what := dsn.Differs(*first); what != "" {
			v.bad(path+".dsn", what+" is another one than that of "+firstName, "make it the same for all nodes: one user audits them all")
		}
	}
}

// existingClients checks where the load for the primary goes. The nodes are its list of hosts.
func (v *validator) existingClients(x *Existing) {
	if x.Clients == "" {
		return
	}
	_, err := cluster.ParseDSN(x.Clients)
	switch {
	case errors.Is(err, cluster.ErrSeveralHosts):
		v.bad(existingPath+".clients", "clients names several hosts", "leave it out: the load then goes to the nodes, and each client looks for the primary among them, as with a list of hosts; or name one proxy")
	case err != nil:
		v.bad(existingPath+".clients", "clients: "+err.Error(), "")
	}
}

func (v *validator) hooks(x *Existing) {
	for i := range x.Hooks {
		h := &x.Hooks[i]
		path := existingPath + ".hooks." + h.Name
		v.name(path, h.Name, "a hook")
		if h.Name == "hook" || slices.Contains(stepKeys(), h.Name) {
			v.badKey(path, shown(h.Name)+" is a key of every step", "choose another word")
		}
		if v.d.brokenUnder(path) {
			continue
		}
		switch {
		case h.Do == "":
			v.badKey(path, "the hook "+h.Name+" does nothing", "write do: COMMAND")
		case h.Proof == "":
			v.badKey(path, "nothing proves that the hook "+h.Name+" took effect", "write proof: down, silent, moved, or a command that must succeed")
		case x.Exec == "" && h.Exec == "":
			v.badKey(path, "nothing says how the command gets to the node", `write exec: "ssh {host} sudo -n {command}" in cluster.existing`)
		case redact.New(v.e.Secrets...).Text(h.Undo) != h.Undo:
			v.bad(path+".undo", "the undo of "+h.Name+" has a secret in it, and is written to disk before the command runs", "have the command read it from a file on the node's machine")
		case h.UndoAfter > 0 && h.Undo == "":
			v.badKey(path+".undo_after", "there is no undo to run", "write undo: COMMAND, or leave undo_after out")
		}
		v.positive(path+".undo_after", h.UndoAfter)
		v.positive(path+".timeout", h.Timeout)
		v.placeholders(path, h.Do, h.Undo, h.Proof)
		if h.Exec != "" {
			v.template(path+".exec", h.Exec)
		}
	}
}

// undoAfter demands of the dead man's switch of a hook that it takes nothing back that is to be in force: the report would not know.
func (v *validator) undoAfter(i int) {
	s := &v.e.Timeline[i]
	h, ok := s.Parameters().(*fault.RunHook)
	path := v.e.stepPath(i)
	if !ok || h.UndoAfter <= 0 || v.d.brokenUnder(path) {
		return
	}
	lasts, why := s.For, "for "+s.For.String()
	if s.For == 0 {
		lasts = v.e.restAfter(i)
		why = "until the end of the run, " + lasts.String() + " later at the earliest"
	}
	if lasts == 0 {
		why = "until the end of the run"
	}
	if least := lasts + h.Within; h.UndoAfter <= least {
		v.bad(path+".hook.undo_after", fmt.Sprintf("undo_after is %s, and the step %s is to be in force %s, after up to %s (within) in which its effect may show: the node's machine would take it back before", h.UndoAfter, s.Name, why, h.Within),
			fmt.Sprintf("write an undo_after of more than %s, or a shorter for or within", least))
	}
}

// restAfter is how long the run certainly goes on after a step has begun, by what the file says; 0: it does not say.
func (e *Experiment) restAfter(i int) (rest Duration) {
	s := &e.Timeline[i]
	if s.At == nil || s.After != "" {
		return 0
	}
	var last Duration
	if s.Cycle < 2 { // the times of each cycle count from its beginning
		last = e.Duration
	}
	for _, o := range e.Timeline[i+1:] {
		if o.At != nil && o.After == "" && o.Cycle == s.Cycle {
			last = max(last, *o.At)
		}
	}
	return max(0, last-*s.At)
}

// stepKeys are the keys of a step that are no actions.
func stepKeys() []string {
	keys, _ := fieldsOf(reflect.TypeFor[Step]())
	return keys
}

func (v *validator) template(path, text string) {
	if _, err := cluster.ParseExec(text); err != nil {
		v.bad(path, lastKey(path)+": "+err.Error(), "")
	}
}

// existingWorkload keeps a workload away from what is the user's: it gets tables of its own, in a schema of its own.
func (v *validator) existingWorkload(w *Workload) {
	path := "load." + w.Name
	for _, part := range w.Works() {
		if strings.Contains(part.Table, ".") {
			v.bad(path, part.Table+" is a table of a schema, and pgchaos uses only tables of its own in a cluster that is there", "write the table's name alone: it is made in a schema of the run")
		}
	}
}

// existingRate bounds what the load may do to somebody's cluster.
func (v *validator) existingRate(x *Existing) {
	if v.d.brokenUnder("load") || x.MaxRate <= 0 {
		return
	}
	var sum Rate
	read := 0
	for _, n := range x.Nodes {
		if !n.Unread {
			read++
		}
	}
	for i := range v.e.Load {
		w := &v.e.Load[i]
		most := w.Rate
		for _, s := range w.Stages {
			most = max(most, s.Rate)
		}
		if most == 0 {
			v.badKey("load."+w.Name, "nothing bounds the rate of "+w.Name+", and this is somebody's cluster", fmt.Sprintf("write rate: 100/s; all workloads together may have %s (max_rate)", x.MaxRate))
			return
		}
		if w.Target == "each" { // the rate of each node; all other targets share one
			most *= Rate(max(1, read))
		}
		sum += most
	}
	if sum > x.MaxRate {
		v.bad("load", fmt.Sprintf("the workloads together have a rate of %s, and max_rate is %s", sum, x.MaxRate), "lower the rates, or write a higher max_rate in cluster.existing")
	}
}

// placeholders refuses what stands in braces in the commands of a hook, and is not replaced there.
func (v *validator) placeholders(path, do, undo, proof string) {
	for _, c := range [][2]string{{"do", do}, {"undo", undo}, {"proof", proof}} {
		words, err := cluster.SplitCommand(c[1])
		if err != nil {
			continue // which is said where a step has it
		}
		if err := cluster.CheckForNode(words); err != nil {
			v.bad(path+"."+c[0], c[0]+": "+err.Error(), "")
		}
	}
}

// lacksInExisting says what the file of a cluster that is there lacks for an action; "": nothing, or nothing that it could have.
func (v *validator) lacksInExisting(a action) (what, right string) {
	x := v.e.Cluster.Existing
	if v.e.Cluster.Provider != existingProvider || x == nil {
		return "", ""
	}
	const how = `write exec: "ssh {host} sudo -n {command}" in cluster.existing`
	switch p := a.parameters.(type) {
	case *fault.Exec:
		if x.Exec == "" {
			return "nothing says how the command gets to the node", how
		}
	case *fault.RunHook:
		if x.Exec == "" && p.Exec == "" {
			return "nothing says how the command gets to the node", how
		}
	case *fault.Switchover, *fault.ManagerSwitchover:
		if x.Manager == nil {
			return "nothing says what manages the cluster and makes a switchover", "write manager: {patroni: URL} or manager: {pg_auto_failover: DSN} in cluster.existing, or give it a command of yours: hooks: {switchover: {do: COMMAND, proof: moved}}"
		}
	}
	return "", ""
}

// insteadOfHook is what a user can write where no capability serves: a hook.
func (v *validator) insteadOfHook(k fault.Kind) string {
	return fmt.Sprintf("give it a command of yours: hooks: {%s: {do: COMMAND, undo: COMMAND, proof: down}} in cluster.existing", k.Name)
}
