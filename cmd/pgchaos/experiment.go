package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pgchaos/experiments"
	"pgchaos/runner"
	"pgchaos/series"
	"pgchaos/spec"
)

// experimentFlags are the flags of every command that reads an experiment.
type experimentFlags struct {
	set      []string
	provider string
	seed     uint64
	variants []string
	rounds   int // 0: the file's
	modes    []string

	// chosen is the seed of a random schedule where neither a flag nor the file has one. An experiment is read several times, and
	// has the same schedule each time. 0: none has been chosen.
	chosen uint64

	stdin io.Reader // of the experiment that is named -
	typed []byte    // what was read from stdin; nil before that
}

func (f *experimentFlags) register(flags *pflag.FlagSet) {
	groupFlags(flags, groupExperiment, func(flags *pflag.FlagSet) {
		flags.StringArrayVar(&f.set, "set", nil, "set `PATH=VALUE` in the experiment, such as load.writes.rate=100/s (repeatable)")
		flags.StringArrayVar(&f.variants, "variant", nil, "take only the variant `NAME` of the file (repeatable)")
		flags.Var((*roundsFlag)(&f.rounds), "rounds", "run each variant `N` times (default: the file's)")
		flags.StringSliceVar(&f.modes, "sync-mode", nil, "run it in each of these `MODES` (pgchaos modes), such as async,on/any-1")
		flags.Uint64Var(&f.seed, "seed", 0, "use the seed `N` (default: the file's, or a new one for each run)")
	})
	groupFlags(flags, groupCluster, func(flags *pflag.FlagSet) {
		flags.StringVar(&f.provider, "provider", "", "build the cluster on `PROVIDER`, "+providerWords()+" (default: the file's)")
	})
}

// registerPrograms registers --pg-bin.
func registerPrograms(flags *pflag.FlagSet, dir *string) {
	flags.StringVar(dir, "pg-bin", "", "take PostgreSQL's server programs from `DIR` (default: the newest installed)")
}

// riskFlag is the flag that lets a run break a cluster that looks like one that people use.
const riskFlag = "yes-this-may-break"

func registerRisk(flags *pflag.FlagSet, risk *bool) {
	flags.BoolVar(risk, riskFlag, false, "break an existing cluster that looks as if people used it")
}

// experimentArgument is the argument of every command that reads one.
const experimentArgument = "an experiment: a file, - for standard input, or a name of 'pgchaos list'"

// reading is how an experiment is read, beside the flags.
type reading struct {
	// check finds what is wrong with an experiment on the machine at hand; it may be nil.
	check func(*spec.Experiment) []spec.Finding
	// overlay is laid over every variant, as spec.Options has it.
	overlay string
	// without are the names of steps to leave out.
	without []string
	// capacity is what the workloads can do at most.
	capacity map[string]float64
}

// plan reads an experiment and plans its variants; an error of either is a usage error.
func (f *experimentFlags) plan(ctx context.Context, name string, r reading) (*series.Plan, error) {
	file, text, err := f.read(ctx, name)
	if err != nil {
		return nil, unlessInterrupted(ctx, err)
	}
	set := slices.Clone(f.set)
	if f.rounds != 0 {
		set = append(set, fmt.Sprintf("rounds=%d", f.rounds))
	}
	if f.provider != "" {
		if _, err := findProvider(f.provider); err != nil {
			return nil, err
		}
		set = append(set, "cluster.provider="+f.provider)
	}
	if r.overlay != "" {
		set = append(set, "compare={}") // it can name what the overlay leaves out, and one run compares nothing
	}
	if f.chosen == 0 {
		if f.chosen, err = runner.NewSeed(); err != nil {
			return nil, err
		}
	}
	o := spec.Options{
		Seed: f.seed, ChosenSeed: f.chosen, Set: set, Providers: descriptions(), Getenv: func(name string) (string, bool) { return lookupEnv(ctx, name) }, ReadFile: beside(ctx, name),
		Discover: discovery(ctx),
		Check:    r.check, Overlay: r.overlay, Capacity: r.capacity, Without: r.without,
	}
	var notes []string
	if f.modes != nil {
		if o, notes, err = spec.InModes(file, text, o, f.modes); err != nil {
			return nil, unlessInterrupted(ctx, err)
		}
	}
	s, err := spec.LoadSeries(file, text, o)
	if err != nil {
		return nil, unlessInterrupted(ctx, err)
	}
	s.Notes = notes
	if err := series.Select(s, f.variants); err != nil {
		return nil, usageError(fmt.Errorf("%s: --variant: %w", file, err))
	}
	if slices.ContainsFunc(s.Variants, func(v spec.Variant) bool { return v.Cluster.Existing != nil }) {
		usePasswords(ctx)
	}
	p := &series.Plan{Series: s}
	for i := range s.Variants {
		v := &s.Variants[i]
		plan, err := runner.NewPlan(v.Experiment, v.Text, f.seed)
		if err == nil {
			err = plan.Check()
		}
		if err != nil {
			return nil, usageError(fmt.Errorf("%s: %w", file, err))
		}
		p.Plans, p.Seed = append(p.Plans, plan), plan.Seed
	}
	return p, nil
}

