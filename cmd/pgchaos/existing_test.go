package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"pgchaos/internal/plaincluster"
	"pgchaos/report"
)

// met is a cluster that pgchaos has not built, and a place for its runs.
type met struct {
	*place
	*plaincluster.Cluster
	file string
}

// existingFile is an experiment that kills the standby by a command, and starts it again.
const existingFile = `
name: met
description: kill the standby by a command, and start it again
cluster:
  provider: existing
  existing:
    nodes:
      n1: {dsn: "%[1]s"}
      n2: {dsn: "%[2]s"}
    exec: "env NODE={host} {command}"
    hooks:
      kill: {do: "sh -c '%[3]s/kill $NODE'", undo: "sh -c '%[3]s/start $NODE'", proof: down}
load:
  writes: {kind: insert, clients: 2, rate: 50/s}
timeline:
  - {name: lost, at: 500ms, kill: n2, for: 500ms}
  - {name: healed, verify: {primary: n1, streaming: replicas, within: 30s}}
  - {wait: 500ms}
`

func meet(t *testing.T) *met {
	t.Helper()
	p := newPlace(t)
	m := &met{place: p, Cluster: plaincluster.Start(t)}
	m.file = p.write("met.yaml", fmt.Sprintf(existingFile, m.DSN("n1", plaincluster.Database, ""), m.DSN("n2", plaincluster.Database, ""), m.Dir))
	return m
}

func (m *met) mark() {
	m.t.Helper()
	if code, out, errs := m.run("mark", m.DSN("n1", plaincluster.Database, "postgres")); code != exitPass {
		m.t.Fatalf("exit code %d: %s%s", code, out, errs)
	}
}

// unchanged fails the test where something of a run is left.
func (m *met) unchanged() {
	m.t.Helper()
	for what, sql := range map[string]string{
		"schemas":          "select count(*)::text from pg_namespace where nspname like 'pgchaos%'",
		"changed settings": "select count(*)::text from pg_file_settings where sourcefile like '%auto.conf' and name not like 'primary_%'",
	} {
		if n := m.Get(m.t, "n1", plaincluster.Database, sql); n != "0" {
			m.t.Errorf("%s: %s", what, n)
		}
	}
	if n := m.Get(m.t, "n1", plaincluster.Database, "select count(*) || ' ' || sum(id) from customers"); n != "100 5050" {
		m.t.Errorf("the table of somebody has %s", n)
	}
	if records, err := filepath.Glob(m.base + "-existing/*"); len(records) > 0 || err != nil {
		m.t.Errorf("records: %v, %v", records, err)
	}
}

// doctored is the output of doctor, without what differs from machine to machine.
func (m *met) doctored(args ...string) (code int, text string) {
	m.t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(m.t.Context(), append([]string{"doctor"}, args...), nil, &stdout, &stderr)
	return code, m.masked(stdout.String() + stderr.String())
}

func (m *met) masked(text string) string {
	version := m.Get(m.t, "n1", plaincluster.Database, "show server_version")
	for from, to := range map[string]string{
		m.Dir: "DIR", version: "VERSION", strconv.Itoa(m.Ports["n1"]): "PORT1", strconv.Itoa(m.Ports["n2"]): "PORT2",
		strconv.Itoa(m.Ports["other"]): "PORT3",
	} {
		if from == "0" { // of a server that was not started
			continue
		}
		text = strings.ReplaceAll(text, from, to)
	}
	text = regexp.MustCompile(`system identifier is \d+, and that of n1 is \d+`).ReplaceAllString(text, "system identifier is OTHER, and that of n1 is THIS")
	text = regexp.MustCompile(`\d+ free connections`).ReplaceAllString(text, "N free connections")
	text = regexp.MustCompile(`on all nodes: \d\n`).ReplaceAllString(text, "on all nodes: FEW\n") // one that has just ended can still be counted
	text = regexp.MustCompile(`\d+ [GM]B is free`).ReplaceAllString(text, "N GB is free")
	return regexp.MustCompile(`databases have \d+ MB`).ReplaceAllString(text, "databases have N MB")
}

