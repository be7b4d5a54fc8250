package local

import (
	"fmt"
	"os"
	"strings"
)

// remedies are how to install the server, by the names that a system or those it
// is like have in os-release(5): the newest that the system has, and one of a
// certain version.
var remedies = map[string]struct{ newest, version string }{
	"debian": {"apt-get install postgresql", "apt-get install postgresql-%d (https://apt.postgresql.org has every version)"},
	"rhel":   {"dnf install postgresql-server", "dnf install postgresql%d-server (https://yum.postgresql.org has every version)"},
	"fedora": {"dnf install postgresql-server", "dnf install postgresql%d-server"},
	"suse":   {"zypper install postgresql-server", "zypper install postgresql%d-server"},
	"alpine": {"apk add postgresql", "apk add postgresql%d"},
	"arch":   {"pacman -S postgresql", ""},
	"darwin": {"brew install postgresql@17", "brew install postgresql@%d"},
}

// remedy says what to install on this system.
func (s search) remedy(major int) string {
	names := []string{s.system}
	if s.system == "linux" {
		data, _ := os.ReadFile(s.osRelease) // an unknown system gets the general answer
		names = systemNames(string(data))
	}
	for _, name := range names {
		r, ok := remedies[name]
		switch {
		case !ok:
		case major == 0:
			return "install it (" + r.newest + ")"
		case r.version != "":
			return "install it (" + fmt.Sprintf(r.version, major) + ")"
		}
	}
	return "install the PostgreSQL server"
}

// systemNames are ID and then ID_LIKE of os-release(5).
func systemNames(text string) []string {
	values := map[string]string{}
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			values[key] = strings.Trim(value, `"'`)
		}
	}
	return append(strings.Fields(values["ID"]), strings.Fields(values["ID_LIKE"])...)
}
