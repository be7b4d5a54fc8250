package script

import (
	"embed"
	"fmt"
)

//go:embed builtin/*.sql
var builtins embed.FS

// Builtin is one of pgbench's own scripts: tpcb-like, simple-update or select-only.
func Builtin(name string) (*Script, error) {
	text, err := builtins.ReadFile("builtin/" + name + ".sql")
	if err != nil {
		return nil, fmt.Errorf("no built-in script is called %q: there are tpcb-like, simple-update and select-only", name)
	}
	return Parse(name, string(text))
}