// TestMarkAndDoctor: what speaks against a run is said before it, and refuses it with nothing done.
func TestMarkAndDoctor(t *testing.T) {
	m := meet(t)
	refused := func(why string, args ...string) {
		t.Helper()
		args = append([]string{"run", m.file, "--out", m.out}, args...)
		if code, out, errs := m.run(args...); code != exitUsage || !strings.Contains(errs, why) {
			t.Errorf("exit code %d, want the reason %q\n%s%s", code, why, out, errs)
		}
		if _, err := os.Stat(m.out); err == nil {
			t.Error("it left a result directory")
		}
		m.unchanged()
	}
	doctor := func(name string, want int, args ...string) {
		t.Helper()
		code, text := m.doctored(append([]string{m.file}, args...)...)
		if code != want {
			t.Errorf("%s: exit code %d, want %d", name, code, want)
		}
		golden(t, "doctor-"+name, text)
	}

	doctor("unmarked", exitUsage)
	refused("is not marked")
	m.refusesNightly("is not marked")
	m.SQL(t, "n1", plaincluster.Database, "comment on database shop is 'the shop''s'")
	if code, _, errs := m.run("mark", m.DSN("n1", plaincluster.Database, "")); code == exitPass || !strings.Contains(errs, `comment on database "shop" is 'the shop''s [pgchaos may break this cluster]';`) {
		t.Errorf("exit code %d: %s", code, errs)
	}
	if code, _, errs := m.run("mark", m.DSN("n2", plaincluster.Database, "postgres")); code == exitPass || !strings.Contains(errs, "is a standby") {
		t.Errorf("exit code %d: %s", code, errs)
	}
	const readOnly = "alter database shop set default_transaction_read_only = on"
	m.SQL(t, "n1", plaincluster.Database, readOnly)
	if code, _, errs := m.run("mark", m.DSN("n1", plaincluster.Database, "postgres")); code == exitPass || !strings.Contains(errs, `begin read write; comment on database "shop" is`) {
		t.Errorf("exit code %d: %s", code, errs)
	}
	refused("new sessions of the role chaos in the database shop are read-only")
	m.SQL(t, "n1", "postgres", "alter database shop reset default_transaction_read_only")
	var said strings.Builder
	for _, args := range [][]string{{"mark"}, {"mark"}, {"mark", "--remove"}, {"mark", "--remove"}, {"mark"}} {
		code, out, errs := m.run(append(args, m.DSN("n1", plaincluster.Database, "postgres"))...)
		fmt.Fprintf(&said, "$ pgchaos %s DSN\n%s%s\n", strings.Join(args, " "), m.masked(out), errs)
		if code != exitPass {
			t.Errorf("%v: exit code %d: %s", args, code, errs)
		}
		comment := m.Get(t, "n1", plaincluster.Database, "select shobj_description(oid, 'pg_database') from pg_database where datname = 'shop'")
		if want := map[bool]string{false: "the shop's [pgchaos may break this cluster]", true: "the shop's"}[len(args) == 2]; comment != want {
			t.Errorf("%v: the comment is %q", args, comment)
		}
	}
	golden(t, "mark", said.String())
	if code, out, errs := m.run("mark", m.DSN("n1", plaincluster.Database, "postgres")+"?sslpassword=of-the-key"); code != exitPass || strings.Contains(out+errs, "of-the-key") || strings.Contains(out+errs, "sslpassword") {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}

	doctor("good", exitPass)
	m.namedWithABlank()
	m.replaysLate()
	m.hasDefaultsOfItsOwn()
	m.SQL(t, "n1", plaincluster.Database, "revoke pg_monitor from chaos")
	doctor("no-rights", exitInconclusive)
	m.runsWithoutRights()
	m.SQL(t, "n1", plaincluster.Database, "revoke create on database shop from chaos")
	doctor("no-schema", exitUsage)
	refused("may not make a schema")
	m.SQL(t, "n1", plaincluster.Database, "grant create on database shop to chaos")
	m.SQL(t, "n1", plaincluster.Database, "grant pg_monitor to chaos")

	refused("accept writes", "--set", "cluster.existing.nodes={n1: {dsn: '"+m.DSN("n1", plaincluster.Database, "")+"'}, prod2: {dsn: '"+strings.Replace(m.DSN("n1", plaincluster.Database, ""), "127.0.0.1", "localhost", 1)+"'}}", "--set", "timeline=[{wait: 100ms}]")
	refused("synchronous_standby_names is empty", "--set", "cluster.synchronous={standbys: ANY 1 (n2)}")
	refused("did not succeed", "--set", "cluster.existing.exec=false {command}")
	doctor("clients", exitUsage, "--set", "cluster.existing.clients=postgres://127.0.0.1:"+strconv.Itoa(m.Ports["n2"])+"/shop")
	refused("clients leads to a standby", "--set", "cluster.existing.clients=postgres://127.0.0.1:"+strconv.Itoa(m.Ports["n2"])+"/shop")
	refused("free connections", "--set", "load.writes.clients=60")
	refused(`n2: its application_name as a standby is "n2", and the file says standby: zzz; write standby: n2, or leave it out`, "--set", "cluster.existing.nodes.n2.standby=zzz")
	m.refusesWeakerCommits(refused)
	m.refusesOtherDatabases(refused, doctor)
	risky := []string{"--set", "cluster.existing.nodes.n2.host=db-prod-2"}
	doctor("prod", exitUsage, risky...)
	doctor("prod-risk", exitPass, append(risky, "--"+riskFlag)...)
	refused(`the name "db-prod-2" has prod in it; check that it is not in production; add --yes-this-may-break`, risky...)
	m.SQL(t, "n1", "postgres", "create database production")
	refused(`the name "production" has prod in it; check that it is not in production`)
	m.SQL(t, "n1", "postgres", "drop database production")
	for range 11 {
		conn := m.Connect(t, "n1", "postgres")
		defer func() { _ = conn.Close(t.Context()) }() // the server ends, too
	}
	refused("look like users")
	refused("look like users", "--rounds", "2")
	refused("look like users", "--find-max", "load.writes.rate", "--until", "p99 of writes < 1s", "--set", "timeline=[{wait: 200ms}]")
	m.Stop(t, "n2")
	doctor("down", exitUsage)
	refused("it cannot be read", "--"+riskFlag)
}

// namedWithABlank: a standby can have a blank in its application_name.
func (m *met) namedWithABlank() {
	m.t.Helper()
	was := m.Get(m.t, "n2", "postgres", "select setting from pg_settings where name = 'primary_conninfo'")
	receive := func(conninfo, called string) {
		m.SQL(m.t, "n2", "postgres", "alter system set primary_conninfo = '"+strings.ReplaceAll(conninfo, "'", "''")+"'")
		m.SQL(m.t, "n2", "postgres", "select pg_reload_conf()")
		m.await("the standby "+called, func() bool {
			return m.Get(m.t, "n1", "postgres", "select coalesce(max(application_name), '') from pg_stat_replication where state = 'streaming'") == called
		})
	}
	receive(was+" application_name='node two'", "node two")
	for _, standby := range []string{"", "node two"} {
		if code, text := m.doctored(m.file, "--set", "cluster.existing.nodes.n2.standby="+standby); code != exitPass {
			m.t.Errorf("standby: %q: exit code %d\n%s", standby, code, text)
		}
	}
	receive(was, "n2")
}

