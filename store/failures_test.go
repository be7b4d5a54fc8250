package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"pgchaos/internal/skip"
	"pgchaos/report"
)

// TestTwoJobsAtOnce: two processes make a store and add to it at the same time, one result being the same.
func TestTwoJobsAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, where string) {
		both := result(t, 1)
		var jobs sync.WaitGroup
		for job := range 2 {
			dirs := []string{both}
			for n := range 5 {
				dirs = append(dirs, result(t, 2+5*job+n))
			}
			jobs.Go(func() {
				if out, err := adding(t, where, dirs...).CombinedOutput(); err != nil {
					t.Errorf("%v: %s", err, out)
				}
			})
		}
		jobs.Wait()
		whole(t, where, 11)
	})
}

// whole holds every run of a store against its files.
func whole(t *testing.T, where string, want int) {
	t.Helper()
	s := opened(t, where)
	found, err := s.List(t.Context(), Filter{})
	must(t, err)
	if len(found) != want && want >= 0 {
		t.Errorf("%d runs, want %d", len(found), want)
	}
	for _, k := range found {
		tree, err := copyTree(t.Context(), k.Dir, "")
		if err != nil || tree.hash() != k.Hash || len(k.Figures) == 0 || len(k.Fingerprint) == 0 {
			t.Errorf("run %s is not whole: %v", k.ID, err)
		}
	}
	leftNothing(t, filesOf(t, where))
}

// TestKilledJob kills a process at many moments of adding. Nothing is left half-made, and what has its
// files but no row is found again.
func TestKilledJob(t *testing.T) {
	onBoth(t, func(t *testing.T, where string) {
		opened(t, where)
		var dirs []string
		for n := 1; n <= 8; n++ {
			dir := result(t, n)
			for i := range 20 {
				must(t, os.WriteFile(filepath.Join(dir, "logs", fmt.Sprintf("%d.log", i)), bytes.Repeat([]byte{byte(i)}, 1<<16), 0o600))
			}
			dirs = append(dirs, dir)
		}
		for moment := range 12 {
			job := adding(t, where, dirs...)
			out, err := job.StdoutPipe()
			must(t, err)
			must(t, job.Start())
			// From the first run that it has added on, for it takes a while to start.
			_, _ = out.Read(make([]byte, 1))
			time.Sleep(time.Duration(moment) * 3 * time.Millisecond)
			_ = job.Process.Kill()
			_ = job.Wait()
			whole(t, where, -1)
		}
		s, err := Open(t.Context(), where)
		must(t, err)
		unlisted, err := s.Unlisted(t.Context())
		must(t, err)
		found, err := s.List(t.Context(), Filter{})
		must(t, err)
		must(t, s.Close())
		t.Logf("%d runs listed, %d with their files alone", len(found), len(unlisted))
		if out, err := adding(t, where, dirs...).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
		whole(t, where, len(dirs))
	})
}

// TestFilesWithoutARow is the store that a job leaves which was killed between its two steps, and before them.
func TestFilesWithoutARow(t *testing.T) {
	onBoth(t, func(t *testing.T, where string) {
		s, err := Open(t.Context(), where)
		must(t, err)
		add(t, s, result(t, 1))
		a := add(t, s, result(t, 2))
		_, err = s.db.Exec("delete from runs where hash = $1", a.Hash)
		must(t, err)
		parts := filepath.Join(s.at.files, partsDir)
		must(t, os.MkdirAll(filepath.Join(parts, "123", "logs"), 0o700))
		must(t, os.WriteFile(filepath.Join(parts, "123.lock"), nil, 0o600))
		living, err := s.newPart(t.Context())
		must(t, err)

		again := opened(t, where)
		if _, err := os.Stat(filepath.Join(parts, "123")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the copy of a killed job is still there: %v", err)
		}
		if _, err := os.Stat(living.dir); err != nil {
			t.Errorf("the copy of a living job is gone: %v", err)
		}
		must(t, living.remove())
		unlisted, err := again.Unlisted(t.Context())
		must(t, err)
		if len(unlisted) != 1 || unlisted[0] != a.Dir {
			t.Errorf("unlisted: %q", unlisted)
		}
		must(t, again.Close())
		must(t, s.Close())
		_, err = Rebuild(t.Context(), where)
		must(t, err)
		whole(t, where, 2)
	})
}

