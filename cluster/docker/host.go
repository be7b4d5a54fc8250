package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/pkg/stdcopy"
	"github.com/docker/go-connections/nat"
	"golang.org/x/sync/errgroup"

	"pgchaos/cluster"
)

// host is one node: a volume, a container for the server and one for commands.
type host struct {
	provider  *Provider
	name      string
	container string // the server's container's name
	client    cluster.Address
	port      *reservation // the client's port, until the first start
	server    string       // its id
	tools     string       // the id of the container for commands

	alarms chan cluster.Alarm // closed by Remove

	mu           sync.Mutex    // held while the main process is started, and while the links are taken down
	main         *cluster.Life // of the server's container
	started      string        // when that life began, in the engine's words
	disconnected bool
	links        []string // while they are pulled: the engine's ends, by number
	filters      packetFilters

	commands atomic.Int64 // so many have been run
	usage    usage
}

// What a node of this provider can do.
var _ interface {
	cluster.Host
	cluster.Processes
	cluster.Freezing
	cluster.Files
	cluster.Measured
	cluster.Networked
	cluster.Filtered
	cluster.Limited
	cluster.Bounded
	cluster.Executor
	cluster.Alarming
} = (*host)(nil)

// The files on a node's volume beside its directory.
const (
	startFile = "start" // the script that the server's container runs
	gateFile  = "gate"  // while it says "shut", that script waits
	nodeDir   = "node"
)

// shmSize is /dev/shm: PostgreSQL keeps the memory of parallel queries there, and
// the engine's 64 MB are soon full.
const shmSize = 1 << 30

func (h *host) Name() string               { return h.name }
func (h *host) Dir() string                { return path.Join(h.provider.image.mount, nodeDir) }
func (h *host) Program(name string) string { return path.Join(h.provider.image.programs, name) }

// Address is a published port for pgchaos and the clients, and the port of the container in the run's
// network and in the container itself.
func (h *host) Address(from cluster.Vantage) cluster.Address {
	switch from.From {
	case cluster.FromPgchaos, cluster.FromClients:
		return h.client
	case cluster.FromNode:
		return cluster.Address{Host: h.name, Port: serverPort}
	case cluster.FromServer:
		return cluster.Address{Host: "127.0.0.1", Port: serverPort}
	}
	return cluster.Address{}
}

// Listen is every address of the container.
func (h *host) Listen() cluster.Address { return cluster.Address{Host: "*", Port: serverPort} }

// DiskSize is that of the volume where it is one in memory.
func (h *host) DiskSize() int64 { return h.provider.options.Disk }

func (h *host) volume() string { return h.provider.prefix() + h.name }

// furnish makes the volume, both containers and the node's directory. What it
// makes is made to its end even if the user gives up, and so is known to Remove.
func (h *host) furnish(ctx context.Context) error {
	ctx, cancel := unbroken(ctx)
	defer cancel()
	p := h.provider
	if err := p.makeVolume(ctx, h.volume(), p.labels(h.name, partData)); err != nil {
		return err
	}
	var group errgroup.Group
	group.Go(func() error { return h.makeServer(ctx) })
	group.Go(func() error { return h.makeTools(ctx) })
	if err := group.Wait(); err != nil {
		return err
	}
	_, err := h.exec(ctx, h.tools, "0:0", cluster.Command{Argv: []string{"/bin/sh", "-c",
		`mkdir -m 700 "$1" && chown "$2" "$1" && chmod 755 "${1%/*}"`, "sh", h.Dir(), p.image.user}})
	return err
}

func (h *host) mounts() []mount.Mount {
	return []mount.Mount{{
		Type: mount.TypeVolume, Source: h.volume(), Target: h.provider.image.mount,
		VolumeOptions: &mount.VolumeOptions{NoCopy: true},
	}}
}

func (h *host) makeServer(ctx context.Context) error {
	p, withInit := h.provider, true
	port := nat.Port(strconv.Itoa(serverPort) + "/tcp")
	made, err := p.engine.ContainerCreate(ctx,
		&container.Config{
			Image: p.image.id, User: p.image.user, Hostname: h.name, Labels: h.portLabels(),
			Entrypoint: []string{"/bin/sh", path.Join(p.image.mount, startFile)}, Cmd: []string{},
			StopSignal: "SIGINT", ExposedPorts: nat.PortSet{port: {}}, WorkingDir: "/",
		},
		&container.HostConfig{
			Mounts: h.mounts(), ShmSize: shmSize,
			// Process 1 passes signals on to the server, and takes the orphans of commands:
			// a server that is process 1 takes one that fails for a backend that crashed.
			Init: &withInit,
			// Nothing of the log is rotated away: it is read by offsets.
			LogConfig:     container.LogConfig{Type: "json-file", Config: map[string]string{"max-size": "1t"}},
			NetworkMode:   container.NetworkMode(p.network),
			PortBindings:  nat.PortMap{port: {{HostIP: p.engine.publishOn(), HostPort: strconv.Itoa(h.client.Port)}}},
			Resources:     p.resources(),
			RestartPolicy: h.restartPolicy(),
		},
		&network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{
			p.network: {Aliases: []string{h.name}},
		}}, nil, h.container)
	if errdefs.IsConflict(err) {
		return fmt.Errorf("make container %s: one of this name exists already, and is not this run's to touch; remove it (docker rm -f %s), or leave names: exact out: %w", h.container, h.container, err)
	}
	if err != nil {
		return p.engine.explain("make container "+h.container, err)
	}
	h.server = made.ID
	return nil
}

func (h *host) restartPolicy() container.RestartPolicy {
	if h.provider.options.Restart == "" {
		return container.RestartPolicy{Name: container.RestartPolicyDisabled}
	}
	return container.RestartPolicy{Name: container.RestartPolicyMode(h.provider.options.Restart)}
}

// resources are the limits of each of a node's containers.
func (p *Provider) resources() container.Resources {
	return container.Resources{Memory: p.options.Memory, MemorySwap: p.options.Memory, NanoCPUs: p.options.NanoCPUs}
}

func (h *host) makeTools(ctx context.Context) error {
	p := h.provider
	name := p.prefix() + h.name + ".tools" // no node can have this name
	made, err := p.engine.ContainerCreate(ctx,
		&container.Config{
			Image: p.image.id, User: "0:0", Hostname: "tools", Labels: p.labels(h.name, partTools),
			Entrypoint: []string{"/bin/sh", "-c", "while :; do sleep 86400 & wait; done"}, Cmd: []string{}, WorkingDir: "/",
		},
		&container.HostConfig{
			Mounts: h.mounts(), Resources: p.resources(),
			NetworkMode: container.NetworkMode(p.network), RestartPolicy: h.restartPolicy(),
		}, nil, nil, name)
	if err != nil {
		return p.engine.explain("make container "+name, err)
	}
	h.tools = made.ID
	if err := p.start(ctx, h.tools); err != nil {
		return p.engine.explain("start container "+name, err)
	}
	return nil
}

// start starts a container on the run's network, one at a time: of several at once an engine before 28.1 can count one too many on the
// network, which it then refuses to remove (github.com/moby/moby/issues/42119).
func (p *Provider) start(ctx context.Context, id string) error {
	p.starting.Lock()
	defer p.starting.Unlock()
	return p.engine.ContainerStart(ctx, id, container.StartOptions{})
}

// Start leaves the command on the volume and starts the server's container. It
// ends neither with the context nor with pgchaos.
func (h *host) Start(ctx context.Context, argv []string) error {
	if err := h.start(ctx, argv); err != nil {
		return fmt.Errorf("start %s: %w", h.name, err)
	}
	return nil
}

