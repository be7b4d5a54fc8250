// Package syncmode knows the modes of PostgreSQL's synchronous replication by name: what a commit
// waits for in each, what it survives, and which of them are different with some number of standbys.
package syncmode

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"pgchaos/standbynames"
)

// Mode is one mode. The zero value is none.
type Mode struct {
	Level // synchronous_commit, and what it means
	// Any and Num say for which standbys a commit waits: any Num of them, or the first Num that are
	// connected. Num is 0 where it waits for none.
	Any bool
	Num int
}

// Level is a value of synchronous_commit, and what it means for a commit.
type Level struct {
	Name   string // of the level: "remote_write"
	Commit string // synchronous_commit
	// Names says that synchronous_standby_names is set.
	Names bool
	// Waits says that a commit waits for standbys.
	Waits    bool
	WaitsFor string // what a commit waits for; %s stands for the standbys
	Survives string
	Readers  string // what readers of a standby see; %s stands for the standbys
}

// Levels are all, the weakest first.
func Levels() []Level {
	const (
		later    = "The write some time after its acknowledgement."
		failover = "A crash of the primary that starts again on its disk. A failover loses what the promoted standby had not received."
	)
	return []Level{
		{
			Name: "off", Commit: "off",
			WaitsFor: "Nothing: the WAL is written and flushed later, within 3 x wal_writer_delay (0.6 s by default).",
			Survives: "A clean stop. A crash of the primary loses the writes of that time, a failover what the promoted standby had not received.",
			Readers:  later,
		},
		{Name: "async", Commit: "on", WaitsFor: "The primary's disk.", Survives: failover, Readers: later},
		{
			Name: "local", Commit: "local", Names: true,
			WaitsFor: "The primary's disk, as in async. Standbys are named, and a session can choose to wait for them.",
			Survives: failover, Readers: later,
		},
		{
			Name: "remote_write", Commit: "remote_write", Names: true, Waits: true,
			WaitsFor: "The primary's disk, and the operating system of %s: the WAL is written there, not yet flushed.",
			Survives: "The loss of the primary. Not if the operating system of the standby that is promoted crashes as well.",
			Readers:  later,
		},
		{
			Name: "on", Commit: "on", Names: true, Waits: true,
			WaitsFor: "The primary's disk, and the disk of %s.",
			Survives: "The loss of the primary, and also a crash of the standby that is promoted.",
			Readers:  later,
		},
		{
			Name: "remote_apply", Commit: "remote_apply", Names: true, Waits: true,
			WaitsFor: "The primary's disk, and the disk of %s, where the write must also have been replayed.",
			Survives: "As on.",
			Readers:  "The write at once, on %s. On other standbys some time later.",
		},
	}
}

// Choice is a way to choose the standbys that a commit waits for.
type Choice struct {
	Name     string // "any-1"
	WaitsFor string
	Slow     string // what a slow standby does
	Fails    string // what a standby that is gone does
	Promote  string // which standby has every acknowledged write
}

// Choices are those that are explained.
func Choices() []Choice {
	return []Choice{
		{
			Name: "first-1", WaitsFor: "the first standby of the list that is connected",
			Slow:    "Every commit is as slow as the first standby.",
			Fails:   "The next one of the list takes its place once the primary has noticed. Commits wait while none is connected.",
			Promote: "The one whose sync_state was sync.",
		},
		{
			Name: "any-1", WaitsFor: "any one standby",
			Slow:    "Commits are as slow as the fastest standby.",
			Fails:   "Commits go on. They wait while none is connected.",
			Promote: "The one that has received most.",
		},
		{
			Name: "any-2", WaitsFor: "any two standbys",
			Slow:    "Commits are as slow as the second fastest standby.",
			Fails:   "With two standbys, commits wait until it is back.",
			Promote: "With two standbys either. With more, the one that has received most.",
		},
	}
}

// Alias is a name that Oracle's Data Guard has for a protection mode.
type Alias struct {
	Name       string
	Mode       string // the nearest mode
	Difference string
}

// Aliases are all that there are.
func Aliases() []Alias {
	return []Alias{
		{"max-performance", "async", "None: the same promise."},
		{
			"max-availability", "on/any-1",
			"PostgreSQL has no such mode. Oracle acknowledges without a standby while none can be reached; PostgreSQL never does: commits wait. " +
				"They go on only while one standby is connected, so have two or more.",
		},
		{
			"max-protection", "on/any-1",
			"While no standby can be reached, Oracle shuts the primary down; PostgreSQL keeps it up, and commits wait. " +
				"A commit whose wait is cancelled is acknowledged with a warning. remote_apply/any-1 protects as much.",
		},
	}
}

// All are the modes that are listed. Parse knows others, such as on/any-3.
func All() (all []Mode) {
	for _, level := range Levels() {
		if !level.Waits {
			all = append(all, newMode(level, true, 1))
			continue
		}
		for _, c := range Choices() {
			anyOf, num, _ := parseChoice(c.Name)
			all = append(all, newMode(level, anyOf, num))
		}
	}
	return all
}

