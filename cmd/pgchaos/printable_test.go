package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgchaos/internal/fakepg"
)

// escapesEverywhere has servers and programs say escape sequences, and long texts, wherever they can.
const escapesEverywhere = `
name: escapes
cluster: {nodes: [a]}
load:
  text: {kind: sql, sql: "do $$ begin raise exception E'\\x1b[2Jno %', repeat('x', 300000); end $$", clients: 1, rate: 20/s}
  proxy: {kind: insert, clients: 4, rate: 20/s, timeout: 200ms, url: "postgres://u@127.0.0.1:PORT/d"}
timeline:
  - {name: echo, exec: {node: a, command: "printf '\\033[31mred\\n'; printf '\\033]0;title\\007' >&2"}}
  - {name: value, sql: {node: a, query: "select E'\\x1b[2J' || repeat('y', 300000)"}}
  - {name: fails, at: 500ms, sql: {node: a, query: "do $$ begin raise exception E'\\x1b[2J %', repeat('z', 300000); end $$"}}
`

// TestOnlyPrintableText: no escape sequence of others' reaches the screen or the result, and no text
// of theirs makes either long; a server behind a url that sends them without end does not hold the end up.
func TestOnlyPrintableText(t *testing.T) {
	p := newPlace(t)
	server, err := fakepg.NewHostile("a long error at the start")
	must(t, err)
	defer server.Close()
	dir := filepath.Dir(p.base)
	file := p.write("escapes.yaml", strings.ReplaceAll(escapesEverywhere, "PORT", strconv.Itoa(server.Port())))
	code, stdout, stderr := p.run("run", file, "--out", p.out, "-v", "--out-samples", filepath.Join(dir, "s.jsonl"))
	if code != exitFail && code != exitInconclusive || len(p.result().Timeline) < 3 {
		t.Fatalf("exit code %d\n%.3000s\n%.3000s", code, stdout, stderr)
	}
	_, again, _ := p.run("report", p.out)
	for name, text := range map[string]string{"stdout": stdout, "stderr": stderr, "the report": again} {
		if i := strings.IndexByte(text, '\x1b'); i >= 0 || len(text) > 200_000 {
			t.Errorf("%s: %d bytes, an escape at %d", name, len(text), i)
		}
	}
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path == file {
			return err
		}
		text, err := os.ReadFile(path)
		whole := strings.Contains(path, "logs/") || strings.HasSuffix(path, ".bin") || strings.Contains(path, "output") // kept as they are
		long := len(text) > 1_500_000
		if strings.HasSuffix(path, ".jsonl") { // how many lines there are is up to the machine
			long = slices.ContainsFunc(strings.Split(string(text), "\n"), func(line string) bool { return len(line) > 64<<10 })
		}
		if i := strings.Index(string(text), `\u001b`) + strings.IndexByte(string(text), '\x1b'); !whole && (i > -2 || long) {
			t.Errorf("%s: %d bytes, an escape at %d", path, len(text), i+1)
		}
		return err
	}))
}