// replaysLate: doctor names a standby that cannot have replayed everything when the run ends.
func (m *met) replaysLate() {
	m.t.Helper()
	delay := func(of string) {
		m.SQL(m.t, "n2", "postgres", "alter system set recovery_min_apply_delay = '"+of+"'")
		m.SQL(m.t, "n2", "postgres", "select pg_reload_conf()")
		m.await("the delay", func() bool { return m.Get(m.t, "n2", "postgres", "show recovery_min_apply_delay") == of })
	}
	delay("10min")
	const finding = "unknown  n2: its recovery_min_apply_delay is 10m0s, and at its end a run waits 30s for a standby to replay: what this one has will not be known; set it to 0 for the run\n"
	if code, text := m.doctored(m.file); code != exitInconclusive || !strings.Contains(text, finding) {
		m.t.Errorf("exit code %d\n%s", code, text)
	}
	delay("0")
}

// hasDefaultsOfItsOwn: what new sessions of the role or in the database begin with keeps pgchaos from nothing.
func (m *met) hasDefaultsOfItsOwn() {
	m.t.Helper()
	m.SQL(m.t, "n1", "postgres", "alter role chaos set default_transaction_isolation = 'serializable'")
	m.SQL(m.t, "n1", "postgres", "alter database shop set datestyle = 'German, DMY'")
	m.await("the defaults on the standby", func() bool {
		return m.Get(m.t, "n2", "postgres", "select count(*)::text from pg_db_role_setting") == "2"
	})
	if code, text := m.doctored(m.file); code != exitPass {
		m.t.Errorf("doctor: exit code %d\n%s", code, text)
	}
	if code, out, errs := m.run("run", m.file, "--out", m.out+"-defaults", "--set", "timeline=[{wait: 300ms}]", "--set", "load.writes.url="+m.DSN("n1", plaincluster.Database, "")); code != exitPass {
		m.t.Errorf("run: exit code %d\n%s%s", code, out, errs)
	}
	m.SQL(m.t, "n1", "postgres", "alter role chaos reset all")
	m.SQL(m.t, "n1", "postgres", "alter database shop reset all")
}

// byKeywords: clients can be libpq's keywords, and a service.
func (m *met) byKeywords() {
	m.t.Helper()
	file := m.write("services", fmt.Sprintf("[lb]\nhost=127.0.0.1\nport=%d\nuser=chaos\npassword=%s\ndbname=shop\n", m.Ports["n1"], plaincluster.Password))
	for i, clients := range []string{fmt.Sprintf("host=127.0.0.1 port=%d dbname=shop", m.Ports["n1"]), "service=lb sslmode=disable servicefile=" + file} {
		out := fmt.Sprintf("%s-keywords-%d", m.out, i)
		code, text, errs := m.run("run", m.file, "--out", out, "--set", "cluster.existing.clients="+clients, "--set", "timeline=[{wait: 500ms}]", "--set", "expect=[lost_writes == 0]")
		r, err := report.Read(out)
		if must(m.t, err); code != exitPass || len(r.Audits) != 1 || r.Audits[0].Acknowledged == 0 || strings.Contains(text+errs, plaincluster.Password) {
			m.t.Errorf("%s: exit code %d\n%s%s", clients, code, text, errs)
		}
	}
}