func newMode(level Level, anyOf bool, num int) Mode {
	if !level.Waits {
		anyOf, num = false, 0
	}
	return Mode{Level: level, Any: anyOf, Num: num}
}

// String is the mode's name, such as on/any-1.
func (m Mode) String() string {
	if m.Num == 0 {
		return m.Name
	}
	return m.Name + "/" + m.choice()
}

func (m Mode) choice() string {
	if m.Any {
		return "any-" + strconv.Itoa(m.Num)
	}
	return "first-" + strconv.Itoa(m.Num)
}

// standbys says in words for which standbys a commit waits.
func (m Mode) standbys() string {
	for _, c := range Choices() {
		if c.Name == m.choice() {
			return c.WaitsFor
		}
	}
	if m.Any {
		return fmt.Sprintf("any %d standbys", m.Num)
	}
	return fmt.Sprintf("the first %d standbys of the list that are connected", m.Num)
}

// CommitWaitsFor is what a commit waits for.
func (m Mode) CommitWaitsFor() string { return m.fill(m.WaitsFor) }

// ReadersSee is what readers of a standby see.
func (m Mode) ReadersSee() string {
	return m.fill(m.Readers)
}

func (m Mode) fill(text string) string { return strings.ReplaceAll(text, "%s", m.standbys()) }

// LevelText is a text of a level that stands for no one choice of standbys.
func LevelText(text string) string {
	return strings.ReplaceAll(text, "%s", "the standbys it waits for")
}

// Standbys is synchronous_standby_names for these standbys.
func (m Mode) Standbys(names []string) string {
	switch {
	case !m.Names || len(names) == 0:
		return ""
	case !m.Waits: // they are named, and the level does not wait
		return standbynames.Names{Any: true, Num: 1, Names: names}.String()
	}
	return standbynames.Names{Any: m.Any, Num: m.Num, Names: names}.String()
}

// Impossible says why a mode cannot be with some number of standbys; "" if it can.
func (m Mode) Impossible(standbys int) string {
	switch {
	case m.Num <= standbys:
		return ""
	case standbys == 0:
		return "there is no standby to wait for"
	case standbys == 1:
		return fmt.Sprintf("a commit would wait for %d standbys, and there is 1", m.Num)
	}
	return fmt.Sprintf("a commit would wait for %d standbys, and there are %d", m.Num, standbys)
}

// Same tells whether two modes are the same to a commit with some number of standbys: what it waits
// for is. Of all standbys, any and the first are the same.
func (m Mode) Same(o Mode, standbys int) bool {
	if !m.Waits || !o.Waits {
		return m.Waits == o.Waits && (m.Commit == "off") == (o.Commit == "off")
	}
	return m.Commit == o.Commit && m.Num == o.Num && (m.Any == o.Any || m.Num == standbys)
}

// Error is a name that is no mode's.
type Error struct {
	What, Right string
	Unknown     bool // another name may be meant
}

func (e *Error) Error() string { return e.What + "; " + e.Right }

// Parse reads the name of a mode, or an alias. A level alone, such as on, waits for any one standby.
func Parse(word string) (Mode, error) {
	for _, a := range Aliases() {
		if a.Name == word {
			return Parse(a.Mode)
		}
	}
	name, choice, chosen := strings.Cut(word, "/")
	i := slices.IndexFunc(Levels(), func(l Level) bool { return l.Name == name })
	if i < 0 {
		if _, _, ok := parseChoice(word); ok {
			return Mode{}, &Error{
				What:  fmt.Sprintf("%q says which standbys a commit waits for, and not what they must have done", word),
				Right: fmt.Sprintf("write on/%[1]s, remote_write/%[1]s or remote_apply/%[1]s", word),
			}
		}
		return Mode{}, &Error{What: fmt.Sprintf("there is no mode %q", word), Right: "'pgchaos modes' lists them", Unknown: true}
	}
	level, anyOf, num := Levels()[i], true, 1
	switch {
	case !chosen:
	case !level.Waits:
		return Mode{}, &Error{What: fmt.Sprintf("%q: a commit in %s waits for no standby", word, name), Right: "write " + name}
	default:
		var ok bool
		if anyOf, num, ok = parseChoice(choice); !ok {
			return Mode{}, &Error{What: fmt.Sprintf("%q: %q does not say which standbys a commit waits for", word, choice), Right: "write first-1, any-1, any-2, or another number"}
		}
	}
	return newMode(level, anyOf, num), nil
}

// parseChoice reads first-N or any-N.
func parseChoice(text string) (anyOf bool, num int, ok bool) {
	method, digits, _ := strings.Cut(text, "-")
	num, err := strconv.Atoi(digits)
	ok = err == nil && num > 0 && strconv.Itoa(num) == digits && (method == "first" || method == "any")
	return method == "any", num, ok
}

// Words are all names that are listed: of modes, of levels alone, and aliases.
func Words() (words []string) {
	for _, level := range Levels() {
		words = append(words, level.Name)
	}
	for _, m := range All() {
		if m.Num > 0 {
			words = append(words, m.String())
		}
	}
	for _, a := range Aliases() {
		words = append(words, a.Name)
	}
	return words
}
