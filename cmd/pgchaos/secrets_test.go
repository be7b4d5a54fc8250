package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// secretEverywhere has a secret in every place of an experiment where a user can put one, and
// has most of them fail, so that errors quote them.
const secretEverywhere = `
name: secrets
description: the password is ${DB_PWD}, once more ${SOMETHING}
cluster:
  nodes:
    a: {settings: {my.secret: "${DB_PWD}"}}
    b: {settings: {my.plain: "before ${SOMETHING} after"}}
  settings: {my.token: direct-Zm9vYmFy, my.uri: "postgres://u:direct-Zm9vYmFy@h/d"}
load:
  setup: ["create table ${SOMETHING} (n int)", "select '${DB_PWD}'"]
  text: {kind: sql, sql: "select '${DB_PWD}'::int", clients: 1, rate: 20/s}
  script: {kind: script, clients: 1, rate: 20/s, set: {word: "${SOMETHING}"}, script: "select ':word ${DB_PWD}'::int;\n"}
  session: {kind: sql, sql: select 1, clients: 1, rate: 20/s, connection: {my.session: "${SOMETHING}"}}
  proxy: {kind: sql, sql: select 1, clients: 1, rate: 20/s, url: "postgres://u:${DB_PWD}@127.0.0.1:1/d"}
timeline:
  - {name: echo, exec: {node: a, command: "echo ${DB_PWD}; echo 'PGPASSWORD=direct-Zm9vYmFy'; echo ${SOMETHING} >&2"}}
  - {name: role, sql: {node: a, query: "alter role pgchaos password 'direct-Zm9vYmFy'"}}
  - {name: conninfo, configure: {node: b, settings: {my.other: "host=a password=${DB_PWD}"}}}
  - {name: not-so, at: 2s, sql: {node: a, query: "select '${DB_PWD} ${SOMETHING}'", expect: "x ${DB_PWD}"}}
`

// TestSecretsAreWrittenNowhere runs it with everything that writes, and looks for the secrets in every
// file, on the screen and in what other commands make of the result.
func TestSecretsAreWrittenNowhere(t *testing.T) {
	p := newPlace(t)
	secrets := []string{"marker-Hunter2", "marker_Correct_Horse", "direct-Zm9vYmFy"}
	dir := filepath.Dir(p.base)
	file := p.write("secrets.yaml", secretEverywhere)
	env := []string{"DB_PWD=" + secrets[0], "SOMETHING=" + secrets[1], "GITHUB_ACTIONS=true", "GITHUB_STEP_SUMMARY=" + filepath.Join(dir, "summary.md")}
	var screen strings.Builder
	do := func(args ...string) {
		cmd := p.command(args...)
		cmd.Env = append(cmd.Env, env...)
		out, _ := cmd.CombinedOutput()
		screen.WriteString("$ pgchaos " + strings.Join(args, " ") + "\n" + string(out))
	}
	do("plan", file)
	do("plan", file, "--yaml")
	do("validate", file, "--set", "cluster.settings.shared_buffers=x ${DB_PWD}", "--set", "load.proxy.url=foo:${DB_PWD}")
	do("run", file, "--out", p.out, "-v", "--out-jtl", filepath.Join(dir, "s.jtl"), "--out-samples", filepath.Join(dir, "s.jsonl"), "--report", strings.Join(formatNames(), ","))
	do("report", p.out)
	do("report", p.out, "--format", strings.Join(formatNames(), ","), "--out-dir", filepath.Join(dir, "reports"))
	do("export", "--format", "jepsen", p.out)
	do("audit", p.out)
	if !strings.Contains(screen.String(), "not-so") || len(p.result().Timeline) == 0 {
		t.Fatalf("it did not run:\n%s", screen.String())
	}
	files := 0
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path == file {
			return err
		}
		files++
		text, err := os.ReadFile(path)
		for _, secret := range secrets {
			if i := strings.Index(string(text), secret); i >= 0 {
				t.Errorf("%s: %s", path, text[max(0, i-200):min(len(text), i+100)])
			}
		}
		if info, e := d.Info(); e == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: others may read it: %v", path, info.Mode())
		}
		return err
	}))
	for _, secret := range secrets {
		if i := strings.Index(screen.String(), secret); i >= 0 {
			t.Errorf("the screen: %s", screen.String()[max(0, i-200):min(screen.Len(), i+100)])
		}
	}
	if files < 5 {
		t.Errorf("%d files", files)
	}
}

func TestFileMode(t *testing.T) {
	p := newPlace(t)
	file := p.write("m.yaml", "name: m\ncluster: {nodes: [a]}\nload:\n  w: {kind: insert, iterations: 1, clients: 1}\n")
	if code, _, errs := p.run("run", file, "--out", p.out, "--file-mode", "777"); code != exitUsage || !strings.Contains(errs, "--file-mode 777") {
		t.Errorf("exit code %d: %s", code, errs)
	}
	if code, _, errs := p.run("run", file, "--out", p.out, "--file-mode", "640"); code != exitPass {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	for _, name := range []string{"result.json", "report.html", "timeline.jsonl", "ledger.bin"} {
		if info, err := os.Stat(filepath.Join(p.out, name)); err != nil || info.Mode().Perm() != 0o640 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}