// unlessInterrupted makes a usage error of err, unless ctx has ended meanwhile.
func unlessInterrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return &exitError{exitInterrupted, fmt.Errorf("pgchaos: interrupted: %w", err)}
	}
	return usageError(err)
}

// beside reads the files that an experiment names, seen from its own.
func beside(ctx context.Context, experiment string) func(name string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		if !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(experiment), name)
		}
		return readFile(ctx, name)
	}
}

// read reads a file, standard input, or a shipped experiment by its bare name. The first
// result is what messages call the file.
func (f *experimentFlags) read(ctx context.Context, name string) (file string, text []byte, err error) {
	if name == stdinName {
		text, err = f.readStdin(ctx)
		return "standard input", text, err
	}
	if isDirectory(name) {
		return "", nil, fmt.Errorf("%s is a directory; name the experiment's file in it", name)
	}
	text, err = readFile(ctx, name)
	if err == nil {
		return name, text, nil
	}
	if !errors.Is(err, fs.ErrNotExist) || strings.ContainsAny(name, "/.") {
		return "", nil, fmt.Errorf("read the experiment: %w", err)
	}
	if text, err = experiments.Open(name); err == nil {
		return name + ".yaml", text, nil
	}
	known, err := shippedNames()
	if err != nil {
		return "", nil, err
	}
	return "", nil, fmt.Errorf("there is no file %q, and no shipped experiment has that name%s", name, instead(name, known))
}

// stdinName is the argument that stands for standard input.
const stdinName = "-"

// readStdin reads an experiment from standard input, once: a run looks at it twice.
// The end of ctx ends the waiting for what somebody has yet to type.
func (f *experimentFlags) readStdin(ctx context.Context) ([]byte, error) {
	if f.typed == nil {
		var (
			text []byte
			err  error
			done = make(chan struct{})
		)
		go func() {
			text, err = io.ReadAll(io.LimitReader(f.stdin, maxStdin))
			close(done)
		}()
		select {
		case <-ctx.Done():
			return nil, errors.New("read the experiment from standard input: interrupted")
		case <-done:
		}
		if err != nil {
			return nil, fmt.Errorf("read the experiment from standard input: %w", err)
		}
		f.typed = append([]byte{}, text...)
	}
	return f.typed, nil
}

// maxStdin is more than an experiment may have, so that a longer one is refused as a file is.
const maxStdin = 2 << 20

func shippedNames() ([]string, error) {
	shipped, err := experiments.List()
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(shipped))
	for _, e := range shipped {
		names = append(names, e.Name)
	}
	return names, nil
}

// instead is the word that was meant, or else all that are known.
func instead(word string, known []string) string {
	if near := meant(word, known, "%q"); near != "" {
		return near
	}
	return "; there is: " + strings.Join(known, ", ")
}

// unknownWord is the error of a word that is none of the known ones.
func unknownWord(what, word string, known []string) error {
	return fmt.Errorf("there is no %s %q%s", what, word, instead(word, known))
}

// completeShipped completes the names of shipped experiments.
func completeShipped(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	shipped, err := experiments.List()
	if err != nil || len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	names := make([]string, 0, len(shipped))
	for _, e := range shipped {
		names = append(names, e.Name+"\t"+e.Description)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
