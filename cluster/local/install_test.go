package local

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fakeBin makes a directory of programs, whose postgres says a version.
func fakeBin(t *testing.T, dir, version string, programs ...string) string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range programs {
		script := "#!/bin/sh\necho 'postgres (PostgreSQL) " + version + "'\n"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

var allPrograms = []string{"postgres", "initdb", "pg_basebackup", "pg_rewind"}

func TestFindInstallation(t *testing.T) {
	root := t.TempDir()
	debian := filepath.Join(root, "usr/lib/postgresql")
	fakeBin(t, debian+"/15/bin", "15.18 (Debian 15.18-0+deb12u1)", allPrograms...)
	fakeBin(t, debian+"/17/bin", "17.2", allPrograms...)
	fakeBin(t, debian+"/12/bin", "12.22", allPrograms...)
	fakeBin(t, debian+"/18/bin", "18.0", "postgres", "initdb", "pg_basebackup")
	path15 := fakeBin(t, filepath.Join(root, "path15"), "15.20", allPrograms...)
	beta := fakeBin(t, filepath.Join(root, "beta"), "17beta1", allPrograms...)
	clientsOnly := fakeBin(t, filepath.Join(root, "clients"), "17.2", "psql")
	strange := fakeBin(t, filepath.Join(root, "strange"), "(by hand)", allPrograms...)
	configured := fakeBin(t, filepath.Join(root, "configured"), "16.1", allPrograms...)
	configDir := fakeBin(t, filepath.Join(root, "configdir"), "")
	if err := os.WriteFile(configDir+"/pg_config", []byte("#!/bin/sh\necho "+configured+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	globs := []string{debian + "/*/bin"}
	release := filepath.Join(root, "os-release")
	if err := os.WriteFile(release, []byte("ID=ubuntu\nID_LIKE=\"debian\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}

	for _, tt := range []struct {
		name, binDir, path string
		globs              []string
		major              int
		dir, version       string   // what is found
		wrong              []string // or what the error says
	}{
		{name: "newest complete one", globs: globs, dir: debian + "/17/bin", version: "17.2"},
		{name: "wanted major", globs: globs, major: 15, dir: debian + "/15/bin", version: "15.18"},
		{name: "newer minor on the path", path: path15, globs: globs, major: 15, dir: path15, version: "15.20"},
		{name: "the path does not win over a newer one", path: path15, globs: globs, dir: debian + "/17/bin", version: "17.2"},
		{name: "a release is newer than its beta", path: beta, globs: globs, dir: debian + "/17/bin", version: "17.2"},
		{name: "beta if there is nothing else", path: beta, dir: beta, version: "17beta1"},
		{name: "clients alone are none", path: clientsOnly, wrong: []string{"not installed"}},
		{name: "relative path elements are not searched", path: "path15", wrong: []string{"not installed"}},
		{name: "by pg_config", path: configDir, dir: configured, version: "16.1"},
		{name: "strange version", path: strange, wrong: []string{"(by hand)"}},
		{name: "told exactly", binDir: path15, globs: globs, dir: path15, version: "15.20"},
		{name: "told, incomplete", binDir: debian + "/18/bin", wrong: []string{"pg_rewind"}},
		{name: "told, no server", binDir: clientsOnly, globs: globs, wrong: []string{"no program postgres", clientsOnly}},
		{name: "told, too old", binDir: debian + "/12/bin", wrong: []string{"12.22", "oldest"}},
		{name: "told, other major", binDir: path15, major: 16, wrong: []string{"16", "15.20"}},
		{name: "unsupported major", globs: globs, major: 12, wrong: []string{"oldest"}},
		{
			name: "wanted major is missing", globs: globs, major: 16,
			wrong: []string{"PostgreSQL 16", "17.2", "15.18", "apt-get install postgresql-16", "--pg-bin", "cluster.postgres"},
		},
		{
			name:  "nothing usable",
			globs: []string{debian + "/12/bin", debian + "/18/bin"},
			wrong: []string{"12.22", "no pg_rewind", "apt-get install postgresql)", "PATH", "pg_config", debian + "/18/bin"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := search{system: "linux", osRelease: release, path: tt.path, globs: tt.globs}
			got, err := s.find(context.Background(), tt.binDir, tt.major)
			if tt.wrong != nil {
				if err == nil {
					t.Fatalf("found %+v", got)
				}
				for _, part := range tt.wrong {
					if !strings.Contains(err.Error(), part) {
						t.Errorf("the error does not say %q: %v", part, err)
					}
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got.BinDir != tt.dir || got.Version != tt.version {
				t.Errorf("found %s in %s, want %s in %s", got.Version, got.BinDir, tt.version, tt.dir)
			}
		})
	}
}

func TestFindInstallationEndsWithContext(t *testing.T) {
	dir := fakeBin(t, t.TempDir(), "17.2", allPrograms...)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := search{path: dir}.find(ctx, "", 0)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if errors.Is(err, fs.ErrNotExist) {
		t.Errorf("says that nothing is installed: %v", err)
	}
}

func TestRemedy(t *testing.T) {
	for _, tt := range []struct {
		name, system, release string
		major                 int
		want                  string
	}{
		{"debian", "linux", "ID=debian\n", 0, "apt-get install postgresql)"},
		{"like debian, quoted", "linux", "ID=mint\nID_LIKE=\"ubuntu debian\"\n", 16, "apt-get install postgresql-16 "},
		{"rocky", "linux", "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n", 16, "dnf install postgresql16-server"},
		{"arch has one version", "linux", "ID=arch\n", 16, "install the PostgreSQL server"},
		{"mac", "darwin", "", 16, "brew install postgresql@16"},
		{"unknown", "linux", "ID=plan9\n", 0, "install the PostgreSQL server"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "os-release")
			if err := os.WriteFile(file, []byte(tt.release), 0o644); err != nil {
				t.Fatal(err)
			}
			if got := (search{system: tt.system, osRelease: file}).remedy(tt.major); !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q in it", got, tt.want)
			}
		})
	}
}
