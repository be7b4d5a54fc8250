package script

import (
	"errors"
	"fmt"
	"regexp"
)

// copyIn is a statement that waits for data.
var copyIn = regexp.MustCompile(`(?is)^copy\b.*\bfrom\s+stdin\b`)

// Split cuts a text of SQL into its statements, as psql does: at semicolons that are in no
// quotes, comment, parentheses or function body. The statements have no variables: a :name
// stays as it is. The error is everything that cannot be sent, each as file:line: what is wrong.
func Split(file, text string) ([]Statement, error) {
	var (
		all  []Statement
		errs []error
	)
	wrong := func(line int, what string) { errs = append(errs, fmt.Errorf("%s:%d: %s", file, line, what)) }
	for s := newSource(text); ; {
		sql := s.sql()
		if sql.wrong != "" {
			wrong(s.line(sql.wrongAt), sql.wrong)
		}
		if !sql.empty {
			if copyIn.MatchString(sql.text) {
				wrong(sql.line, "COPY FROM STDIN has no data here: use INSERT")
			}
			all = append(all, Statement{Text: sql.text, SQL: sql.text, Line: sql.line, Compound: sql.compound})
		}
		if sql.end == endBackslash {
			from, to := s.command()
			name, _, _ := s.nextWord(from, to)
			wrong(s.line(from), fmt.Sprintf("\\%s is a command of psql or pgbench: only SQL can stand here", name.text))
		}
		if sql.end == endOfText {
			break
		}
	}
	if len(all) == 0 && len(errs) == 0 {
		return nil, fmt.Errorf("%s: there is no statement in it", file)
	}
	return all, errors.Join(errs...)
}
