// Package docker runs the nodes on a Docker engine: every node is a container of its
// own, on a network of the run's own, its files on a volume.
//
// A node is two containers. The server's is made once and started again and
// again: its command is a line of shell that execs what Start has left in a file
// on the volume, below a process 1 that passes signals on, so that `docker stop`,
// `kill` and `pause` act on the server. The other one sleeps beside it, on the same
// volume and network and with the same limits, for the commands of Run and for files:
// pg_rewind and pg_basebackup have to run while the server does not.
//
// Everything carries the labels of its run, and nothing is ever removed by
// anything but these labels.
package docker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"

	"pgchaos/cluster"
)

// Options of a run's provider.
type Options struct {
	Run        string // the run's id
	Experiment string // the experiment's name, shown by a later clean
	Results    string // the run's result directory, shown by a later clean; may be ""
	Image      string // "" is the newest image that is there, or else postgres:17
	Major      int    // the wanted major version, where Image is ""
	ExactNames bool   // containers are called as their nodes are
	Network    string // "" is a name made of the run's id
	Subnet     string // "" is the engine's choice
	Restart    string // the engine's restart policy; "" is no
	Memory     int64  // bytes a node; 0 is no limit
	NanoCPUs   int64  // billionths of a core a node; 0 is no limit
	Disk       int64  // bytes of a file system in memory for each node; 0: the engine's own disk
	// Needs are the capabilities that the run needs.
	Needs []cluster.Capability
	// Ports are the loopback ports of nodes that must have a certain one.
	Ports map[string]int
	// Pulling receives the progress of the pull of a missing image; it may be nil.
	Pulling func(image string, done, total int64)
}

// Provider makes nodes on an engine. It is a cluster.Provider, safe for
// concurrent use; New makes one.
type Provider struct {
	options Options
	engine  *engine
	image   imageFacts
	owner   owner
	network string // its id
	netName string

	ctx    context.Context // ends with Remove; what waits for containers lives in it
	cancel context.CancelFunc

	starting sync.Mutex // held while a container is started

	mu      sync.Mutex
	removed bool
	kept    bool
	hearing sync.WaitGroup // the goroutine that hears the engine's events
	ports   map[int]bool   // promised
	hosts   []*host
}

var _ cluster.Provider = (*Provider)(nil)