// smallDisk mounts one of its own.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		skip.Test(t, "a disk of its own can be made by root alone")
	}
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+size, "none", dir).CombinedOutput(); err != nil {
		skip.Test(t, "this machine mounts nothing: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	return dir
}

// TestFullDisk fills the disk, with what is copied and with the database.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t, "32m")
	s, err := Open(t.Context(), dir)
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	add(t, s, result(t, 1))
	large := result(t, 2)
	must(t, os.WriteFile(filepath.Join(large, "large"), make([]byte, 40<<20), 0o600))
	_, err = s.Add(t.Context(), large)
	if err == nil || !strings.Contains(err.Error(), "no space left on device") || !strings.Contains(err.Error(), dir) {
		t.Errorf("a copy larger than the disk: %v", err)
	}
	whole(t, dir, 1)
	// Nearly full: the copy fits, and the rows of the run do not.
	wide := result(t, 3, func(r *report.Result) {
		for i := range 400 {
			r.Workloads = append(r.Workloads, report.Workload{Name: fmt.Sprintf("w%04d", i)})
		}
	})
	tree, err := copyTree(t.Context(), wide, "")
	must(t, err)
	filler := filepath.Join(dir, "filler")
	fill(t, filler, tree.bytes+64<<10)
	_, err = s.Add(t.Context(), wide)
	if err == nil || !strings.Contains(err.Error(), "full") || !strings.Contains(err.Error(), "add it again") {
		t.Errorf("rows larger than the disk: %v", err)
	}
	must(t, os.Remove(filler))
	add(t, s, wide)
	whole(t, dir, 2)
}

// fill leaves so many bytes on the disk of a new file.
func fill(t *testing.T, file string, left int64) {
	t.Helper()
	f, err := os.Create(file)
	must(t, err)
	block := make([]byte, 4096)
	var n int64
	for err == nil {
		if _, err = f.Write(block); err == nil {
			n += int64(len(block))
		}
	}
	must(t, f.Truncate(max(n-left, 0)))
	must(t, f.Close())
}

// TestReadOnlyDirectory: what is there can be read, and nothing can be added.
func TestReadOnlyDirectory(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t, "20m")
	s, err := Open(t.Context(), dir)
	must(t, err)
	add(t, s, result(t, 1))
	must(t, s.Close())
	remount := func(how string) {
		t.Helper()
		if out, err := exec.Command("mount", "-o", "remount,"+how, dir).CombinedOutput(); err != nil {
			t.Fatalf("remount: %v: %s", err, out)
		}
	}
	remount("ro")
	t.Cleanup(func() { remount("rw") })
	if _, err := Open(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "cannot be written") {
		t.Errorf("open to write: %v", err)
	}
	s, err = Existing(t.Context(), dir)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	found, err := s.List(t.Context(), Filter{})
	must(t, err)
	if short(found) != "01" {
		t.Errorf("found %s", short(found))
	}
	if _, err := s.Unlisted(t.Context()); err != nil {
		t.Error(err)
	}
	for what, err := range map[string]error{
		"add":    second(s.Add(t.Context(), result(t, 2))),
		"accept": s.Accept(t.Context(), run(1), "ada", "x"),
		"prune":  second(s.Prune(t.Context(), PruneOptions{Keep: 1})),
	} {
		if err == nil || !strings.Contains(err.Error(), "cannot be written") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// TestNewerStore: a store that a newer pgchaos has changed is left as it is.
func TestNewerStore(t *testing.T) {
	onBoth(t, func(t *testing.T, where string) {
		s, err := Open(t.Context(), where)
		must(t, err)
		add(t, s, result(t, 1))
		_, err = s.db.Exec("insert into " + versionTable + " (version_id, is_applied) values (99, true)")
		must(t, err)
		must(t, s.Close())
		for what, err := range map[string]error{
			"open":     second(Open(t.Context(), where)),
			"existing": second(Existing(t.Context(), where)),
			"rebuild":  second(Rebuild(t.Context(), where)),
		} {
			if !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), "version 99") {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}

// TestDamagedDatabase: damage is an error that names the remedy, and never an empty history. The remedy works.
func TestDamagedDatabase(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(t *testing.T, file string){
		"no database": func(t *testing.T, file string) { must(t, os.WriteFile(file, bytes.Repeat([]byte("x"), 5000), 0o600)) },
		"empty":       func(t *testing.T, file string) { must(t, os.WriteFile(file, nil, 0o600)) },
		"gone":        func(t *testing.T, file string) { must(t, os.Remove(file)) },
		"cut off": func(t *testing.T, file string) {
			info, err := os.Stat(file)
			must(t, err)
			must(t, os.Truncate(file, info.Size()/2))
		},
		"zeroes in the middle": func(t *testing.T, file string) {
			info, err := os.Stat(file)
			must(t, err)
			f, err := os.OpenFile(file, os.O_WRONLY, 0)
			must(t, err)
			_, err = f.WriteAt(make([]byte, 3*4096), info.Size()/4096/2*4096)
			must(t, err)
			must(t, f.Close())
		},
	} {
		t.Run(name, func(t *testing.T) {
			where := filepath.Join(t.TempDir(), "store")
			s, err := Open(t.Context(), where)
			must(t, err)
			for n := 1; n <= 5; n++ {
				add(t, s, result(t, n))
			}
			must(t, s.Accept(t.Context(), run(3), "ada", "x"))
			must(t, s.Close())
			damage(t, filepath.Join(where, databaseFile))
			for what, err := range map[string]error{"open": second(Open(t.Context(), where)), "existing": second(Existing(t.Context(), where))} {
				var damaged *DamagedError
				if !errors.As(err, &damaged) || !strings.Contains(err.Error(), "history rebuild --store "+where) {
					t.Errorf("%s: %v", what, err)
				}
			}
			done, err := Rebuild(t.Context(), where)
			if err != nil || done.Runs != 5 {
				t.Fatalf("rebuild: %+v, %v", done, err)
			}
			whole(t, where, 5)
			k, err := opened(t, where).Get(t.Context(), run(3))
			if err != nil || k.Accepted == nil {
				t.Errorf("accepted: %+v, %v", k.Accepted, err)
			}
		})
	}
}

// TestLostSchema is the same on PostgreSQL: another database, or one that was restored from an old dump.
func TestLostSchema(t *testing.T) {
	t.Parallel()
	where := needServer(t).database(t) + "?files=" + t.TempDir()
	s, err := Open(t.Context(), where)
	must(t, err)
	add(t, s, result(t, 1))
	_, err = s.db.Exec("drop schema " + schema + " cascade")
	must(t, err)
	must(t, s.Close())
	var damaged *DamagedError
	if _, err := Open(t.Context(), where); !errors.As(err, &damaged) {
		t.Errorf("open: %v", err)
	}
	if done, err := Rebuild(t.Context(), where); err != nil || done.Runs != 1 {
		t.Fatalf("rebuild: %+v, %v", done, err)
	}
	whole(t, where, 1)
}

// TestMissingStore: a misspelt name is no history without runs.
func TestMissingStore(t *testing.T) {
	onBoth(t, func(t *testing.T, where string) {
		if _, err := Existing(t.Context(), where); !errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), "'pgchaos history init --store ") {
			t.Errorf("existing: %v", err)
		}
		if _, err := Rebuild(t.Context(), where); !errors.Is(err, ErrMissing) {
			t.Errorf("rebuild: %v", err)
		}
		must(t, opened(t, where).Close())
		s, err := Existing(t.Context(), where)
		must(t, err)
		must(t, s.Close())
	})
}

// TestExistingMakesNoDirectory: of a store in PostgreSQL the directory can be misspelt, too.
func TestExistingMakesNoDirectory(t *testing.T) {
	onBoth(t, func(t *testing.T, where string) {
		must(t, opened(t, where).Close())
		files := filesOf(t, where)
		must(t, os.RemoveAll(files))
		if _, err := Existing(t.Context(), where); !errors.Is(err, ErrMissing) {
			t.Errorf("existing: %v", err)
		}
		if _, err := os.Stat(files); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the directory was made: %v", err)
		}
	})
}

