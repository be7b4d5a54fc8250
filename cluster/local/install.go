package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// Installation is one set of PostgreSQL's server programs.
type Installation struct {
	BinDir  string
	Version string // as the server says it: "15.18", "18beta1"
	Major   int
	minor   int // -1 before the first release
}

// oldestMajor is the oldest version that the nodes can be made of: what pg_rewind
// and streaming need since then stands in the ordinary configuration.
const oldestMajor = 13

// FindInstallation finds PostgreSQL in binDir, or when that is "" where systems
// put it. The newest that has all programs wins, among those of the wanted major
// version if major is not 0. The error of a search in vain says where it looked,
// why not what it found, and what to install.
func FindInstallation(ctx context.Context, binDir string, major int) (Installation, error) {
	return systemSearch().find(ctx, binDir, major)
}

// search is where to look for PostgreSQL.
type search struct {
	system    string // runtime.GOOS
	osRelease string // path of os-release(5)
	path      string // $PATH
	globs     []string
}

func systemSearch() search {
	return search{
		system: runtime.GOOS, osRelease: "/etc/os-release", path: os.Getenv("PATH"),
		globs: []string{
			"/usr/lib/postgresql/*/bin", // Debian
			"/usr/pgsql-*/bin",          // Red Hat, packages of postgresql.org
			"/usr/lib/postgresql*/bin",  // SUSE
			"/usr/libexec/postgresql*",  // Alpine
			"/usr/local/pgsql/bin",      // a build from source
			"/opt/homebrew/opt/postgresql@*/bin",
			"/usr/local/opt/postgresql@*/bin",
			"/opt/homebrew/bin",
			"/Applications/Postgres.app/Contents/Versions/*/bin",
		},
	}
}

func (s search) find(ctx context.Context, binDir string, major int) (Installation, error) {
	if major != 0 && major < oldestMajor {
		return Installation{}, fmt.Errorf("find PostgreSQL %d: the oldest supported version is %d", major, oldestMajor)
	}
	if binDir != "" {
		return s.explicit(ctx, binDir, major)
	}
	var best Installation
	var refused []string
	for _, dir := range s.candidates(ctx) {
		found, err := examine(ctx, dir)
		switch {
		case errors.Is(err, errNoServer):
		case ctx.Err() != nil:
			return Installation{}, fmt.Errorf("find PostgreSQL: %w", context.Cause(ctx))
		case err != nil:
			refused = append(refused, err.Error())
		case found.Major < oldestMajor || major != 0 && found.Major != major:
			refused = append(refused, fmt.Sprintf("%s has version %s", dir, found.Version))
		case found.newer(best):
			best = found
		}
	}
	if best.BinDir == "" {
		return Installation{}, s.missing(major, refused)
	}
	return best, nil
}

func (s search) explicit(ctx context.Context, binDir string, major int) (Installation, error) {
	dir, err := filepath.Abs(binDir) // the programs will run in other directories
	if err != nil {
		return Installation{}, fmt.Errorf("find PostgreSQL in %s: %w", binDir, err)
	}
	found, err := examine(ctx, dir)
	if err != nil {
		return Installation{}, fmt.Errorf("find PostgreSQL in the given directory: %w", err)
	}
	if found.Major < oldestMajor {
		return Installation{}, fmt.Errorf("find PostgreSQL in the given directory: %s has version %s, the oldest supported is %d", dir, found.Version, oldestMajor)
	}
	if major != 0 && found.Major != major {
		return Installation{}, fmt.Errorf("find PostgreSQL %d in the given directory: %s has version %s", major, dir, found.Version)
	}
	return found, nil
}

// candidates are the directories to look at, those of the user's own choice first.
func (s search) candidates(ctx context.Context) []string {
	var dirs []string
	seen := map[string]bool{}
	add := func(dir string) {
		if filepath.IsAbs(dir) && !seen[filepath.Clean(dir)] {
			dir = filepath.Clean(dir)
			seen[dir] = true
			dirs = append(dirs, dir)
		}
	}
	path := filepath.SplitList(s.path)
	for _, dir := range path {
		add(dir)
	}
	for _, dir := range path {
		if config := filepath.Join(dir, "pg_config"); isProgram(config) {
			if out, err := output(ctx, config, "--bindir"); err == nil {
				add(strings.TrimSpace(out))
			}
		}
	}
	for _, pattern := range s.globs {
		matches, _ := filepath.Glob(pattern) // only a bad pattern is an error
		for _, dir := range matches {
			add(dir)
		}
	}
	return dirs
}

// errNoServer is a directory in which PostgreSQL's server is not.
var errNoServer = errors.New("no PostgreSQL server")

// examine looks at what is in one directory.
func examine(ctx context.Context, dir string) (Installation, error) {
	if !isProgram(filepath.Join(dir, "postgres")) {
		return Installation{}, fmt.Errorf("%s: %w: no program postgres", dir, errNoServer)
	}
	var missing []string
	for _, name := range []string{"initdb", "pg_basebackup", "pg_rewind"} {
		if !isProgram(filepath.Join(dir, name)) {
			missing = append(missing, name)
		}
	}
	if missing != nil {
		return Installation{}, fmt.Errorf("%s has no %s", dir, strings.Join(missing, ", "))
	}
	out, err := output(ctx, filepath.Join(dir, "postgres"), "--version")
	if err != nil {
		return Installation{}, err
	}
	found, err := parseVersion(out)
	if err != nil {
		return Installation{}, fmt.Errorf("%s: %w", dir, err)
	}
	found.BinDir = dir
	return found, nil
}

// versionForm is what postgres --version prints: "postgres (PostgreSQL) 15.18
// (Debian 15.18-0+deb12u1)", "postgres (PostgreSQL) 18beta1".
var versionForm = regexp.MustCompile(`^postgres \([^)]*\) (([0-9]+)(?:\.([0-9]+))?[0-9A-Za-z.]*)`)

func parseVersion(text string) (Installation, error) {
	m := versionForm.FindStringSubmatch(text)
	if m == nil {
		return Installation{}, fmt.Errorf("postgres --version says %q", strings.TrimSpace(text))
	}
	major, err := strconv.Atoi(m[2])
	if err != nil {
		return Installation{}, fmt.Errorf("postgres --version says %q: %w", strings.TrimSpace(text), err)
	}
	minor := -1
	if m[3] != "" {
		if minor, err = strconv.Atoi(m[3]); err != nil {
			return Installation{}, fmt.Errorf("postgres --version says %q: %w", strings.TrimSpace(text), err)
		}
	}
	return Installation{Version: m[1], Major: major, minor: minor}, nil
}

func (i Installation) newer(other Installation) bool {
	if i.Major != other.Major {
		return i.Major > other.Major
	}
	return i.minor > other.minor
}

func isProgram(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// output runs a program that answers at once.
func output(ctx context.Context, argv ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("run %s: %w", strings.Join(argv, " "), err)
	}
	return string(out), nil
}

// missing is the error of a search in vain.
func (s search) missing(major int, refused []string) error {
	wanted := fmt.Sprintf("PostgreSQL %d or newer", oldestMajor)
	if major != 0 {
		wanted = fmt.Sprintf("PostgreSQL %d", major)
	}
	text := fmt.Sprintf("find %s: not installed (looked in PATH, pg_config --bindir, %s)", wanted, strings.Join(s.globs, ", "))
	if len(refused) > 0 {
		text += "; " + strings.Join(refused, "; ")
	}
	text += "; " + s.remedy(major) + ", or select another with --pg-bin or cluster.postgres"
	return fmt.Errorf("%s: %w", text, fs.ErrNotExist)
}
