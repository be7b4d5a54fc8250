package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"

	"pgchaos/runner"
)

// defaultFileMode lets only the user read what a run leaves: a result quotes statements, logs and
// settings.
const defaultFileMode = fs.FileMode(0o600)

// fileMode reads permissions such as 640. The owner can always read and write, and
// nobody can execute.
func fileMode(text string) (fs.FileMode, error) {
	n, err := strconv.ParseUint(text, 8, 32)
	if err != nil || n&^0o666 != 0 || n&0o600 != 0o600 {
		return 0, usageError(fmt.Errorf("--file-mode %s: write permissions in octal that let you read and write, such as 600, 640 or 644", text))
	}
	return fs.FileMode(n), nil
}

// sharedMode are the permissions of --file-mode.
func (f *runFlags) sharedMode() (fs.FileMode, error) { return fileMode(cmp.Or(f.mode, "600")) }

// share gives the files of a run the wanted permissions, and directories those to match. The
// password of a cluster that is kept stays the user's own.
func (f *runFlags) share(out string) error {
	mode, err := f.sharedMode()
	if err != nil {
		return err
	}
	if mode == defaultFileMode {
		return nil
	}
	var errs []error
	for _, path := range append(slices.Clone(f.resultFlags), f.jtl, f.samples) {
		if path != "" {
			errs = append(errs, os.Chmod(path, mode))
		}
	}
	root, err := os.OpenRoot(out) // a symbolic link in it leads nowhere else
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	errs = append(errs, fs.WalkDir(root.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != ".":
			return root.Chmod(path, 0o700|mode|mode&0o444>>2)
		case d.Type().IsRegular() && path != runner.Passfile && path != runner.AccessFile:
			return root.Chmod(path, mode)
		}
		return nil
	}), root.Close())
	return errors.Join(errs...)
}
