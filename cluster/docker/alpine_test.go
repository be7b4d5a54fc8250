package docker

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"pgchaos/cluster"
	"pgchaos/internal/longtest"
)

// busyboxImage is like the official image on Alpine; it is built if it is missing.
func busyboxImage(t *testing.T) string {
	t.Helper()
	needEngine(t)
	if out, err := exec.Command("../../scripts/busybox-image.sh").CombinedOutput(); err != nil {
		t.Fatalf("build the image: %v: %s", err, out)
	}
	return "pgchaos/busybox-postgres:15"
}

// event is one of the engine's, as `docker events` tells it.
type event struct {
	Type, Action string
	Actor        struct {
		ID         string
		Attributes map[string]string
	}
}

// mounted are the volumes that containers of a run have had since a time, and the
// part of the run that each container was.
func mounted(t *testing.T, run string, since time.Time) map[string]string {
	t.Helper()
	stamp := func(at time.Time) string { return fmt.Sprintf("%d.%09d", at.Unix(), at.Nanosecond()) }
	parts, volumes := map[string]string{}, map[string]string{}
	out := docker(t, "events", "--format", "{{json .}}", "--since", stamp(since), "--until", stamp(time.Now()))
	for line := range strings.Lines(out) {
		var e event
		must(t, json.Unmarshal([]byte(line), &e))
		switch {
		case e.Type == "container" && e.Actor.Attributes[labelRun] == run:
			parts[e.Actor.ID] = e.Actor.Attributes[labelPart]
		case e.Type == "volume" && e.Action == "mount":
			if part, ours := parts[e.Actor.Attributes["container"]]; ours {
				volumes[e.Actor.ID] = part
			}
		}
	}
	return volumes
}

// TestImageLikeAlpine has busybox for a shell, PostgreSQL where the official images
// have it, their volume, and an entrypoint that must not run.
func TestImageLikeAlpine(t *testing.T) {
	longtest.Only(t)
	t.Parallel()
	began := time.Now()
	p := testProvider(t, Options{Image: busyboxImage(t)})
	if p.image.user != "70:70" || p.Programs() != "/usr/local/bin" || p.image.mount != "/var/lib/postgresql/data" {
		t.Errorf("found %+v", p.image)
	}
	h := testServer(t, p, "n1")
	if got := runOn(t, h, "id", "-un"); got != "postgres" {
		t.Errorf("commands run as %s", got)
	}
	must(t, h.Disconnect(t.Context()))
	if got, err := query(t, h, "select '1'", time.Second); !isTimeout(err) {
		t.Errorf("disconnected, it answers %q, %v", got, err)
	}
	must(t, h.Connect(t.Context()))
	if got, err := query(t, h, "select '1'", 3*time.Second); got != "1" {
		t.Errorf("connected again: %v", err)
	}
	if _, err := h.Exec(t.Context(), cluster.Command{Argv: []string{"cat", "/proc/self/status"}}); err != nil {
		t.Error(err)
	}
	// Where the image declares a volume and nothing is mounted, the engine makes a volume of its
	// own. None of them may stay.
	seen := mounted(t, p.options.Run, began)
	must(t, p.Remove(t.Context()))
	once := 0
	left := strings.Fields(docker(t, "volume", "ls", "-q"))
	for volume, part := range seen {
		if slices.Contains(left, volume) {
			t.Errorf("volume %s of a container for %s is left", volume, part)
		}
		if part == partOnce {
			once++
		} else if volume != h.volume() {
			t.Errorf("the container for %s had volume %s", part, volume)
		}
	}
	if once == 0 {
		t.Errorf("volumes %v: this test proves nothing", seen)
	}
}
