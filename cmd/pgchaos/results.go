package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"pgchaos/report"
	"pgchaos/series"
)

// resultsFolder is where runs write their results, unless --out names another directory.
const resultsFolder = "results"

// errNoResultIn is the error of a folder without results.
var errNoResultIn = errors.New("there is no " + report.FileName)

// resultDir is the result directory that the arguments mean: the one named, the newest in a
// folder of results, or the newest in resultsFolder where none is named. An error is a usage error.
func resultDir(args []string) (string, error) {
	dir := resultsFolder
	if len(args) > 0 {
		dir = args[0]
	}
	if _, err := os.Lstat(filepath.Join(dir, report.FileName)); err == nil {
		return dir, nil
	}
	if err := noSeries(dir); err != nil {
		return "", err
	}
	newest, err := newestResult(dir)
	switch {
	case err == nil && newest != "" && noSeries(newest) != nil:
		return "", noSeries(newest)
	case errors.Is(err, fs.ErrNotExist) && len(args) == 0:
		return "", usageError(fmt.Errorf("there is no folder %s here; name a result directory, or the folder that has some", resultsFolder))
	case err != nil:
		return "", usageError(fmt.Errorf("look for results: %w", err))
	case newest == "":
		return "", usageError(fmt.Errorf("%s is no result directory, and has none in it: %w", dir, errNoResultIn))
	}
	return newest, nil
}

// seriesMeant is the series that the arguments mean: the one named, or the newest of a folder of results; nil where that is a
// run, or nothing.
func seriesMeant(args []string) (*series.Series, error) {
	dir := resultsFolder
	if len(args) > 0 {
		dir = args[0]
	}
	if _, err := os.Lstat(filepath.Join(dir, report.FileName)); err == nil {
		return nil, nil
	}
	s, err := series.Read(dir)
	if newest, _ := newestResult(dir); errors.Is(err, series.ErrNone) && newest != "" { // resultDir says what is wrong with a folder
		s, err = series.Read(newest)
	}
	if errors.Is(err, series.ErrNone) {
		return nil, nil
	}
	return s, err
}

// noSeries is the usage error of a directory that has a series.
func noSeries(dir string) error {
	s, err := series.Read(dir)
	if errors.Is(err, series.ErrNone) {
		return nil
	}
	if err != nil {
		return usageError(err)
	}
	one := filepath.Join(dir, "ROUND", "VARIANT")
	if len(s.Runs) > 0 {
		one = s.Path(&s.Runs[len(s.Runs)-1])
	}
	return usageError(fmt.Errorf("%s is a series of several runs; 'pgchaos compare %s' compares them; name one of them, such as '%s'", dir, dir, one))
}

// newestResult is the directory in a folder whose run began last; "" where no run has a result.
func newestResult(folder string) (newest string, err error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return "", err
	}
	var last time.Time
	for _, entry := range entries {
		dir := filepath.Join(folder, entry.Name())
		at, ok := started(filepath.Join(dir, report.FileName))
		if !ok {
			at, ok = started(filepath.Join(dir, series.FileName))
		}
		if ok && (newest == "" || at.After(last)) {
			newest, last = dir, at
		}
	}
	return newest, nil
}

// started is when the run of a result file began. It reads no further than that: the file can
// have many megabytes. A run that has just begun has an empty file, which is no result yet.
func started(file string) (time.Time, bool) {
	f, err := os.Open(file)
	if err != nil {
		return time.Time{}, false
	}
	defer func() { _ = f.Close() }() // it is only read
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return time.Time{}, false
	}
	in := json.NewDecoder(f)
	_, err = in.Token() // the opening brace
	for err == nil && in.More() {
		var key json.Token
		var value json.RawMessage
		if key, err = in.Token(); err == nil {
			err = in.Decode(&value)
		}
		var at time.Time
		if err == nil && key == "started" && json.Unmarshal(value, &at) == nil {
			return at, true
		}
	}
	// A damaged file must not hide behind an older one that is whole.
	return info.ModTime(), true
}