// nameForm is what a run or a node may be called: what the engine takes as a name.
var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`)

// engineTimeout bounds what is made on the engine under a context that the user's
// Ctrl-C does not end: what it is making at that moment has to be known, to be removed.
const engineTimeout = 60 * time.Second

// New connects to the engine, finds the image, and makes the run's network.
// Nothing is left behind by an error.
func New(ctx context.Context, o Options) (*Provider, error) {
	if !nameForm.MatchString(o.Run) {
		return nil, fmt.Errorf("run %q: not a name for a container", o.Run)
	}
	e, err := connect(ctx)
	if err != nil {
		return nil, err
	}
	p := &Provider{options: o, engine: e, owner: self(), netName: o.Network, ports: map[int]bool{}}
	p.ctx, p.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if p.netName == "" {
		p.netName = "pgchaos-" + o.Run
	}
	if err := p.furnish(ctx); err != nil {
		return nil, errors.Join(err, p.Remove(context.WithoutCancel(ctx)))
	}
	return p, nil
}

func (p *Provider) furnish(ctx context.Context) error {
	image, err := p.engine.findImage(ctx, p.options)
	if err != nil {
		return err
	}
	if p.image, err = p.inspectImage(ctx, image); err != nil {
		return err
	}
	if err := p.tryShapes(ctx); err != nil {
		return err
	}
	if err := p.makeNetwork(ctx); err != nil {
		return err
	}
	p.hearing.Go(func() { p.hear(p.ctx) })
	return nil
}

// Image is the image that the nodes run, and Programs the directory of
// PostgreSQL's programs in it.
func (p *Provider) Image() string { return p.image.name }

// Programs is the directory of PostgreSQL's programs in the image.
func (p *Provider) Programs() string { return p.image.programs }

func (p *Provider) makeNetwork(ctx context.Context) error {
	ctx, cancel := unbroken(ctx)
	defer cancel()
	// The engine lets two networks have one name.
	same, err := p.engine.networksNamed(ctx, p.netName)
	if err != nil {
		return err
	}
	if len(same) > 0 {
		return fmt.Errorf("make network %s: there is one of this name already, which is not this run's to touch; remove it (docker network rm %s), or name another in cluster.docker.network",
			p.netName, p.netName)
	}
	create := network.CreateOptions{Driver: "bridge", Labels: p.labels("", partNetwork)}
	if p.options.Subnet != "" {
		create.IPAM = &network.IPAM{Config: []network.IPAMConfig{{Subnet: p.options.Subnet}}}
	}
	made, err := p.engine.NetworkCreate(ctx, p.netName, create)
	if err != nil {
		return p.engine.explain("make network "+p.netName, err)
	}
	p.network = made.ID
	return nil
}

// unbroken is a context that a cancelled caller does not end.
func unbroken(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), engineTimeout)
}

// Host makes the volume and the containers of one more node, and chooses its port.
func (p *Provider) Host(ctx context.Context, name string) (cluster.Host, error) {
	h, err := p.addHost(name)
	if err == nil && ctx.Err() == nil {
		err = h.furnish(ctx)
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("make node %s: %w", name, err)
	}
	return h, nil
}

func (p *Provider) addHost(name string) (*host, error) {
	if !nameForm.MatchString(name) {
		return nil, errors.New("not a name for a container")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.removed {
		return nil, fmt.Errorf("run %s has been removed", p.options.Run)
	}
	for _, h := range p.hosts {
		if h.name == name {
			return nil, errors.New("there is one of this name")
		}
	}
	port, held, err := p.choosePort(name)
	if err != nil {
		return nil, err
	}
	h := &host{
		provider: p, name: name, port: held, client: cluster.Address{Host: p.engine.clientHost(), Port: port},
		alarms: make(chan cluster.Alarm, 64),
	}
	h.container = p.prefix() + name
	if p.options.ExactNames {
		h.container = name
	}
	p.hosts = append(p.hosts, h)
	return h, nil
}

// nodes are those that the run has at this moment.
func (p *Provider) nodes() []*host {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.hosts)
}

// node finds one by its name; nil: the run has none of this name.
func (p *Provider) node(name string) *host {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, h := range p.hosts {
		if h.name == name {
			return h
		}
	}
	return nil
}

// prefix begins the names of all that is made for this run.
func (p *Provider) prefix() string { return "pgchaos-" + p.options.Run + "-" }

// Keep leaves the run to Clean. Labels cannot be changed: a volume of its own says
// that the run was kept.
func (p *Provider) Keep() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.removed {
		return fmt.Errorf("keep run %s: it has been removed", p.options.Run)
	}
	if p.kept {
		return nil
	}
	ctx, cancel := unbroken(p.ctx)
	defer cancel()
	if err := p.makeVolume(ctx, p.prefix()+".kept", p.labels("", partKept)); err != nil { // no node can have this name
		return fmt.Errorf("keep run %s: %w", p.options.Run, err)
	}
	p.kept = true
	return nil
}

// makeVolume makes a volume. The engine makes none, and says nothing, where there is one
// of the name, which is then not this run's.
func (p *Provider) makeVolume(ctx context.Context, name string, labels map[string]string) error {
	options := volume.CreateOptions{Name: name, Labels: labels}
	if p.options.Disk > 0 {
		// It is there as long as a container has it mounted: the one for commands runs from the beginning to the end.
		options.DriverOpts = map[string]string{"type": "tmpfs", "device": "tmpfs", "o": "size=" + strconv.FormatInt(p.options.Disk, 10)}
	}
	made, err := p.engine.VolumeCreate(ctx, options)
	if err != nil {
		return p.engine.explain("make volume "+name, err)
	}
	if !maps.Equal(made.Labels, labels) {
		return fmt.Errorf("make volume %s: there is one of this name already, which is not this run's to touch; remove it (docker volume rm %s)", name, name)
	}
	return nil
}

// Remove ends and deletes every container, volume and network of the run.
func (p *Provider) Remove(ctx context.Context) error {
	if err := p.remove(ctx); err != nil {
		return err
	}
	p.hearing.Wait()
	return nil
}

func (p *Provider) remove(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.removed {
		return nil
	}
	for _, h := range p.hosts {
		h.port.release()
	}
	if err := p.engine.removeRun(ctx, p.options.Run); err != nil {
		return fmt.Errorf("remove run %s: %w", p.options.Run, err)
	}
	p.removed = true
	p.cancel()
	return p.engine.Close()
}

// labels are those of one thing made for the run.
func (p *Provider) labels(node, part string) map[string]string {
	l := map[string]string{
		labelRun: p.options.Run, labelPart: part, labelExperiment: p.options.Experiment,
		labelHost: p.owner.host, labelProcess: p.owner.process,
		labelStarted: p.owner.now.Format(time.RFC3339),
	}
	if node != "" {
		l[labelNode] = node
	}
	if p.options.Results != "" {
		l[labelResults] = p.options.Results
	}
	return l
}

// portLabels are the server's: its port is promised also while it does not run.
func (h *host) portLabels() map[string]string {
	l := h.provider.labels(h.name, partServer)
	l[labelPort] = strconv.Itoa(h.client.Port)
	return l
}

// self is this process, as labels tell it.
func self() owner {
	name, err := os.Hostname()
	if err != nil {
		name = "unknown"
	}
	return owner{host: name + "/" + bootID(), process: identify(os.Getpid()), now: time.Now().UTC()}
}
