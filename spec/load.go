package spec

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"gopkg.in/yaml.v3"

	"pgchaos/cluster"
	"pgchaos/internal/redact"
)

// Options are what is filled into the file before it is decoded.
type Options struct {
	// Set are `path=value`, as of --set: `load.writes.rate=100/s`,
	// `timeline[0].at=5s`, `timeline.stop-pgslave.at=5s`. The value is YAML.
	Set []string
	// Getenv looks up the VAR of a ${VAR}; nil: nothing is set. os.LookupEnv fits.
	Getenv func(name string) (value string, ok bool)
	// Discover asks a cluster or its manager for the nodes of cluster.existing.discover; nil: nobody is asked, and such a
	// file is a mistake.
	Discover func(Discover) ([]ExistingNode, error)
	// ReadFile reads the file that a script: names; nil: files cannot be read here. The
	// resolved text has the script itself in its place.
	ReadFile func(name string) ([]byte, error)
	// Providers are those that there are; nil: the file's provider, and what its nodes can
	// do, are not checked.
	Providers []cluster.Description
	// Capacity is what each workload can do at most, in operations a second, for rates that are a share of
	// it; one that is missing makes such a rate a guess, which is good enough for a look at the plan.
	Capacity map[string]float64
	// Overlay is YAML that is laid over every variant, or over the only experiment; "": nothing.
	Overlay string
	// Check looks for what is wrong with an experiment that has no mistake in itself, on
	// the machine at hand; it may be nil.
	Check func(*Experiment) []Finding
	// Resolved says that Load itself has made the text, which has whole scripts and values
	// of variables in it: it may be of any length.
	Resolved bool
	// Seed is the seed that --seed gives; 0: the file's. ChosenSeed is for a `random` where neither has one; 0: 1. They are only
	// for the schedule that is made here.
	Seed, ChosenSeed uint64
	// Without are the names of steps to leave out of the timeline, also of those that `random` makes; see Experiment.Units.
	Without []string
	// rehearsal has a `random` choose each of its faults once, to find the mistakes in all of them.
	rehearsal bool
	// overlay is laid over the file, and overlayBy is the flag that it comes from; see InModes.
	overlay   *yaml.Node
	overlayBy string
}

// maxFile bounds the text of an experiment that a user has written, in bytes.
const maxFile = 1 << 20

// Load decodes an experiment, fills its defaults in and validates it. The error is
// a Problems with every mistake there is. The second result is the resolved text:
// the file after ${VAR} and --set, without its comments, and with *** where a
// secret was; without secrets, loading it again gives the same Experiment.
func Load(file string, text []byte, o Options) (*Experiment, []byte, error) {
	return load(file, text, o, nil)
}

// load is Load of one of a file's variants; c nil: it has none.
func load(file string, text []byte, o Options, c *combination) (*Experiment, []byte, error) {
	root, problems := o.parse(file, text)
	if problems != nil {
		return nil, nil, problems
	}
	d := newDecoder(file)
	if plain, bad := plainText(file, text); bad == nil {
		d.lines = strings.Split(string(plain), "\n")
	}
	d.capacity = o.Capacity
	d.prepare(root, o)
	if c != nil {
		d.choose(root, c)
	}
	if o.Overlay != "" {
		over, err := parseSetValue(o.Overlay)
		if err != nil {
			return nil, nil, err
		}
		d.lay(&root, over, "")
	}
	secrets := d.expand(root, o.Getenv)
	d.discover(root, o.Discover)
	d.takeHooks(root)
	var e Experiment
	if keyIndex(root, "random") >= 0 && !o.rehearsal {
		rehearsed := o
		rehearsed.rehearsal, rehearsed.Check = true, nil
		if _, _, err := load(file, text, rehearsed, c); err != nil {
			return nil, nil, err
		}
	}
	e.Schedule = d.takeRandom(root, o, secrets)
	if !o.rehearsal {
		d.leaveOut(root, o.Without)
	}
	d.include(root, o.ReadFile)
	d.decode(root, &e)
	d.nameScripts(&e)
	e.fillDefaults(d)
	e.Secrets, e.Shares = d.secretsOf(&e), d.shares
	v := &validator{e: &e, d: d, providers: o.Providers}
	v.validate()
	if len(d.problems) == 0 && o.Check != nil {
		for _, f := range o.Check(&e) {
			v.badKey(f.Path, f.What, f.Right)
		}
	}
	if len(d.problems) > 0 {
		return nil, nil, redact.Of(redact.New(e.Secrets...), d.problems.sorted())
	}
	resolved, err := render(root, secrets)
	if err != nil {
		return nil, nil, Problems{{File: file, Line: 1, Col: 1, What: "cannot be written again as YAML: " + err.Error()}}
	}
	return &e, resolved, nil
}

// parse is the function parse, of a file that is not too long.
func (o Options) parse(file string, text []byte) (*yaml.Node, Problems) {
	if !o.Resolved && len(text) > maxFile {
		return nil, Problems{{file, 1, 1, "the file has more than a mebibyte", "is it an experiment?"}}
	}
	return parse(file, text)
}

// parse reads the one document of a file, which has to be a mapping.
func parse(file string, text []byte) (*yaml.Node, Problems) {
	text, bad := plainText(file, text)
	if bad != nil {
		return nil, Problems{*bad}
	}
	empty := Problems{{file, 1, 1, "the file is empty", "begin with name: NAME and cluster:"}}
	in := yaml.NewDecoder(bytes.NewReader(text))
	var doc yaml.Node
	switch err := in.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil, empty
	case err != nil:
		return nil, Problems{syntaxProblem(file, text, err)}
	}
	root := doc.Content[0]
	var second yaml.Node
	switch err := in.Decode(&second); {
	case errors.Is(err, io.EOF):
	case err != nil:
		return nil, Problems{syntaxProblem(file, text, err)}
	default:
		return nil, Problems{{file, max(second.Line, 1), max(second.Column, 1), "a second document begins here",
			"write one experiment a file, without ---"}}
	}
	if root.Kind == yaml.ScalarNode && root.ShortTag() == "!!null" {
		return nil, empty
	}
	if root.Kind != yaml.MappingNode {
		return nil, Problems{{file, root.Line, root.Column, "the file is " + kindNoun(root) + ", not a mapping",
			"begin with name: NAME and cluster:"}}
	}
	return root, nil
}

func kindNoun(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	case yaml.ScalarNode:
		if isNull(n) {
			return "nothing"
		}
		return "the single value " + shown(n.Value)
	case yaml.DocumentNode:
	}
	return "a document"
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }
