package docker

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/client"
)

// engine is the client of one engine.
type engine struct {
	*client.Client
	endpoint string // what was dialled: a socket's path, or an address
	source   string // who said so
	cpus     int64  // billionths of a core that its machine has
	memory   int64  // bytes
}

// connectPatience bounds the first word with the engine.
const connectPatience = 15 * time.Second

// connect finds the engine as the docker command does: DOCKER_HOST, DOCKER_CONTEXT,
// the current context of the user's configuration, the default socket.
func connect(ctx context.Context) (*engine, error) {
	options, source, err := endpoint()
	if err != nil {
		return nil, err
	}
	c, err := client.NewClientWithOpts(append(options, client.WithAPIVersionNegotiation())...)
	if err != nil {
		return nil, fmt.Errorf("connect to the Docker engine (%s): %w", source, err)
	}
	e := &engine{Client: c, endpoint: c.DaemonHost(), source: source}
	ctx, cancel := context.WithTimeout(ctx, connectPatience)
	defer cancel()
	info, err := c.Info(ctx)
	if err != nil {
		return nil, errors.Join(e.explain("connect to the Docker engine", err), c.Close())
	}
	e.cpus, e.memory = int64(info.NCPU)*1e9, info.MemTotal
	if info.OSType != "linux" {
		return nil, errors.Join(fmt.Errorf("the engine at %s runs %s containers: pgchaos needs Linux ones", e.endpoint, info.OSType), c.Close())
	}
	return e, nil
}

// endpoint is where the engine is, and who says so.
func endpoint() (options []client.Opt, source string, err error) {
	dir := os.Getenv("DOCKER_CONFIG")
	if dir == "" {
		if home, err := os.UserHomeDir(); err == nil {
			dir = filepath.Join(home, ".docker")
		}
	}
	if os.Getenv(client.EnvOverrideHost) != "" {
		return append(environmentTLS(dir), client.FromEnv), client.EnvOverrideHost, nil
	}
	name, source := os.Getenv("DOCKER_CONTEXT"), "DOCKER_CONTEXT"
	if name == "" {
		file := filepath.Join(dir, "config.json")
		source = file
		var config struct{ CurrentContext string }
		if err := readJSON(file, &config); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, "", fmt.Errorf("read the docker command's configuration: %w", err)
		}
		name = config.CurrentContext
	}
	if name == "" || name == "default" {
		return []client.Opt{client.FromEnv}, "the default", nil
	}
	options, err = contextEndpoint(dir, name)
	if err != nil {
		return nil, "", fmt.Errorf("docker context %q, which %s names: %w", name, source, err)
	}
	return append(options, client.WithVersionFromEnv()), "docker context " + name, nil
}

// environmentTLS lets DOCKER_TLS_VERIFY without DOCKER_CERT_PATH find the
// certificates where the docker command does: beside its configuration.
func environmentTLS(dir string) []client.Opt {
	if os.Getenv(client.EnvTLSVerify) == "" || os.Getenv(client.EnvOverrideCertPath) != "" {
		return nil
	}
	return []client.Opt{tlsFiles(dir)}
}

// tlsFiles takes the files that are there: an engine need not ask who we are, and
// its certificate can be one that everybody trusts.
func tlsFiles(dir string) client.Opt {
	present := func(name string) string {
		file := filepath.Join(dir, name)
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			return ""
		}
		return file
	}
	return client.WithTLSClientConfig(present("ca.pem"), present("cert.pem"), present("key.pem"))
}

// contextID is the directory of a context: the hash of its name.
func contextID(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:])
}

// contextEndpoint reads a context of the docker command.
func contextEndpoint(dir, name string) ([]client.Opt, error) {
	id := contextID(name)
	var meta struct {
		Endpoints map[string]struct {
			Host          string
			SkipTLSVerify bool
		}
	}
	if err := readJSON(filepath.Join(dir, "contexts", "meta", id, "meta.json"), &meta); err != nil {
		return nil, err
	}
	to := meta.Endpoints["docker"]
	if to.Host == "" {
		return nil, errors.New("it names no engine")
	}
	if strings.HasPrefix(to.Host, "ssh://") {
		return nil, errors.New("it goes by ssh, which pgchaos cannot; forward the engine's socket (ssh -L) and set DOCKER_HOST")
	}
	var options []client.Opt
	certs := filepath.Join(dir, "contexts", "tls", id, "docker")
	if _, err := os.Stat(certs); err == nil {
		if to.SkipTLSVerify {
			return nil, errors.New("it skips the verification of the engine's certificate, which pgchaos does not")
		}
		options = append(options, tlsFiles(certs))
	}
	return append(options, client.WithHost(to.Host)), nil
}

func readJSON(file string, into any) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

// ErrNoEngine is in an error when nobody answers where the engine should be.
var ErrNoEngine = errors.New("no Docker engine answers")

