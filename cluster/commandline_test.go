package cluster

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestSplitCommand: words as a shell makes them, and an error for what only a shell can do.
func TestSplitCommand(t *testing.T) {
	for line, want := range map[string][]string{
		`pkill -9 -u postgres -x postgres`: {"pkill", "-9", "-u", "postgres", "-x", "postgres"},
		`sh -c 'a | b; c > "d"'`:           {"sh", "-c", `a | b; c > "d"`},
		`pkill -f "a\.b" "" x\ y ''`:       {"pkill", "-f", `a\.b`, "", "x y", ""},
		`a"b"'c'd "\$HOME \"q\""`:          {"abcd", `$HOME "q"`},
		"  a\t b ":                         {"a", "b"},
	} {
		got, err := SplitCommand(line)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v, want %q", line, got, err, want)
		}
		out, err := exec.CommandContext(t.Context(), "sh", "-c", "printf '%s\\n' "+strings.TrimSpace(line)).Output()
		if err != nil || string(out) != strings.Join(want, "\n")+"\n" {
			t.Errorf("%s: a shell makes of it %q, %v", line, out, err)
		}
	}
	for _, line := range []string{"", "  ", "a | b", "a; b", "a > b", "a $B", "rm /etc/cut*", "ls ~", "a 'b", `a "b`, `a \`} {
		if got, err := SplitCommand(line); err == nil {
			t.Errorf("%q: %q", line, got)
		}
	}
}

// TestExecTemplate: each word of a command arrives as one word, also where ssh gives it to a shell on the other side.
func TestExecTemplate(t *testing.T) {
	command := []string{"sh", "-c", "echo 'a b'; echo \"$0\"", "it's"}
	for text, quoted := range map[string]bool{
		"docker exec {host} {command}":                false,
		"kubectl exec -n db {host}-0 -- {command}":    false,
		"ssh {host} sudo -n {command}":                true,
		"timeout 10 /usr/bin/ssh -n {host} {command}": true,
		"env -C /tmp A={host} nice -nc {command}":     false, // no shell
		"env A={host} bash --norc {command}":          false,
	} {
		e, err := ParseExec(text)
		if err != nil {
			t.Fatal(err)
		}
		argv := e.Argv("db1", command)
		tail := argv[len(argv)-len(command):]
		if quoted {
			out, err := exec.CommandContext(t.Context(), "sh", "-c", strings.Join(tail, " ")).Output() // as sshd does
			if err != nil || string(out) != "a b\nit's\n" {
				t.Errorf("%s: %q, %v", text, out, err)
			}
		} else if !slices.Equal(tail, command) || !strings.Contains(strings.Join(argv, " "), "db1") {
			t.Errorf("%s: %q", text, argv)
		}
	}
	for _, text := range []string{"", "ssh {host}", "ssh {command} {command}", "sh -c '{command}'", "ssh | {command}", "ssh {host} bash -lc {command}", "docker exec {host} /bin/sh -ec {command}", "bash -cl {command}", "ssh {host} su - postgres -lc {command}"} {
		if _, err := ParseExec(text); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

// TestParseDSN: both forms, and nothing secret in errors and in what is shown.
func TestParseDSN(t *testing.T) {
	for _, text := range []string{
		"postgres://chaos:secret@db1:5433/shop?sslmode=verify-full&sslrootcert=%2Fdev%2Fnull",
		"host=db1 port=5433 user=chaos password='secret' dbname = shop sslmode=verify-full sslrootcert=/dev/null",
	} {
		d, err := ParseDSN(text)
		if err != nil && !strings.Contains(err.Error(), "CA") { // an empty file has no certificate, which pgx says at once
			t.Errorf("%s: %v", text, err)
		}
		if err != nil {
			continue
		}
		if strings.Contains(d.String()+d.Public(), "secret") {
			t.Error(d)
		}
	}
	d, err := ParseDSN("postgres://chaos:secret@db1:5433/shop?sslmode=disable")
	if err != nil || d.Address != (Address{"db1", 5433}) || d.User != (User{"chaos", "secret"}) || d.Database != "shop" || d.Settings()["sslmode"] != "disable" {
		t.Errorf("%+v, %v", d, err)
	}
	if !strings.Contains(d.For("app"), "password='secret'") || strings.Contains(d.Public(), "secret") {
		t.Error(d.For("app"), d.Public())
	}
	for _, text := range []string{"", "host=a,b", "postgres://a,b/c", "host='a", "nonsense", "postgres://u:secret@h:port/d", "service=x"} {
		if _, err := ParseDSN(text); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestEachPortHasAHost: a connection string of several ports says of how many hosts they are, without what else it has.
func TestEachPortHasAHost(t *testing.T) {
	for text, want := range map[string]string{
		"host=127.0.0.1 port=27201,27202 password=secret": "it names 2 ports for 1 host: write a host for each port, or one port",
		"host=a,b port=1,2,3":                             "it names 3 ports for 2 hosts: write a host for each port, or one port",
		"postgres://a/c?port=27201,27202":                 "it names 2 ports for 1 host: write a host for each port, or one port",
	} {
		if _, err := ParseDSN(text); err == nil || err.Error() != want {
			t.Errorf("%q: %v", text, err)
		}
		if _, err := DSNHosts(text); err == nil || err.Error() != want {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, text := range []string{"host=a,b port=1", "host=a,b port=1,2", "host=a,b", "postgres://a:1,b:2/c", "postgres://a,b/c"} {
		if all, err := DSNHosts(text); err != nil || len(all) != 2 {
			t.Errorf("%q: %v, %v", text, all, err)
		}
	}
}
