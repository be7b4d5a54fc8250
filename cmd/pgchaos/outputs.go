package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"pgchaos/report"
	"pgchaos/report/export"
	"pgchaos/runner"
)

// resultFile is a file that can be made of any result.
type resultFile struct {
	flag, usage string
	write       func(path string, r *report.Result) error
}

// resultFiles are all of them, in the order in which the help lists them.
func resultFiles() []resultFile {
	return []resultFile{
		{"out-hlog", "write the response times of each second to `FILE`, as an HdrHistogram log", export.HLog},
		{"out-csv", "write the time series in steps of 100 ms to `FILE`, as CSV", export.Series},
		{"out-aggregate", "write the table of JMeter's Aggregate Report to `FILE`, as CSV", export.Aggregate},
		{"out-summary", "write the table of JMeter's Summary Report to `FILE`, as CSV", export.Summary},
	}
}

// resultFlags are the paths of the files that a user asks for, each in its place of resultFiles; "": not asked for.
type resultFlags []string

func (f *resultFlags) register(flags *pflag.FlagSet) {
	files := resultFiles()
	*f = make(resultFlags, len(files))
	groupFlags(flags, groupFiles, func(flags *pflag.FlagSet) {
		for i, file := range files {
			flags.StringVar(&(*f)[i], file.flag, "", file.usage)
		}
	})
}

// checkPaths refuses files that cannot be made, before a run and not after it: what is
// there already, what is named twice, and what is in no directory; coming is one that the
// run makes.
func checkPaths(coming string, paths ...string) error {
	named := map[string]bool{}
	for _, path := range paths {
		if path == "" {
			continue
		}
		if _, err := os.Lstat(path); err == nil {
			return usageError(fmt.Errorf("%s is there already; name another file", path))
		}
		if named[filepath.Clean(path)] {
			return usageError(fmt.Errorf("%s is named twice; name another file", path))
		}
		named[filepath.Clean(path)] = true
		if dir := filepath.Dir(path); !isDirectory(dir) && dir != filepath.Clean(coming) {
			return usageError(fmt.Errorf("%s cannot be written: there is no directory %s", path, dir))
		}
	}
	return nil
}

func isDirectory(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// write makes the files that were asked for.
func (f resultFlags) write(r *report.Result) (err error) {
	files := resultFiles()
	for i, path := range f {
		if path != "" {
			err = errors.Join(err, files[i].write(path, r))
		}
	}
	return err
}

// allSamples is the share that is written unless somebody wants less.
const allSamples = "100%"

// outputFlags name the files that a run writes beside its result.
type outputFlags struct {
	resultFlags
	jtl, samples, share, cpuProfile string
	reports                         string         // the formats, as written
	formats                         []reportFormat // that are written beside the result
}

func (f *outputFlags) register(flags *pflag.FlagSet) {
	f.resultFlags.register(flags)
	groupFlags(flags, groupResult, func(flags *pflag.FlagSet) {
		flags.StringVar(&f.reports, "report", "", "write the report beside the result in `FORMATS`, such as md,junit")
	})
	groupFlags(flags, groupFiles, func(flags *pflag.FlagSet) {
		flags.StringVar(&f.jtl, "out-jtl", "", "write every sample to `FILE`, as JMeter's CSV")
		flags.StringVar(&f.samples, "out-samples", "", "write every operation to `FILE`, as a line of JSON")
		flags.StringVar(&f.share, "sample-share", allSamples, "write only this `SHARE` of the samples and operations, such as 1%")
	})
	groupFlags(flags, groupDevelopment, func(flags *pflag.FlagSet) {
		flags.StringVar(&f.cpuProfile, "cpuprofile", "", "write a CPU profile of pgchaos itself to `FILE`, for go tool pprof")
	})
}

// outputs are the files that a run writes while it goes on.
type outputs struct {
	made    []string // files
	samples []string // those of the writers
	writers []*export.Writer
	profile io.Closer
	begun   bool // the load
}

// open makes the files, before anything is started; coming is the result directory, which
// is made after that.
func (f *outputFlags) open(coming string) (*outputs, error) {
	share, err := parseShare(cmp.Or(f.share, allSamples))
	if err != nil {
		return nil, usageError(fmt.Errorf("--sample-share %s: %w", f.share, err))
	}
	if err := checkPaths(coming, append(slices.Clone(f.resultFlags), f.jtl, f.samples, f.cpuProfile)...); err != nil {
		return nil, err
	}
	o := &outputs{}
	for _, of := range []struct {
		path string
		form export.Form
	}{{f.jtl, export.JTL}, {f.samples, export.JSONL}} {
		if of.path == "" {
			continue
		}
		w, err := export.Create(of.path, of.form, share)
		if err != nil {
			return nil, usageError(errors.Join(err, o.close(), o.remove()))
		}
		o.writers, o.made, o.samples = append(o.writers, w), append(o.made, of.path), append(o.samples, of.path)
	}
	if f.cpuProfile != "" {
		if o.profile, err = startProfile(f.cpuProfile); err != nil {
			return nil, usageError(errors.Join(err, o.close(), o.remove()))
		}
		o.made = append(o.made, f.cpuProfile)
	}
	return o, nil
}

func startProfile(path string) (io.Closer, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err == nil {
		err = pprof.StartCPUProfile(file)
	}
	if err != nil {
		return nil, fmt.Errorf("write a CPU profile: %w", err)
	}
	return file, nil
}

// send notes that the load has started, from when on there can be samples.
func (o *outputs) send(e runner.Event) {
	if _, ok := e.(runner.LoadStarted); ok {
		o.begun = true
	}
}

// forSamples are those files that take every sample.
func (o *outputs) forSamples() (all []runner.Samples) {
	for _, w := range o.writers {
		all = append(all, w)
	}
	return all
}

func (o *outputs) close() (err error) {
	for _, w := range o.writers {
		err = errors.Join(err, w.Close())
	}
	if o.profile != nil {
		pprof.StopCPUProfile()
		err = errors.Join(err, o.profile.Close())
	}
	return err
}

// remove takes back what open made.
func (o *outputs) remove() error { return removeFiles(o.made) }

// removeSamples takes back the files that are without a sample where no load ever began.
func (o *outputs) removeSamples() error { return removeFiles(o.samples) }

func removeFiles(paths []string) (err error) {
	for _, path := range paths {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}

// parseShare reads "1%" or "0.01".
func parseShare(text string) (float64, error) {
	number, isPercent := strings.CutSuffix(strings.TrimSpace(text), "%")
	share, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if isPercent {
		share /= 100
	}
	if err != nil || !(share > 0 && share <= 1) {
		return 0, errors.New("write a percentage such as 1%, or a number above 0 and up to 1")
	}
	return share, nil
}
