package main

import (
	_ "embed"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"pgchaos/experiments"
	"pgchaos/report"
	"pgchaos/spec"
	"pgchaos/syncmode"
)

// completionBash works with bash alone. Cobra's own script needs the package bash-completion,
// without which every TAB prints an error.
//
//go:embed completion.bash
var completionBash string

func newCompletionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Print the script that completes pgchaos's commands in a shell",
		Long: `Print the script that lets a shell complete commands, flags, experiments, results,
providers and the paths of --set and --find-max. SHELL is bash, zsh, fish or powershell. No other package is
needed.`,
		Example: `  source <(pgchaos completion bash)                                    for this shell
  pgchaos completion bash >> ~/.bashrc                                 for every bash from now on
  pgchaos completion zsh > "${fpath[1]}/_pgchaos"                      for zsh
  pgchaos completion fish > ~/.config/fish/completions/pgchaos.fish    for fish`,
		Args: arguments(1, 1, "a shell: "+strings.Join(shells(), ", ")),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return shells(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			root, out := cmd.Root(), cmd.OutOrStdout()
			switch args[0] {
			case "bash":
				_, err := io.WriteString(out, completionBash)
				return err
			case "zsh":
				return root.GenZshCompletion(out)
			case "fish":
				return root.GenFishCompletion(out, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(out)
			}
			return usageOf(cmd, unknownWord("shell", args[0], shells()))
		},
	}
}

func shells() []string { return []string{"bash", "zsh", "fish", "powershell"} }

// completeFlags says how the values of flags are completed, by the names of the flags.
func completeFlags(cmd *cobra.Command) {
	for name, values := range map[string]cobra.CompletionFunc{
		"provider":  fixed(slices.Sorted(slices.Values(providerNames()))...),
		"format":    fixed(exportFormats()...),
		"metrics":   fixed("127.0.0.1:9187"),
		"listen":    fixed(serveAddress),
		"file-mode": fixed("600", "640", "644"),
		"set":       completeSet,
		"find-max":  completeNumber,
		"sync-mode": completeModes,
	} {
		if cmd.Flags().Lookup(name) != nil {
			_ = cmd.RegisterFlagCompletionFunc(name, values) // it fails for a flag that is not there
		}
	}
	for _, name := range []string{"out", "pg-bin"} {
		if cmd.Flags().Lookup(name) != nil {
			_ = cmd.MarkFlagDirname(name) // the same
		}
	}
}

// completeModes completes the last mode of a list with commas.
func completeModes(_ *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
	before := prefix[:strings.LastIndexByte(prefix, ',')+1]
	var found []string
	for _, word := range syncmode.Words() {
		if strings.HasPrefix(before+word, prefix) {
			found = append(found, before+word)
		}
	}
	return found, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// fixed completes one of a few words.
func fixed(values ...string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
		return slices.DeleteFunc(slices.Clone(values), func(v string) bool { return !strings.HasPrefix(v, prefix) }), cobra.ShellCompDirectiveNoFileComp
	}
}

// completeSet completes the next part of a path of --set: "load." and then "load.writes.".
func completeSet(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	const none = cobra.ShellCompDirectiveNoFileComp
	if len(args) == 0 || args[0] == stdinName || strings.Contains(prefix, "=") {
		return nil, none
	}
	_, text, err := (&experimentFlags{}).read(cmd.Context(), args[0])
	if err != nil {
		return nil, none
	}
	var next []string
	for _, path := range spec.Paths(text) {
		if !strings.HasPrefix(path, prefix) {
			continue
		}
		candidate := path + "="
		if i := strings.IndexByte(path[len(prefix):], '.'); i >= 0 {
			candidate = path[:len(prefix)+i+1]
		}
		if !slices.Contains(next, candidate) {
			next = append(next, candidate)
		}
	}
	return next, none | cobra.ShellCompDirectiveNoSpace
}

// completeNumber completes the path of a number of a workload.
func completeNumber(cmd *cobra.Command, args []string, prefix string) (found []string, directive cobra.ShellCompDirective) {
	const none = cobra.ShellCompDirectiveNoFileComp
	if len(args) == 0 || args[0] == stdinName {
		return nil, none
	}
	_, text, err := (&experimentFlags{}).read(cmd.Context(), args[0])
	if err != nil {
		return nil, none
	}
	for _, path := range spec.Paths(text) {
		parts := strings.Split(path, ".")
		if strings.HasPrefix(path, prefix) && len(parts) == 3 && parts[0] == "load" && slices.Contains(spec.NumberKeys(), parts[2]) {
			found = append(found, path)
		}
	}
	return found, none
}

// completeExperiment completes the names of shipped experiments, and YAML files.
func completeExperiment(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 && cmd.Name() != "validate" && cmd.Name() != "nightly" {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	found, directive := completePath(prefix, func(path string) bool {
		return slices.Contains([]string{".yaml", ".yml"}, filepath.Ext(path))
	}, nil)
	shipped, err := experiments.List()
	if err != nil {
		return found, directive
	}
	for _, e := range shipped {
		if strings.HasPrefix(e.Name, prefix) {
			found = append(found, e.Name+"\t"+e.Description)
			directive = cobra.ShellCompDirectiveNoFileComp
		}
	}
	return found, directive
}

// completeResult completes result directories.
func completeResult(_ *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return completePath(prefix, nil, func(dir string) bool {
		_, err := os.Stat(filepath.Join(dir, report.FileName))
		return err == nil
	})
}

// completePath completes a path: the files and directories that are wanted as they are, and
// other directories with a slash, to go on from. Of a directory with wanted ones in it these
// are offered at once.
func completePath(prefix string, file, directory func(path string) bool) ([]string, cobra.ShellCompDirective) {
	const done = cobra.ShellCompDirectiveNoFileComp
	var found, ways []string
	for _, path := range entriesLike(prefix) {
		switch {
		case !isDirectory(path):
			if file != nil && file(path) {
				found = append(found, path)
			}
		case directory != nil && directory(path):
			found = append(found, path)
		case directory != nil && slices.ContainsFunc(entriesLike(path+"/"), directory):
			found = append(found, slices.DeleteFunc(entriesLike(path+"/"), func(p string) bool { return !directory(p) })...)
		default:
			ways = append(ways, path+"/")
		}
	}
	if len(found) == 0 && len(ways) > 0 {
		return ways, done | cobra.ShellCompDirectiveNoSpace
	}
	return append(found, ways...), done
}

// entriesLike are the paths that begin with a prefix, without going further down. Hidden ones
// come only if they are asked for.
func entriesLike(prefix string) (paths []string) {
	dir, base := filepath.Split(prefix)
	entries, err := os.ReadDir(filepath.Join(dir, "."))
	if err != nil {
		return nil
	}
	for _, entry := range entries {
		name := entry.Name()
		if strings.HasPrefix(name, base) && (!strings.HasPrefix(name, ".") || strings.HasPrefix(base, ".")) {
			paths = append(paths, dir+name)
		}
	}
	return paths
}