// refusesWeakerCommits: a role whose commits do not wait as the file demands would make all writes of a run weak.
func (m *met) refusesWeakerCommits(refused func(why string, args ...string)) {
	m.t.Helper()
	set := func(sql string) { m.SQL(m.t, "n1", "postgres", sql) }
	standbys := func(names string) {
		f, err := os.OpenFile(filepath.Join(m.Dir, "n1", "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
		must(m.t, err)
		_, err = fmt.Fprintf(f, "synchronous_standby_names = '%s'\n", names)
		must(m.t, errors.Join(err, f.Close()))
		set("select pg_reload_conf()")
		m.await("the setting", func() bool { return m.Get(m.t, "n1", "postgres", "show synchronous_standby_names") == names })
	}
	standbys("n2")
	set("alter role chaos set synchronous_commit = local")
	demand := []string{"--set", "cluster.synchronous={standbys: n2}"}
	refused("the role chaos has synchronous_commit = local, and the file demands on", demand...)
	own := m.out + "-own"
	if code, text, errs := m.run(append([]string{"run", m.file, "--out", own, "--set", "timeline=[{wait: 300ms}]", "--set", "load.writes.synchronous_commit=on"}, demand...)...); code != exitPass || strings.Contains(text+errs, "weakened") {
		m.t.Errorf("with a synchronous_commit of its own: exit code %d\n%s%s", code, text, errs)
	}
	set("alter role chaos reset synchronous_commit")
	refused("load.writes.connection has synchronous_commit = off, and the file demands on", append(demand, "--set", "load.writes.connection={options: -c synchronous_commit=off}")...)
	// Here the setup weakens it, after the cluster was looked at.
	out := m.out + "-weakened"
	code, text, errs := m.run(append([]string{"run", m.file, "--out", out, "--set", "timeline=[{wait: 300ms}]", "--set", "load.setup=alter role chaos set synchronous_commit = local;"}, demand...)...)
	if code != exitFail || !strings.Contains(text+errs, "weakened-n1 seen: from the first reading on synchronous_standby_names is n2 and synchronous_commit local") {
		m.t.Errorf("exit code %d\n%s%s", code, text, errs)
	}
	set("alter role chaos reset synchronous_commit")
	standbys("")
}

// refusesOtherDatabases: wherever the sessions of a workload lead to a database that is not the marked one of this cluster, nothing is done,
// neither there nor here.
func (m *met) refusesOtherDatabases(refused func(why string, args ...string), doctor func(name string, want int, args ...string)) {
	m.t.Helper()
	m.Another(m.t, "other")
	at := func(node, database string) string { return m.DSN(node, database, "") }
	m.SQL(m.t, "other", plaincluster.Database, "comment on database shop is '[pgchaos may break this cluster]'")
	m.SQL(m.t, "other", plaincluster.Database, "create table orders (id int)")
	m.SQL(m.t, "n1", "postgres", "create database precious")
	m.SQL(m.t, "n1", "precious", "create table orders (id int); grant all on orders to public")
	here, sql := strconv.Itoa(m.Ports["n1"]), []string{"--set", "load.writes={kind: sql, sql: insert into public.orders values (1), clients: 1, rate: 50/s}"}
	for _, tt := range []struct {
		why string
		set []string
	}{
		{"load.writes.url (127.0.0.1:" + strconv.Itoa(m.Ports["other"]) + ") leads to another cluster", []string{"--set", "load.writes.url=" + at("other", "shop")}},
		{"leads to another cluster", append(sql, "--set", "load.writes.url="+at("other", "shop"))},
		{"leads to another cluster", append(sql, "--set", "load.writes.url=postgres://chaos:"+plaincluster.Password+"@127.0.0.1:"+here+",127.0.0.1:"+strconv.Itoa(m.Ports["other"])+"/shop")},
		{"load.writes.url (127.0.0.1:" + here + ") leads to the database precious, and the nodes' connection strings to shop", []string{"--set", "load.writes.url=" + at("n1", "precious")}},
		{"leads to the database precious", append(sql, "--set", "load.writes.url="+at("n1", "precious"))},
		{"load.writes.connection (127.0.0.1:" + here + ") leads to the database precious", append(sql, "--set", "load.writes.connection={dbname: precious}")},
		{"leads to the database precious", append(sql, "--set", "cluster.existing.clients="+at("n1", "shop"), "--set", "load.writes.connection={dbname: precious}")},
		{"clients leads to the database precious", append(sql, "--set", "cluster.existing.clients="+at("n1", "precious"))},
		{"load.writes.url (127.0.0.1:1) cannot be followed", append(sql, "--set", "load.writes.url=postgres://127.0.0.1:1/shop")},
	} {
		refused(tt.why, append(tt.set, "--"+riskFlag)...)
	}
	doctor("other-database", exitUsage, append(sql, "--set", "load.writes.url="+at("other", "shop"))...)
	doctor("url", exitPass, "--set", "load.writes.url="+at("n1", "shop"))
	m.byKeywords()
	const left = "select (select count(*) from orders) || ' ' || (select count(*) from pg_namespace where nspname like 'pgchaos%')"
	for node, database := range map[string]string{"n1": "precious", "other": "shop"} {
		if n := m.Get(m.t, node, database, left); n != "0 0" {
			m.t.Errorf("rows and schemas in %s of %s: %s", database, node, n)
		}
	}
	m.SQL(m.t, "n1", "postgres", "drop database precious")
}

// runsWithoutRights: a role without pg_monitor can run, and its run is inconclusive.
func (m *met) runsWithoutRights() {
	m.t.Helper()
	code, out, errs := m.run("run", m.file, "--out", m.out+"-unprivileged", "--set", "timeline=[{wait: 500ms}]", "--set", "expect=[lost_writes == 0]",
		"--set", "cluster.existing.settle=500ms")
	r, err := report.Read(m.out + "-unprivileged")
	said := strings.Contains(strings.Join(strings.Fields(out), " "), "warning the role lacked pg_read_all_stats, ")
	if must(m.t, err); code != exitInconclusive || len(r.Audits) != 1 || r.Audits[0].Acknowledged == 0 || strings.Contains(out, "can never follow") || !said {
		m.t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
	m.unchanged()
}

// refusesNightly: a nightly job says that the cluster is refused, by the exit code of a run that is refused, and leaves nothing.
func (m *met) refusesNightly(why string) {
	m.t.Helper()
	dir := filepath.Dir(m.base)
	where, summary := filepath.Join(dir, "store"), filepath.Join(dir, "summary.md")
	m.makeStore(where)
	code, out, errs := m.nightly(m.file, "--store", where, "--summary", summary)
	if code != exitUsage || !strings.HasPrefix(out, "refused ") || !strings.Contains(out, why) || strings.Contains(out, "it was not run") {
		m.t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
	if text, err := os.ReadFile(summary); err != nil || !strings.Contains(string(text), "| refused | ") {
		m.t.Errorf("%v\n%s", err, text)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "results", "*")); err != nil || len(left) > 0 {
		m.t.Errorf("left: %q, %v", left, err)
	}
	m.unchanged()
}

// TestRunOnACluster runs on it, and leaves it as it was. No password is in anything that it writes.
func TestRunOnACluster(t *testing.T) {
	m := meet(t)
	m.mark()
	var screen strings.Builder
	do := func(want int, args ...string) string {
		t.Helper()
		code, out, errs := m.run(args...)
		if screen.WriteString(out + errs); code != want {
			t.Fatalf("%v: exit code %d, want %d\n%s%s", args, code, want, out, errs)
		}
		return out + errs
	}
	golden(t, "plan-existing", m.masked(do(exitPass, "plan", m.file)))
	do(exitPass, "run", m.file, "--out", m.out, "--verbose")
	m.unchanged()
	m.keepsTheSchema(do)
	undo := "env NODE=n2 sh -c '" + m.Dir + "/start $NODE'   # n2\n"
	script, err := os.ReadFile(filepath.Join(m.out, "undo.sh"))
	must(t, err)
	if info, err := os.Stat(filepath.Join(m.out, "undo.sh")); err != nil || info.Mode().Perm() != 0o700 || !strings.HasSuffix(string(script), "if you wrote them so.\n"+undo) {
		t.Errorf("%v, %v:\n%s", info, err, script)
	}
	out := do(exitInconclusive, "run", m.file, "--out", m.out+"-wal", "--set", "cluster.existing.max_wal=20kB", "--set", "timeline=[{wait: 20s}]")
	if !strings.Contains(out, "of WAL since its beginning, and max_wal is 20kB") {
		t.Errorf("it does not say why it stopped:\n%s", out)
	}
	m.unchanged()
	do(exitUsage, "run", m.file, "--set", "load.writes.rate=2000/s")
	m.faultsBySQL(do)
	m.listsOfHosts(do)
	m.passwordFromTheEnvironment(&screen)
	left := []string{"--set", "cluster.existing.hooks.kill.undo=false", "--set", "cluster.existing.hooks.kill.proof=true", "--set", "cluster.existing.hooks.kill.do=true", "--set", "timeline=[{kill: n2}]"}
	ran := filepath.Join(filepath.Dir(m.file), "ran")
	left = append(left, "--set", "cluster.existing.exec=sh "+m.write("noting", "echo sh \"$0\" \"$@\" >>"+ran+"\nshift\nexec \"$@\"\n")+" {host} {command}")
	planned := do(exitPass, append([]string{"doctor", m.file}, left...)...)
	out = do(exitLeftBehind, append([]string{"run", m.file, "--out", m.out + "-left"}, left...)...)
	commands, err := os.ReadFile(ran)
	must(t, err)
	for line := range strings.Lines(string(commands)) {
		if !strings.Contains(planned, " "+line) { // which ends with the end of the line
			t.Errorf("it ran this, and it is not in the list of commands: %s", line)
		}
	}
	for _, word := range []string{" n1 true\n", " n2 true\n", " n2 false\n", " n1 df -Pk " + m.Dir} {
		if !strings.Contains(string(commands), word) {
			t.Errorf("it did not run %q:\n%s", word, commands)
		}
	}
	if !strings.Contains(out, "the commands for that are in "+m.out+"-left/undo.sh") {
		t.Errorf("it does not say what is left:\n%s", out)
	}
	do(exitUsage, "doctor", m.file, "--set", "cluster.existing.nodes.n1.dsn="+strings.Replace(m.DSN("n1", plaincluster.Database, ""), "/shop", "/nowhere", 1))
	m.leaksNothing(screen.String())
}

// keepsTheSchema: what --keep and audit say is true of this cluster, which they have not built.
func (m *met) keepsTheSchema(do func(want int, args ...string) string) {
	m.t.Helper()
	dir := m.out + "-kept"
	out := do(exitPass, "run", m.file, "--out", dir, "--keep", "--set", "timeline=[{wait: 300ms}]")
	schema := m.Get(m.t, "n1", plaincluster.Database, "select nspname::text from pg_namespace where nspname like 'pgchaos%'")
	_, end, found := strings.Cut(out, "\nThe run's tables are still in the schema "+schema+". To drop it:\n")
	if !found || !strings.Contains(end, "\nA password that stood in the experiment is not kept: set PGPASSWORD for that, or use a password file.\n") || strings.Contains(out, "psql") || strings.Contains(out, "cluster is still up") {
		m.t.Fatalf("it says what is not so:\n%s", out)
	}
	_, end, _ = strings.Cut(end, "pgchaos clean ")
	run, _, _ := strings.Cut(end, "\n")
	cmd := m.command("clean", run)
	cmd.Env = append(cmd.Env, "PGPASSWORD="+plaincluster.Password)
	if out, err := cmd.CombinedOutput(); err != nil {
		m.t.Errorf("clean %s: %v\n%s", run, err, out)
	}
	m.unchanged()
}

// faultsBySQL: what only needs SQL works with the role that docs/existing.md describes, on tables of the run. A step for which it lacks a
// right is refused beforehand.
func (m *met) faultsBySQL(do func(want int, args ...string) string) {
	m.t.Helper()
	steps := "{lock_table: {node: n1, table: test_data}, for: 100ms}, {long_transaction: n1, for: 100ms}, {long_query: {node: n2, table: test_data}, for: 100ms}, " +
		"{vacuum_full: {node: n1, table: test_data}}, {reindex: {node: n1, table: test_data}}"
	granted := ", {switch_wal: n1}, {pause_replay: n2}, {resume_replay: n2}"
	grants := []string{"grant execute on function pg_switch_wal(), pg_wal_replay_pause(), pg_wal_replay_resume() to chaos"}
	if major := m.Get(m.t, "n1", "postgres", "select current_setting('server_version_num')::int / 10000 || ''"); major >= "15" {
		granted += ", {checkpoint: n1}"
		grants = append(grants, "grant pg_checkpoint to chaos")
	}
	args := []string{"run", m.file, "--out", m.out + "-sql", "--set", "timeline=[" + steps + granted + ", {exhaust_connections: n2, for: 100ms}, {after: undo-exhaust-connections-n2, wait: 100ms}]"}
	out := do(exitUsage, args...)
	for _, lacks := range []string{"the step switch-wal-n1 does: pg_switch_wal(); grant execute on function pg_switch_wal() to \"chaos\"", "pg_wal_replay_pause()"} {
		if !strings.Contains(out, lacks) {
			m.t.Errorf("it does not say what the role lacks: %s\n%s", lacks, out)
		}
	}
	m.unchanged()
	for _, sql := range grants {
		m.SQL(m.t, "n1", plaincluster.Database, sql)
	}
	// Sessions of other applications are left alone, unless the step names their user.
	others := map[string]*pgx.Conn{}
	for _, node := range []string{"n1", "n2"} {
		conn, err := pgx.Connect(m.t.Context(), m.DSN(node, plaincluster.Database, "")+"?application_name=psql")
		must(m.t, err)
		defer func() { _ = conn.Close(context.Background()) }() // it can have been ended
		others[node] = conn
	}
	args[len(args)-1] = "timeline=[{wait: 100ms}, {terminate_backends: n1}, {terminate_backends: {node: n2, user: chaos}}, " + strings.TrimPrefix(args[len(args)-1], "timeline=[")
	if out := do(exitPass, args...); !strings.Contains(out, "n1: 2 backends of the load ended") {
		m.t.Errorf("%s", out)
	}
	for node, want := range map[string]bool{"n1": true, "n2": false} {
		if err := others[node].Ping(m.t.Context()); (err == nil) != want {
			m.t.Errorf("the session of somebody else on %s: %v", node, err)
		}
	}
	m.unchanged()
}

// listsOfHosts: a client has a list of hosts because any of them can be the primary, and so the first one can be a standby. Where all are,
// the run says so.
func (m *met) listsOfHosts(do func(want int, args ...string) string) {
	m.t.Helper()
	url := func(end string) string {
		return "postgres://" + plaincluster.Role + ":" + plaincluster.Password + "@127.0.0.1:" + strconv.Itoa(m.Ports["n2"]) + end
	}
	primary, standby := ",127.0.0.1:"+strconv.Itoa(m.Ports["n1"])+"/shop", "/shop?target_session_attrs=any"
	load := fmt.Sprintf("load={writes: {kind: insert, clients: 1, rate: 50/s, url: %q}, reads: {kind: read, clients: 1, rate: 50/s, url: %q}}",
		url(primary+"?target_session_attrs=read-write"), url(primary+"?target_session_attrs=standby"))
	if out := do(exitPass, "run", m.file, "--out", m.out+"-hosts", "--set", load, "--set", "timeline=[{wait: 500ms}]"); strings.Contains(out, "were not made") {
		m.t.Errorf("%s", out)
	}
	m.unchanged()
	load = fmt.Sprintf("load={writes: {kind: insert, clients: 1, rate: 50/s}, beside: {kind: insert, table: beside, clients: 1, rate: 50/s, url: %q}}", url(standby))
	do(exitInconclusive, "run", m.file, "--out", m.out+"-standby", "--set", load, "--set", "timeline=[{wait: 500ms}]")
	if out := do(exitPass, "report", m.out+"-standby", "--full"); !strings.Contains(strings.Join(strings.Fields(out), " "), "the tables of workload beside were not made: behind its url, no server answers that accepts writes") {
		m.t.Errorf("it does not say that only a standby answers:\n%s", out)
	}
	m.unchanged()
}

// passwordFromTheEnvironment runs with connection strings that have no password.
func (m *met) passwordFromTheEnvironment(screen *strings.Builder) {
	m.t.Helper()
	args := []string{"run", m.file, "--out", m.out + "-env", "-v", "--set", "timeline=[{wait: 300ms}]"}
	for _, node := range []string{"n1", "n2"} {
		args = append(args, "--set", "cluster.existing.nodes."+node+".dsn="+strings.Replace(m.DSN(node, plaincluster.Database, ""), ":"+plaincluster.Password, "", 1))
	}
	passfile := m.write("passwords", "*:*:*:"+plaincluster.Role+":"+plaincluster.Password+"\n")
	must(m.t, os.Chmod(passfile, 0o600))
	for i, env := range []string{"PGPASSWORD=" + plaincluster.Password, "PGPASSFILE=" + passfile} {
		args[3] = fmt.Sprintf("%s-env-%d", m.out, i)
		cmd := m.command(args...)
		cmd.Env = append(cmd.Env, env)
		out, err := cmd.CombinedOutput()
		if screen.Write(out); err != nil {
			m.t.Errorf("%s: %v\n%s", args[3], err, out)
		}
	}
	must(m.t, os.Remove(passfile))
	m.unchanged()
}

// leaksNothing looks for the password of the role on the screen and in every file of the runs.
func (m *met) leaksNothing(screen string) {
	m.t.Helper()
	if strings.Contains(screen, plaincluster.Password) {
		m.t.Error("the screen has the password")
	}
	must(m.t, filepath.WalkDir(filepath.Dir(m.base), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path == m.file {
			return err
		}
		text, err := os.ReadFile(path)
		if bytes.Contains(text, []byte(plaincluster.Password)) {
			m.t.Errorf("%s has the password", path)
		}
		return err
	}))
}

// TestCleanOnACluster kills pgchaos while a fault is in force. clean takes it back and drops the schema, but only the run's own.
func TestCleanOnACluster(t *testing.T) {
	m := meet(t)
	m.mark()
	cmd := m.command("run", m.file, "--out", m.out, "--set", "timeline=[{name: lost, at: 300ms, kill: n2}, {wait: 60s}]")
	must(t, cmd.Start())
	m.await("a standby that is down", func() bool {
		states := m.Get(t, "n1", "postgres", "select count(*)::text from pg_stat_replication")
		_, err := os.Stat(filepath.Join(m.out, "undo.sh"))
		return err == nil && states == "0"
	})
	if code, out, errs := m.run("clean", "--provider", "existing"); code != exitPass || !strings.HasSuffix(out, ": still running, left alone\n") {
		t.Errorf("clean beside the run: exit code %d\n%s%s", code, out, errs)
	}
	must(t, cmd.Process.Kill())
	_ = cmd.Wait() // it was killed
	m.leaksNothing("")
	records, err := filepath.Glob(m.base + "-existing/*.json")
	if must(t, err); len(records) != 1 {
		t.Fatalf("records: %v", records)
	}
	name := strings.TrimSuffix(filepath.Base(records[0]), ".json")
	schema := m.Get(t, "n1", plaincluster.Database, "select nspname::text from pg_namespace where nspname like 'pgchaos%'")
	m.SQL(t, "n1", plaincluster.Database, "create schema pgchaos_of_another")
	m.SQL(t, "n1", plaincluster.Database, "comment on schema "+schema+" is 'mine'")
	clean := func(want int, text string) {
		t.Helper()
		cmd := m.command("clean", name)
		cmd.Env = append(cmd.Env, "PGPASSWORD="+plaincluster.Password)
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != want || !strings.Contains(string(out), text) || strings.Contains(string(out), plaincluster.Password) {
			t.Errorf("exit code %d, want %d and %q\n%s", code, want, text, out)
		}
	}
	if _, out, errs := m.run("audit", m.out); !strings.Contains(strings.Join(strings.Fields(out+errs), " "), "set PGPASSWORD, or use a password file") {
		t.Errorf("audit: %s%s", out, errs)
	}
	if code, _, errs := m.run("clean", name); code != exitLeftBehind || !strings.Contains(errs, "set PGPASSWORD, or use a password file") || strings.Contains(errs, "superuser") {
		t.Errorf("exit code %d: %s", code, errs)
	}
	clean(exitLeftBehind, "is left alone")
	m.SQL(t, "n1", plaincluster.Database, "comment on schema "+schema+" is 'pgchaos run "+name+"'")
	if _, text := m.doctored(m.file); !strings.Contains(text, "\nnote     the schema "+schema+" of the run "+name+" is in the database, and no session of it: ") || !strings.Contains(text, `this SQL does: drop schema "`+schema+`" cascade; `) {
		t.Errorf("doctor does not say what was left behind:\n%s", text)
	}
	clean(exitPass, "removed")
	m.await("the standby", func() bool {
		return m.Get(t, "n1", "postgres", "select count(*)::text from pg_stat_replication where state = 'streaming'") == "1"
	})
	m.SQL(t, "n1", plaincluster.Database, "drop schema pgchaos_of_another")
	m.unchanged()
	m.leaksNothing("")

	// A setup that goes on in the server holds what clean is to drop.
	cmd = m.command("run", m.file, "--out", m.out+"-setup", "--set", "load.setup=create table filled as select 1 as id from pg_sleep(300);")
	must(t, cmd.Start())
	const setups = "select count(*)::text from pg_stat_activity where query like 'create table filled%' and state = 'active'"
	m.await("the setup", func() bool { return m.Get(t, "n1", "postgres", setups) == "1" })
	must(t, cmd.Process.Kill())
	_ = cmd.Wait() // it was killed
	records, err = filepath.Glob(m.base + "-existing/*.json")
	must(t, err)
	name = strings.TrimSuffix(filepath.Base(records[0]), ".json")
	if code, out, errs := m.run("run", m.file, "--out", m.out+"-beside"); code != exitUsage || !strings.Contains(errs, "another run of pgchaos is at work on this cluster, and each would see what the other one breaks: "+name+",") {
		t.Errorf("beside a run whose setup goes on: exit code %d\n%s%s", code, out, errs)
	}
	clean(exitPass, "removed")
	if n := m.Get(t, "n1", "postgres", setups); n != "0" {
		t.Error("the setup goes on")
	}
	m.unchanged()
}

// TestWhatStaysInSomebodysServer: nothing removes what a run has done to a server that was there before. The end of the run takes it back, or clean
// does; where neither can, that is exit code 5, and the record of the run stays.
func TestWhatStaysInSomebodysServer(t *testing.T) {
	m := meet(t)
	m.mark()
	m.SQL(t, "n1", plaincluster.Database, "grant execute on function pg_wal_replay_pause(), pg_wal_replay_resume() to "+plaincluster.Role)
	paused := func() string {
		return m.Get(t, "n2", plaincluster.Database, "select pg_get_wal_replay_pause_state()")
	}
	record := func() string {
		records, err := filepath.Glob(m.base + "-existing/*.json")
		if must(t, err); len(records) != 1 {
			t.Fatalf("records: %v", records)
		}
		return strings.TrimSuffix(filepath.Base(records[0]), ".json")
	}
	clean := func(want int, text string, args ...string) {
		t.Helper()
		cmd := m.command(append([]string{"clean"}, args...)...)
		cmd.Env = append(cmd.Env, "PGPASSWORD="+plaincluster.Password)
		out, _ := cmd.CombinedOutput() // its exit code says it
		if code := cmd.ProcessState.ExitCode(); code != want || !strings.Contains(string(out), text) {
			t.Errorf("exit code %d, want %d and %q\n%s", code, want, text, out)
		}
	}
	killed := func(out, timeline string, await func() bool) string {
		t.Helper()
		cmd := m.command("run", m.file, "--out", out, "--set", "timeline="+timeline)
		must(t, cmd.Start())
		m.await("the fault", await)
		must(t, cmd.Process.Kill())
		_ = cmd.Wait() // it was killed
		return record()
	}

	killed(m.out, "[{at: 300ms, pause_replay: n2}, {wait: 60s}]", func() bool { return paused() == "paused" })
	if code, text := m.doctored(m.file); code != exitUsage || !strings.Contains(text, "its replay is paused, so that it does not catch up") {
		t.Errorf("doctor: exit code %d\n%s", code, text)
	}
	clean(exitPass, "taken back before the removal: resume_replay n2")
	if state := paused(); state != "not paused" {
		t.Errorf("after a clean: %s", state)
	}
	m.unchanged()

	// Sessions end with their server, which somebody has stopped for good.
	cmd := m.command("run", m.file, "--out", m.out+"-ended", "--set", "cluster.existing.settle=1s",
		"--set", "timeline=[{at: 300ms, long_query: {node: n2, table: test_data}}, {name: gone, at: 600ms, exec: {node: n2, command: '"+filepath.Join(m.Dir, "kill")+" n2'}}, {wait: 500ms}]")
	out, _ := cmd.CombinedOutput() // its exit code says it
	if code := cmd.ProcessState.ExitCode(); code != exitInconclusive || strings.Contains(string(out), "left behind") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	must(t, exec.Command(filepath.Join(m.Dir, "start"), "n2").Run())
	m.await("the standby", func() bool {
		return m.Get(t, "n1", "postgres", "select count(*)::text from pg_stat_replication where state = 'streaming'") == "1"
	})
	m.unchanged()

	// Nobody can say any more what the run has done.
	name := killed(m.out+"-gone", "[{at: 300ms, kill: n2}, {wait: 60s}]", func() bool {
		_, err := os.Stat(filepath.Join(m.out+"-gone", "undo.sh"))
		return err == nil && m.Get(t, "n1", "postgres", "select count(*)::text from pg_stat_replication") == "0"
	})
	must(t, os.Rename(m.out+"-gone", m.out+"-moved"))
	clean(exitLeftBehind, "it is not known what the steps of the run had changed; look at the cluster", name)
	must(t, os.Rename(m.out+"-moved", m.out+"-gone"))

	// Another run would not know what a clean has done beside it.
	m.SQL(t, "n1", plaincluster.Database, "create schema pgchaos_beside; comment on schema pgchaos_beside is 'pgchaos run beside'")
	beside, err := pgx.Connect(t.Context(), m.DSN("n1", plaincluster.Database, "")+"?application_name=pgchaos/beside/x")
	must(t, err)
	clean(exitLeftBehind, "while another run is at work on the cluster, beside,", name)
	ofBeside := m.base + "-existing/beside.json"
	must(t, os.WriteFile(ofBeside, []byte(`{"schema": "pgchaos.existing/1", "run": "beside"}`), 0o600)) // nobody holds its lock: its pgchaos was killed here, and its sessions go on
	clean(exitPass, "taken back before the removal: hook_undo n2", name)
	must(t, os.Remove(ofBeside))
	must(t, beside.Close(t.Context()))
	m.SQL(t, "n1", plaincluster.Database, "drop schema pgchaos_beside")
	m.await("the standby", func() bool {
		return m.Get(t, "n1", "postgres", "select count(*)::text from pg_stat_replication where state = 'streaming'") == "1"
	})
	m.unchanged()

	// A slot, which stays with its server.
	m.SQL(t, "n1", plaincluster.Database, "alter role "+plaincluster.Role+" superuser; select pg_create_physical_replication_slot('of_n2')")
	m.SQL(t, "n2", plaincluster.Database, "alter system set primary_slot_name = 'of_n2'")
	m.SQL(t, "n2", plaincluster.Database, "select pg_reload_conf()")
	slots := func() string {
		return m.Get(t, "n1", plaincluster.Database, "select coalesce(string_agg(slot_name || ' ' || active, ','), 'none') from pg_replication_slots")
	}
	m.await("the slot", func() bool { return slots() == "of_n2 true" })
	cmd = m.command("run", m.file, "--out", m.out+"-slot", "--set", "cluster.existing.settle=1s", "--set", "timeline=[{at: 300ms, drop_slot: n2}, {wait: 2s}]")
	var said bytes.Buffer
	cmd.Stderr = &said
	must(t, cmd.Start())
	m.await("the fault", func() bool { return slots() == "none" })
	m.SQL(t, "n1", plaincluster.Database, "alter role "+plaincluster.Role+" nosuperuser")
	must(t, exec.Command(filepath.Join(m.Dir, "kill"), "n2").Run()) // nobody waits for it at the end
	_ = cmd.Wait()                                                  // its exit code says it
	if code := cmd.ProcessState.ExitCode(); code != exitLeftBehind || !strings.Contains(said.String(), "something was left behind: what steps have changed: make_slot n2: ") {
		t.Errorf("exit code %d\n%s", code, &said)
	}
	name = record()
	clean(exitLeftBehind, "clean --by-hand "+name)
	m.SQL(t, "n1", plaincluster.Database, "alter role "+plaincluster.Role+" superuser")
	must(t, exec.Command(filepath.Join(m.Dir, "start"), "n2").Run())
	clean(exitPass, "taken back before the removal: make_slot n2")
	m.await("the slot", func() bool { return slots() == "of_n2 true" })

	// A slot that nobody uses would keep WAL for ever.
	killed(m.out+"-unused", "[{at: 300ms, drop_slot: n2}, {wait: 60s}]", func() bool { return slots() == "none" })
	m.SQL(t, "n2", plaincluster.Database, "alter system reset primary_slot_name")
	m.SQL(t, "n2", plaincluster.Database, "select pg_reload_conf()")
	m.await("the standby", func() bool {
		return m.Get(t, "n1", "postgres", "select count(*)::text from pg_stat_replication where state = 'streaming'") == "1"
	})
	clean(exitPass, "taken back before the removal: make_slot n2")
	if s := slots(); s != "none" {
		t.Errorf("slots: %s", s)
	}
	m.unchanged()
	m.leaksNothing("")
}

// TestTwoRunsOnACluster: one run at a time. Of two that begin at the same moment at least one ends before it has done anything, and both leave
// nothing.
func TestTwoRunsOnACluster(t *testing.T) {
	m := meet(t)
	m.mark()
	type end struct {
		code int
		text string
	}
	ends := make(chan end, 2)
	for i := range cap(ends) {
		go func() {
			cmd := m.command("run", m.file, "--out", fmt.Sprintf("%s-%d", m.out, i), "--set", "timeline=[{wait: 3s}]")
			out, _ := cmd.CombinedOutput() // its exit code says it
			ends <- end{cmd.ProcessState.ExitCode(), strings.Join(strings.Fields(string(out)), " ")}
		}()
	}
	passed := 0
	for range cap(ends) {
		switch e := <-ends; {
		case e.code == exitPass:
			passed++
		case e.code != exitUsage && e.code != exitInconclusive || !strings.Contains(e.text, "another run of pgchaos is at work on this cluster"):
			t.Errorf("exit code %d: %s", e.code, e.text)
		}
	}
	if passed > 1 {
		t.Error("both ran to their end")
	}
	m.unchanged()
}
