package fault_test

import (
	"context"
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgchaos/chaos/fault"
	"pgchaos/internal/units"
)

// TestASwitchThatWaits: the machine runs the undo later by itself, unless it is disarmed. Arming it does not wait for that, also where
// the transport goes on until nobody can write to it any more, and where sh is another shell. Where nothing will run the undo, arming fails.
func TestASwitchThatWaits(t *testing.T) {
	shells := map[string]string{"as it is": ""}
	for _, name := range []string{"bash", "busybox"} {
		if path, err := exec.LookPath(name); err == nil {
			shells[name] = path
		}
	}
	for name, shell := range shells {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := os.Getenv("PATH")
			if shell != "" {
				must(t, os.Symlink(shell, filepath.Join(dir, "sh")))
				path = dir + ":" + path
			}
			done := filepath.Join(dir, "undone")
			hook := &fault.RunHook{Name: "hang-" + strings.ToLower(rand.Text()), Do: "true", Undo: "touch '" + done + "'", Proof: "true"}
			planned := func(what string) (argv []string) {
				for _, c := range hook.Planned("n1", "db1") {
					if c.What == what {
						argv = c.Argv
					}
				}
				return argv
			}
			// over ssh, a command has ended when the last of those who could write to its output has
			command := func(path, what string) (string, error) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				argv := append([]string{"-c", `{ "$@" || echo status $?; } 2>&1 | cat`, "transport"}, planned(what)...)
				cmd := exec.CommandContext(ctx, "/bin/sh", argv...)
				cmd.Env, cmd.WaitDelay = []string{"PATH=" + path}, time.Second
				out, err := cmd.CombinedOutput()
				return string(out), err
			}
			expect := func(path, what, want string) {
				t.Helper()
				if out, err := command(path, what); err != nil || out != want {
					t.Errorf("%s: %q, %v, want %q", what, out, err, want)
				}
			}

			waits := func(of string) {
				t.Helper()
				if out, err := command(path, "before"); err != nil || !strings.Contains(out, "status 1") || !strings.Contains(out, of) || !strings.Contains(out, "disarm it: rm -f /tmp/pgchaos-undo-"+hook.Name+"-on-n1.") {
					t.Errorf("armed once more: %q, %v, want %q", out, err, of)
				}
			}
			hook.UndoAfter = units.Duration(90 * time.Second) // longer than it is waited for
			expect(path, "before", "")
			expect(path, "look", "")
			waits("(of the run RUN, armed at 2")
			expect(path, "after", "")
			expect(path, "look", "over\n")

			// what another run left is not disarmed, and nothing is armed beside it
			other := "/tmp/pgchaos-undo-" + hook.Name + "-on-n1.another-run.x"
			must(t, os.WriteFile(other, []byte("of the run another-run"), 0o644))
			t.Cleanup(func() { _ = os.Remove(other) }) // it can be gone
			waits("(of the run another-run)")
			expect(path, "look", "over\n")
			expect(path, "after", "")
			_, err := os.Stat(other)
			must(t, err)
			must(t, os.Remove(other))

			hook.UndoAfter = units.Duration(10 * time.Millisecond)
			expect(path, "before", "")
			for begun := time.Now(); ; time.Sleep(10 * time.Millisecond) {
				if _, err := os.Stat(done); err == nil {
					break
				}
				if time.Since(begun) > time.Minute {
					t.Fatal("the undo does not run")
				}
			}
			expect(path, "look", "over\n")

			hook.UndoAfter = units.Duration(time.Minute)
			for _, broken := range []string{"mktemp", "nohup"} {
				without := t.TempDir()
				must(t, os.WriteFile(filepath.Join(without, broken), []byte("#!/bin/sh\necho no "+broken+" here >&2\nexit 1\n"), 0o755))
				if out, err := command(without+":"+path, "before"); err != nil || !strings.Contains(out, "status 1") {
					t.Errorf("without %s: %q, %v", broken, out, err)
				}
				expect(path, "look", "over\n")
			}
		})
	}
}
