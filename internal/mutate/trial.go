package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// trial is a package with all of its mutants, and the tests that are to see them.
type trial struct {
	mutants []mutant
	tests   []binary // in the order in which they are tried
	scratch string
}

// binary is a compiled test, which must run in its package's directory.
type binary struct {
	path, dir string
	limit     time.Duration // many times of what it takes
}

// build mutates the files of the package in dir (only those named, if any are), and
// compiles the tests of it and of the others. Where nothing can be mutated, the trial is empty.
func build(ctx context.Context, dir string, only, others []string, scratch string) (*trial, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	scratch, err = os.MkdirTemp(scratch, filepath.Base(dir))
	if err != nil {
		return nil, err
	}
	t := &trial{scratch: scratch}
	name, files, err := sources(ctx, dir)
	if err != nil {
		return nil, err
	}
	replaced := make(map[string]string)
	for _, file := range files {
		if len(only) > 0 && !matches(only, file) {
			continue
		}
		src, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			return nil, err
		}
		src, err = mutate(file, src, &t.mutants)
		if err != nil {
			return nil, err
		}
		if err := t.overlay(replaced, filepath.Join(dir, file), src); err != nil {
			return nil, err
		}
	}
	if len(t.mutants) == 0 {
		return t, nil
	}
	text := fmt.Sprintf("package %s\n\nimport (\n\t\"os\"\n\t\"strconv\"\n)\n\nvar %s, _ = strconv.Atoi(os.Getenv(%q))\n", name, switchName, switchName)
	if err := t.overlay(replaced, filepath.Join(dir, "mutant_switch.go"), []byte(text)); err != nil {
		return nil, err
	}
	list, err := json.Marshal(map[string]any{"Replace": replaced})
	if err != nil {
		return nil, err
	}
	overlay := filepath.Join(scratch, "overlay.json")
	if err := os.WriteFile(overlay, list, 0o600); err != nil {
		return nil, err
	}
	for i, pkg := range append([]string{dir}, others...) {
		if err := t.compile(ctx, pkg, overlay, i); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func matches(patterns []string, file string) bool {
	for _, p := range patterns {
		if ok, err := filepath.Match(p, file); ok && err == nil {
			return true
		}
	}
	return false
}

// sources are the name and the files of the package in dir, as this machine builds it.
func sources(ctx context.Context, dir string) (name string, files []string, err error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-json=Name,GoFiles", ".")
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		return "", nil, fmt.Errorf("go list in %s: %w", dir, err)
	}
	var pkg struct {
		Name    string
		GoFiles []string
	}
	if err := json.Unmarshal(out, &pkg); err != nil {
		return "", nil, fmt.Errorf("go list in %s: %w", dir, err)
	}
	return pkg.Name, pkg.GoFiles, nil
}

func (t *trial) overlay(replaced map[string]string, path string, text []byte) error {
	to := filepath.Join(t.scratch, filepath.Base(path))
	replaced[path] = to
	return os.WriteFile(to, text, 0o600)
}

// compile makes a test binary, and demands that it passes while no mutant is on.
func (t *trial) compile(ctx context.Context, pkg, overlay string, i int) error {
	dir, err := filepath.Abs(pkg)
	if err != nil {
		return err
	}
	b := binary{path: filepath.Join(t.scratch, fmt.Sprintf("%d.test", i)), dir: dir, limit: 10 * time.Minute}
	cmd := exec.CommandContext(ctx, "go", "test", "-c", "-overlay", overlay, "-o", b.path, ".")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("compile the tests of %s: %w\n%s", pkg, err, out)
	}
	begin := time.Now()
	if seen, out := b.sees(ctx, 0); seen {
		return fmt.Errorf("the tests of %s fail as it is:\n%s", pkg, out)
	}
	// A machine that is busy now and then must not look like a mutant without an end.
	b.limit = max(20*time.Second, 20*time.Since(begin))
	t.tests = append(t.tests, b)
	return nil
}

// sees tells whether a test fails, or does not come to an end, while a mutant is on.
func (b binary) sees(ctx context.Context, number int) (seen bool, out []byte) {
	ctx, cancel := context.WithTimeout(ctx, b.limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, b.path, "-test.short", "-test.failfast")
	cmd.Dir = b.dir
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d", switchName, number))
	out, err := cmd.CombinedOutput()
	return err != nil, out
}

// survivors tries every mutant, so many at a time, and returns those that no test
// sees, by number from 1.
func (t *trial) survivors(ctx context.Context, atOnce int, progress func(done int)) ([]int, error) {
	var mu sync.Mutex
	var all sync.WaitGroup
	next, done := 0, 0
	alive := make(map[int]bool)
	for range atOnce {
		all.Go(func() {
			for ctx.Err() == nil {
				mu.Lock()
				next++
				number := next
				mu.Unlock()
				if number > len(t.mutants) {
					return
				}
				seen := t.seen(ctx, number)
				mu.Lock()
				if !seen {
					alive[number] = true
				}
				done++
				progress(done)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if err := ctx.Err(); err != nil {
		return nil, errors.Join(errors.New("not every mutant was tried"), err)
	}
	var numbers []int
	for n := range len(t.mutants) {
		if alive[n+1] {
			numbers = append(numbers, n+1)
		}
	}
	return numbers, nil
}

func (t *trial) seen(ctx context.Context, number int) bool {
	for _, b := range t.tests {
		if seen, _ := b.sees(ctx, number); seen {
			return true
		}
	}
	return false
}

// known are mutants that say the same as the code: by function and text, since lines
// move. The value says why.
type known map[string]string

func (m mutant) key() string { return m.file + " " + m.fn + ": " + m.what }

// readKnown reads a file of such mutants: a line each, as survivors are printed but
// without the number of the line, and below it, indented, the reason. Lines that begin with # say nothing.
func readKnown(path string) (known, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	k := make(known)
	key := ""
	for i, line := range strings.Split(string(text), "\n") {
		switch {
		case strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#"):
		case !strings.HasPrefix(line, " "):
			key = line
			k[key] = ""
		case key == "":
			return nil, fmt.Errorf("%s:%d: a reason, and no mutant before it", path, i+1)
		default:
			k[key] = strings.TrimSpace(k[key] + " " + strings.TrimSpace(line))
		}
	}
	for key, reason := range k {
		if reason == "" {
			return nil, fmt.Errorf("%s: %s: without a reason", path, key)
		}
	}
	return k, nil
}
