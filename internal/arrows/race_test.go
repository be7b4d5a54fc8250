package arrows

import (
	"bytes"
	"os"
	"os/exec"
	"testing"
)

// TestRaceDetectorRunsTheSameFiles compares the files of a build with -race with those of
// one without. A file that only one of them has would never be tested as users run it.
func TestRaceDetectorRunsTheSameFiles(t *testing.T) {
	files := func(flags ...string) []byte {
		cmd := exec.CommandContext(t.Context(), "go", append(append([]string{"list"}, flags...), "-f={{.ImportPath}} {{.GoFiles}}", "./...")...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=1") // also without a C compiler: nothing is built
		cmd.Dir = "../.."
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("go list %v: %v", flags, err)
		}
		return out
	}
	if plain, race := files(), files("-race"); !bytes.Equal(plain, race) {
		t.Errorf("built with and without -race from different files:\n%s\n%s", plain, race)
	}
}
