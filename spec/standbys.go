package spec

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Standbys is a parsed synchronous_standby_names.
type Standbys struct {
	Method string // "FIRST" or "ANY"; "" for the empty text, which is asynchronous
	Num    int    // how many standbys a commit waits for
	Names  []string
}

// All tells whether any standby counts, whatever its name.
func (s Standbys) All() bool { return len(s.Names) == 1 && s.Names[0] == "*" }

// Has tells whether the standby is one of those named; PostgreSQL ignores case here.
func (s Standbys) Has(node string) bool {
	for _, name := range s.Names {
		if name == "*" || strings.EqualFold(name, node) {
			return true
		}
	}
	return false
}

// SyncState is what pg_stat_replication.sync_state says of a standby that is named
// and waited for: "quorum" with ANY, "sync" with FIRST (whose later standbys are
// "potential"), "async" with neither.
func (s Standbys) SyncState() string {
	switch s.Method {
	case "ANY":
		return "quorum"
	case "FIRST":
		return "sync"
	}
	return "async"
}

var (
	standbysForm = regexp.MustCompile(`(?is)^\s*(?:(?:(any|first)\s+)?(\d+)\s*\((.*)\)|(.*?))\s*$`)
	standbyToken = regexp.MustCompile(`^\s*(?:"((?:[^"]|"")+)"|([A-Za-z_\x{80}-\x{10ffff}][\w$\x{80}-\x{10ffff}]*|\d+|\*))\s*(,|$)`)
)

// ParseStandbys reads a synchronous_standby_names, in PostgreSQL's own grammar:
// `ANY n (a, b)`, `FIRST n (a, b)`, `n (a, b)`, `a, b`, and `*` for all.
func ParseStandbys(text string) (Standbys, error) {
	if strings.TrimSpace(text) == "" {
		return Standbys{}, nil
	}
	right := "write ANY n (a, b), FIRST n (a, b), or a, b"
	m := standbysForm.FindStringSubmatch(text)
	if m == nil {
		return Standbys{}, mistake(shown(text)+" is no synchronous_standby_names", right)
	}
	s := Standbys{Method: "FIRST", Num: 1}
	list := m[4]
	if m[2] != "" {
		n, err := strconv.Atoi(m[2])
		if err != nil || n < 1 {
			return Standbys{}, mistake("a commit cannot wait for "+m[2]+" standbys", right)
		}
		s.Num, list = n, m[3]
	}
	if strings.EqualFold(m[1], "any") {
		s.Method = "ANY"
	}
	seen := map[string]bool{}
	for more := true; more; {
		t := standbyToken.FindStringSubmatchIndex(list)
		if t == nil {
			return Standbys{}, mistake(fmt.Sprintf("%s names no standby at %s", shown(text), shown(list)),
				right+`; a name with other characters than a-z, 0-9 and _ needs double quotes`)
		}
		var name string
		if t[2] >= 0 {
			name = strings.ReplaceAll(list[t[2]:t[3]], `""`, `"`)
		} else {
			name = list[t[4]:t[5]]
		}
		folded := strings.ToLower(name)
		if seen[folded] {
			return Standbys{}, mistake("the standby "+shown(name)+" is named twice", "name it once")
		}
		seen[folded] = true
		s.Names = append(s.Names, name)
		more = list[t[6]:t[7]] == ","
		list = list[t[1]:]
	}
	if s.Num > len(s.Names) && !s.All() {
		return Standbys{}, mistake(fmt.Sprintf("a commit would wait for %d standbys, and %d are named", s.Num, len(s.Names)),
			fmt.Sprintf("write at most %d", len(s.Names)))
	}
	return s, nil
}