func (h *host) start(ctx context.Context, argv []string) error {
	if len(argv) == 0 {
		return errors.New("no command")
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx, cancel := unbroken(ctx)
	defer cancel()
	h.mu.Lock()
	defer h.mu.Unlock()
	state, err := h.state(ctx)
	if err != nil {
		return err
	}
	if state.Running {
		return errors.New("it runs already")
	}
	if err := h.leave(ctx, map[string]string{startFile: startScript(argv, h.provider.image.mount), gateFile: gateShut}); err != nil {
		return err
	}
	if err := h.setRestart(ctx, h.restartPolicy()); err != nil {
		return err
	}
	h.port.release()
	e := h.provider.engine
	if err := h.provider.start(ctx, h.server); err != nil {
		return e.explain("start container "+h.container, err)
	}
	if err := h.live(ctx); err != nil {
		return err
	}
	return h.leave(ctx, map[string]string{gateFile: gateOpen})
}

// setRestart sets what the engine does when the server ends: its policy while the
// server is to run, nothing once pgchaos has asked it to stop.
func (h *host) setRestart(ctx context.Context, policy container.RestartPolicy) error {
	if h.provider.options.Restart == "" || h.provider.options.Restart == "no" {
		return nil
	}
	_, err := h.provider.engine.ContainerUpdate(ctx, h.server, container.UpdateConfig{RestartPolicy: policy})
	if err != nil {
		return h.provider.engine.explain("set the restart policy of "+h.container, err)
	}
	return nil
}

// Signal sends a signal to process 1 of the server's container; an error that is
// os.ErrProcessDone when it does not run. A frozen node is thawed by the engine
// before some signals reach it, so that none is sent to one.
func (h *host) Signal(ctx context.Context, sig syscall.Signal) error {
	if err := h.signal(ctx, sig); err != nil {
		return fmt.Errorf("send %v to %s: %w", sig, h.name, err)
	}
	return nil
}

func (h *host) signal(ctx context.Context, sig syscall.Signal) error {
	state, err := h.state(ctx)
	if err != nil {
		return err
	}
	if !state.Running {
		return os.ErrProcessDone
	}
	if state.Paused && sig != syscall.SIGKILL {
		return errors.New("it is frozen; thaw it first")
	}
	switch sig {
	case syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT: // which end a server
		if err := h.setRestart(ctx, container.RestartPolicy{Name: container.RestartPolicyDisabled}); err != nil {
			return err
		}
	}
	err = h.provider.engine.ContainerKill(ctx, h.server, strconv.Itoa(int(sig)))
	if notRunning(err) {
		return os.ErrProcessDone
	}
	return err
}

// notRunning tells the engine's answer that a container does not run.
func notRunning(err error) bool {
	return errdefs.IsConflict(err) || err != nil && strings.Contains(err.Error(), "is not running")
}

// Kill ends every process of the node with SIGKILL, commands of Run too, and
// returns when the engine says that none is left.
func (h *host) Kill(ctx context.Context) error {
	if err := h.kill(ctx); err != nil {
		return fmt.Errorf("kill %s: %w", h.name, err)
	}
	return nil
}

func (h *host) kill(ctx context.Context) error {
	e := h.provider.engine
	if err := e.ContainerKill(ctx, h.server, "KILL"); err != nil && !notRunning(err) {
		return e.explain("kill container "+h.container, err)
	}
	ended, failed := e.ContainerWait(ctx, h.server, container.WaitConditionNotRunning)
	select {
	case <-ended:
	case err := <-failed:
		return e.explain("wait for the end of container "+h.container, err)
	}
	if l := h.newest(); l != nil {
		select {
		case <-l.Ended():
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// Freeze pauses the server's container: the cgroup's freezer stops all of its
// processes at once. One that does not run cannot be frozen.
func (h *host) Freeze(ctx context.Context) error {
	return h.setPaused(ctx, "freeze", true)
}

// Thaw lets it go on. One that does not run needs nothing.
func (h *host) Thaw(ctx context.Context) error {
	return h.setPaused(ctx, "thaw", false)
}

func (h *host) setPaused(ctx context.Context, what string, pause bool) error {
	e := h.provider.engine
	state, err := h.state(ctx)
	if err == nil && !state.Running && pause {
		err = errors.New("no process of it runs")
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", what, h.name, err)
	}
	switch {
	case state.Paused == pause, !state.Running:
		return nil
	case pause:
		// The kernel's freezer can miss processes that a busy server is just starting. The engine gives up then, and has thawed the rest.
		for range 3 {
			if err = e.ContainerPause(ctx, h.server); err == nil || ctx.Err() != nil {
				break
			}
		}
	default:
		err = e.ContainerUnpause(ctx, h.server)
	}
	if err != nil {
		return e.explain(what+" "+h.name, err)
	}
	return nil
}

// Running tells whether the server's container runs; all of its processes end
// with the first.
func (h *host) Running(ctx context.Context) (bool, error) {
	state, err := h.state(ctx)
	if err != nil {
		return false, fmt.Errorf("look whether %s runs: %w", h.name, err)
	}
	return state.Running, nil
}

// Log is what servers wrote to their standard output and error over all lives of
// the container, from an offset in bytes on.
func (h *host) Log(ctx context.Context, from int64) ([]byte, error) {
	body, err := h.provider.engine.ContainerLogs(ctx, h.server, container.LogsOptions{ShowStdout: true, ShowStderr: true})
	if err != nil {
		return nil, h.provider.engine.explain("read the log of "+h.name, err)
	}
	defer func() { _ = body.Close() }()
	var text bytes.Buffer
	if _, err := stdcopy.StdCopy(&text, &text, body); err != nil {
		return nil, fmt.Errorf("read the log of %s: %w", h.name, err)
	}
	if from >= int64(text.Len()) {
		return nil, nil
	}
	return text.Bytes()[from:], nil
}
