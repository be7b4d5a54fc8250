package pgload

import (
	"testing"
)

// TestLiterals: over the simple protocol a value arrives as what it is, whatever is in it
// and whatever the server's settings are.
func TestLiterals(t *testing.T) {
	pg := startPostgres(t)
	a := pg.admin()
	defer func() { _ = a.Close(t.Context()) }()
	a.exec("create role loader login", "create table said (who int, text text)", "grant all on said to public")
	hostile := []string{`'; drop table said; --`, `\'; drop table said; --`, `\`, `''`, `$1`, `:text`, "\u00a0é\n\t", "", "-1", `E'\x27'`}
	for _, conforming := range []string{"on", "off"} {
		for i, text := range hostile {
			cfg := pg.config(SQL)
			cfg.Protocol, cfg.Connection = Simple, map[string]string{"standard_conforming_strings": conforming}
			cfg.SQL = []string{"insert into said values (:who, :text)"}
			cfg.Params = []Param{{Name: "who", Kind: "sequence", Min: int64(i)}, {Name: "text", Kind: "choice", Choices: []string{text}}}
			w := pg.open(cfg)
			s := w.Open(0)
			if reply := once(s); reply.Err != nil {
				t.Errorf("%q: %v", text, reply.Err)
			}
			s.Close()
			w.Close()
			if n := a.number("select count(*) from said where who = $1 and text = $2", i, text); n != 1 {
				t.Errorf("%q with standard_conforming_strings = %s: %d rows", text, conforming, n)
			}
		}
		a.exec("truncate said")
	}
}
