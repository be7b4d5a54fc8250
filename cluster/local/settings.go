package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"pgchaos/cluster"
)

// tryTimeout bounds one reading of a configuration.
const tryTimeout = 10 * time.Second

// TryConfs has the server program read texts of postgresql.conf, as the servers' user
// and without starting, and returns what it says against each; "" is nothing. An error
// means that nothing can be said about any of them.
func (i Installation) TryConfs(ctx context.Context, confs []string) (complaints []string, err error) {
	own, err := serverOwner()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "pgchaos-settings-")
	if err != nil {
		return nil, fmt.Errorf("make a directory for settings: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if own != nil {
		if err := os.Chown(dir, own.uid, own.gid); err != nil {
			return nil, fmt.Errorf("make a directory for settings: %w", err)
		}
	}
	// An empty one first: if that is refused, it is not because of a setting.
	for n, conf := range append([]string{""}, confs...) {
		said, err := i.tryConf(ctx, own, dir, conf)
		switch {
		case err != nil:
			return nil, err
		case n == 0 && said != "":
			return nil, fmt.Errorf("%s cannot be run as %s: %s", filepath.Join(i.BinDir, "postgres"), own, said)
		case n > 0:
			complaints = append(complaints, said)
		}
	}
	return complaints, nil
}

// tryConf reads one text, in a directory of the servers' user.
func (i Installation) tryConf(ctx context.Context, own *owner, dir, conf string) (said string, err error) {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	file := filepath.Join(dir, "postgresql.conf")
	if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("write settings: %w", err)
	}
	if err := writeOwned(file, conf, own); err != nil {
		return "", fmt.Errorf("write settings: %w", err)
	}
	// With -C first, root may do this, too; the program prints the value and ends.
	cmd := exec.CommandContext(ctx, filepath.Join(i.BinDir, "postgres"), "-C", "data_directory", "-D", dir, "-c", "config_file="+file)
	cmd.Dir, cmd.WaitDelay = dir, time.Second
	cmd.Env = []string{"PATH=/usr/bin:/bin", "TZ=UTC", locale(runtime.GOOS)}
	cmd.SysProcAttr = own.attributes()
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return "", nil
	case errors.As(err, &exit) && exit.Exited():
		return cluster.ConfComplaint(string(out)), nil
	}
	return "", fmt.Errorf("read settings by %s: %w", cmd.Path, err)
}

// writeOwned writes a new file that only the servers' user can read.
func writeOwned(file, text string, own *owner) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if own != nil {
		err = errors.Join(err, f.Chown(own.uid, own.gid))
	}
	return errors.Join(err, f.Close())
}

// SettingNames are the parameters that the server program describes: nearly all.
func (i Installation) SettingNames(ctx context.Context) ([]string, error) {
	out, err := output(ctx, filepath.Join(i.BinDir, "postgres"), "--describe-config")
	if err != nil {
		return nil, err
	}
	var names []string
	for line := range strings.Lines(out) {
		name, _, _ := strings.Cut(line, "\t")
		names = append(names, name)
	}
	return names, nil
}
