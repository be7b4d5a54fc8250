package pgload

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgchaos/record"
)

// TestHiddenWarningsAreRefused: of what is written in the file, before anything is started.
func TestHiddenWarningsAreRefused(t *testing.T) {
	base := Config{Workload: "w", Work: Work{Kind: Insert}, Target: Primary, Endpoints: []Endpoint{{Node: "a", Host: "h", Port: 1}}, Clients: 1}
	for _, tt := range []struct {
		name    string
		change  func(c *Config)
		refused bool
	}{
		{"nothing", func(*Config) {}, false},
		{"a notice", func(c *Config) { c.Connection = map[string]string{"client_min_messages": "notice"} }, false},
		{"a WARNING", func(c *Config) { c.Connection = map[string]string{"client_min_messages": "WARNING"} }, false},
		{"an error", func(c *Config) { c.Connection = map[string]string{"client_min_messages": "error"} }, true},
		{"an error, in another case", func(c *Config) { c.Connection = map[string]string{"Client_Min_Messages": "ERROR"} }, true},
		{"an error, in a url", func(c *Config) {
			c.Route, c.URL = URL, "postgres://u@h:1/d?client_min_messages=error"
		}, true},
		{"a statement", func(c *Config) { c.Work = Work{Kind: SQL, SQL: []string{"set client_min_messages to 'error'"}} }, true},
		{"a local statement", func(c *Config) {
			c.Work = Work{Kind: SQL, SQL: []string{"SET LOCAL Client_Min_Messages=fatal", "select 1"}}
		}, true},
		{"a function", func(c *Config) {
			c.Work = Work{Kind: SQL, SQL: []string{"select set_config('client_min_messages', 'panic', false)"}}
		}, true},
		{"a script", func(c *Config) {
			c.Work = Work{Kind: Script, ScriptName: "x.sql", Script: "select 1;\nset \"client_min_messages\" = ERROR;\n"}
		}, true},
		{"a script that asks for more", func(c *Config) { c.Work = Work{Kind: Script, Script: "set client_min_messages = warning;\n"} }, false},
		{"a setting of a role", func(c *Config) {
			c.Work = Work{Kind: SQL, SQL: []string{"alter role r set client_min_messages = error"}}
		}, false},
	} {
		cfg := base
		tt.change(&cfg)
		if err := Check(cfg); (err != nil) != tt.refused || tt.refused && !strings.Contains(strings.ToLower(err.Error()), "client_min_messages") {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// TestHiddenWarningsBehindAURL: what is between could refuse a setting, so that the session is asked, before the load
// and with each connection.
func TestHiddenWarningsBehindAURL(t *testing.T) {
	pg := startPostgres(t)
	a := pg.admin()
	defer func() { _ = a.Close(t.Context()) }()
	a.exec("create role loader login", "grant all on schema public to public")
	cfg := pg.config(Insert)
	cfg.Route, cfg.URL = URL, fmt.Sprintf("postgres://loader@127.0.0.1:%d/postgres?sslmode=disable", pg.port)
	if _, err := Setup(t.Context(), cfg, Endpoint{}); err != nil {
		t.Fatal(err)
	}
	s := pg.session(cfg)
	expect(t, once(s), record.OK, "")
	a.exec("alter role loader set client_min_messages = error")
	if _, err := Setup(t.Context(), cfg, Endpoint{}); !errors.Is(err, errHidden) || !strings.Contains(err.Error(), `alter role "loader" set`) {
		t.Error(err)
	}
	hangUp(s)
	expect(t, once(s), record.Failed, "no warnings")
	a.exec("alter role loader set client_min_messages = warning")
	expect(t, once(s), record.OK, "")
}