// TestNoPasswordIsShown in any error.
func TestNoPasswordIsShown(t *testing.T) {
	t.Parallel()
	server := needServer(t)
	dir := "?files=" + t.TempDir()
	good := server.database(t)
	for name, where := range map[string]string{
		"no such database": server.url("nowhere") + dir,
		"no server":        strings.Replace(good, fmt.Sprint(server.port), "1", 1) + dir,
		"no directory":     good,
		"malformed":        strings.Replace(good, "127.0.0.1:", "127.0.0.1:x", 1) + dir,
		"a bad escape":     good + "%zz" + dir,
		"a bad parameter":  good + dir + "&sslmode=perhaps",
		"as a parameter":   strings.Replace(good, "@", "x@", 1) + dir + "&password=" + strings.ReplaceAll(password, "/", "%2F") + "y",
		"another password": strings.Replace(good, "@", "x@", 1) + dir,
		"another scheme":   strings.Replace(good, "postgres:", "mysql:", 1) + dir,
	} {
		_, err := Open(t.Context(), where)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		for _, secret := range []string{password, "s3cret", "the%40store"} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if s := opened(t, good+dir); strings.Contains(s.Name(), "s3cret") {
		t.Error(s.Name())
	}
}

func TestOtherContentsOfOneRun(t *testing.T) {
	onBoth(t, func(t *testing.T, where string) {
		s := opened(t, where)
		add(t, s, result(t, 1))
		var other *OtherRunError
		_, err := s.Add(t.Context(), result(t, 1, func(r *report.Result) { r.Reasons = []string{"audited afterwards"} }))
		if !errors.As(err, &other) || other.Run != run(1) {
			t.Errorf("add: %v", err)
		}
		whole(t, where, 1)
	})
}

// TestLinksAreRefused: a link in a result could lead to a file that is none of it.
func TestLinksAreRefused(t *testing.T) {
	t.Parallel()
	s := opened(t, filepath.Join(t.TempDir(), "store"))
	dir := result(t, 1)
	must(t, os.Symlink("/etc/passwd", filepath.Join(dir, "logs", "b.log")))
	if _, err := s.Add(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "symbolic link") {
		t.Errorf("add: %v", err)
	}
	whole(t, s.at.files, 0)
}