// explain adds what the user can do about an error of the engine.
func (e *engine) explain(what string, err error) error {
	tried := fmt.Sprintf("%s (tried %s, %s)", what, e.endpoint, sourceText(e.source))
	switch {
	case errors.Is(err, syscall.EACCES) || errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s: %w: you may not use the engine's socket; join the group docker (sudo usermod -aG docker $USER, then log in again), or run pgchaos with sudo", tried, err)
	case distrust(err):
		return fmt.Errorf("%s: %w: the engine's certificate must be signed by whom ca.pem names, and cert.pem and key.pem by somebody whom the engine trusts; DOCKER_CERT_PATH is the directory of the three (docker context create takes them, for a context)", tried, err)
	case strings.Contains(err.Error(), "HTTP request to an HTTPS server"): // net/http's words
		return fmt.Errorf("%s: %w: the engine wants TLS; set DOCKER_TLS_VERIFY=1, and DOCKER_CERT_PATH to the directory of ca.pem, cert.pem and key.pem", tried, err)
	case strings.Contains(err.Error(), "HTTP response to HTTPS client"):
		return fmt.Errorf("%s: %w: the engine speaks no TLS there; unset DOCKER_TLS_VERIFY and DOCKER_CERT_PATH, or name the port where it does", tried, err)
	case client.IsErrConnectionFailed(err), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: %w: %w; start the engine (sudo systemctl start docker, or sudo dockerd where there is no systemd, or Docker Desktop), or say where it is with DOCKER_HOST", tried, ErrNoEngine, err)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s: %w: the engine does not answer in time; its log may say why (journalctl -u docker)", tried, err)
	case errors.Is(err, syscall.ENOSPC), strings.Contains(err.Error(), "no space left on device"):
		return fmt.Errorf("%s: %w: the engine's disk is full; docker system df tells what fills it, and docker system prune frees it", what, err)
	case strings.Contains(err.Error(), "CPUs"), strings.Contains(err.Error(), "emory limit"):
		return fmt.Errorf("%s: %w: change cluster.docker.cpus or memory, or the limit of the step", what, err)
	case strings.Contains(err.Error(), "fully subnetted"), strings.Contains(err.Error(), "non-overlapping IPv4 address pool"):
		return fmt.Errorf("%s: %w: the engine has no addresses for another network; remove some (docker network prune), or name a free range in cluster.docker.subnet", what, err)
	case strings.Contains(err.Error(), "Pool overlaps"):
		return fmt.Errorf("%s: %w: another network has these addresses; name another range in cluster.docker.subnet", what, err)
	case strings.Contains(err.Error(), "port is already allocated"), strings.Contains(err.Error(), "address already in use"):
		return fmt.Errorf("%s: %w: somebody else listens on that port (sudo ss -ltnp shows who); end that, or name another port in cluster.docker.ports", what, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// distrust tells that one end did not accept the other's certificate.
func distrust(err error) bool {
	var (
		ours   *tls.CertificateVerificationError
		theirs *net.OpError
	)
	return errors.As(err, &ours) || errors.As(err, &theirs) && theirs.Op == "remote error" // an alert of TLS
}

func sourceText(source string) string {
	if source == client.EnvOverrideHost {
		return "which DOCKER_HOST names"
	}
	return source
}

// clientHost is where pgchaos reaches what the engine publishes: this machine's
// loopback interface, or the machine of an engine elsewhere.
func (e *engine) clientHost() string {
	u, err := url.Parse(e.endpoint)
	if err != nil || u.Scheme == "unix" || u.Scheme == "npipe" || u.Hostname() == "localhost" {
		return loopback
	}
	if ip := net.ParseIP(u.Hostname()); ip != nil && ip.IsLoopback() || u.Hostname() == "" {
		return loopback
	}
	return u.Hostname()
}

// publishOn is the interface that ports are published on: loopback, unless the
// engine is elsewhere, whose loopback is not ours.
func (e *engine) publishOn() string {
	if e.clientHost() == loopback {
		return loopback
	}
	return "0.0.0.0"
}

// local is a moment of the engine's clock, as far as that is this machine's too, and
// otherwise zero.
func (e *engine) local(moment string) time.Time {
	at, err := time.Parse(time.RFC3339Nano, moment)
	if err != nil || e.clientHost() != loopback {
		return time.Time{}
	}
	return at
}

func (e *engine) networksNamed(ctx context.Context, name string) ([]network.Summary, error) {
	list, err := e.NetworkList(ctx, network.ListOptions{Filters: filters.NewArgs(filters.Arg("name", name))})
	if err != nil {
		return nil, e.explain("list networks", err)
	}
	var same []network.Summary
	for _, n := range list { // the filter takes a part of a name, too
		if n.Name == name {
			same = append(same, n)
		}
	}
	return same, nil
}
