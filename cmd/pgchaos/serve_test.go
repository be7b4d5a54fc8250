package main

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// TestServe: the command prints an address, serves a store there, and ends with 0 on the signals that end it.
func TestServe(t *testing.T) {
	t.Parallel()
	where := t.TempDir()
	history(t, exitPass, "add", comparedRuns, "--store", where)
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		p := makePlace(t).detectRaces()
		var out, errs lines
		cmd := p.command("serve", "--store", where, "--listen", "127.0.0.1:0")
		cmd.Stdout, cmd.Stderr = &out, &errs
		must(t, cmd.Start())
		address := regexp.MustCompile(`^the runs of the store \S+ are at (http://127\.0\.0\.1:\d+/) until Ctrl-C\n`)
		p.await("the address", func() bool { return address.MatchString(out.String()) })
		answer, err := http.Get(address.FindStringSubmatch(out.String())[1])
		must(t, err)
		body, err := io.ReadAll(answer.Body)
		must(t, err)
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusOK || !strings.Contains(string(body), listed(t, "--store", where)[0].Run) {
			t.Errorf("status %d\n%s", answer.StatusCode, body)
		}
		must(t, cmd.Process.Signal(signal))
		if err := cmd.Wait(); err != nil || errs.String() != "" {
			t.Errorf("%s: %v\n%s", signal, err, errs.String())
		}
	}
}

// TestServeWarns of an address that other machines may reach.
func TestServeWarns(t *testing.T) {
	t.Parallel()
	where := t.TempDir()
	history(t, exitPass, "init", "--store", where)
	p := makePlace(t)
	var out, errs lines
	cmd := p.command("serve", "--store", where, "--listen", "0.0.0.0:0")
	cmd.Stdout, cmd.Stderr = &out, &errs
	must(t, cmd.Start())
	p.await("the address", func() bool { return strings.Contains(out.String(), "until Ctrl-C\n") })
	must(t, cmd.Process.Signal(syscall.SIGTERM))
	if err := cmd.Wait(); err != nil || !strings.Contains(errs.String(), "warning: --listen serves on an address that other machines may reach") {
		t.Errorf("%v\n%s", err, errs.String())
	}
}
