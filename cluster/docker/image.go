package docker

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/pkg/stdcopy"
)

// defaultMajor is the version of the official image that is pulled where nothing
// says which.
const defaultMajor = 17

// builtHere is the name of the images that scripts/postgres-image.sh builds.
const builtHere = "pgchaos/postgres"

// imageFacts is what pgchaos has to know of an image.
type imageFacts struct {
	name, id string
	user     string // uid:gid of postgres
	programs string // the directory of PostgreSQL's programs
	mount    string // where the node's volume is mounted
}

// findImage returns the image to use, pulled if it is missing. Where none is
// named, one that is there is preferred to a pull.
func (e *engine) findImage(ctx context.Context, o Options) (string, error) {
	for _, name := range candidates(o) {
		_, err := e.ImageInspect(ctx, name)
		if err == nil {
			return name, nil
		}
		if !errdefs.IsNotFound(err) {
			return "", e.explain("look for image "+name, err)
		}
	}
	name := candidates(o)[0]
	if err := e.pull(ctx, name, o.Pulling); err != nil {
		if ctx.Err() != nil { // what to do about that, the user knows
			return "", fmt.Errorf("pull image %s: %w", name, context.Cause(ctx))
		}
		hint := "build one from Debian's packages (scripts/postgres-image.sh), or load one (docker load), and name it in cluster.docker.image"
		if o.Image == "" {
			hint = fmt.Sprintf("build one from Debian's packages (scripts/postgres-image.sh %d, where Debian has that version), or load one (docker load) and name it in cluster.docker.image", majorOf(o))
		}
		return "", fmt.Errorf("image %s is not on the engine, and cannot be pulled: %w; %s; where the registry wants a login, docker pull %s first", name, err, hint, name)
	}
	return name, nil
}

func majorOf(o Options) int {
	if o.Major != 0 {
		return o.Major
	}
	return defaultMajor
}

// candidates are the images that will do, the best first, which is the one to pull.
func candidates(o Options) []string {
	if o.Image != "" {
		return []string{o.Image}
	}
	names := []string{fmt.Sprintf("postgres:%d", majorOf(o)), fmt.Sprintf("%s:%d", builtHere, majorOf(o))}
	if o.Major == 0 {
		for _, major := range []int{18, 15, 13} { // what the script builds beside the default
			names = append(names, fmt.Sprintf("%s:%d", builtHere, major))
		}
	}
	return names
}

// layer is how far the download of a part of an image is, in bytes.
type layer struct{ Current, Total int64 }

// pull pulls an image and reports the progress of its download. It reports the whole size
// once, when the image can be used: layers are found one after the other, and unpacked
// after the download.
func (e *engine) pull(ctx context.Context, name string, tell func(string, int64, int64)) error {
	body, err := e.ImagePull(ctx, name, image.PullOptions{})
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }() // it has been read to its end, or the pull is given up
	layers := map[string]layer{}
	for dec := json.NewDecoder(body); ; {
		var m struct {
			ID             string
			Status         string
			Error          string
			ProgressDetail layer
		}
		err := dec.Decode(&m)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if m.Error != "" {
			return errors.New(m.Error)
		}
		switch m.Status {
		case "Downloading":
			layers[m.ID] = m.ProgressDetail
		case "Download complete":
			layers[m.ID] = layer{layers[m.ID].Total, layers[m.ID].Total}
		}
		var sum layer
		for l := range maps.Values(layers) {
			sum.Current, sum.Total = sum.Current+l.Current, sum.Total+l.Total
		}
		switch {
		case err != nil && sum.Total > 0 && tell != nil:
			tell(name, sum.Total, sum.Total)
		case m.Status == "Downloading" && sum.Current < sum.Total && tell != nil:
			tell(name, sum.Current, sum.Total)
		}
		if err != nil {
			return nil
		}
	}
}

// factsScript asks an image who postgres is and where its programs are.
//
//go:embed facts.sh
var factsScript string

// inspectImage looks into an image by a container of one moment.
func (p *Provider) inspectImage(ctx context.Context, name string) (imageFacts, error) {
	info, err := p.engine.ImageInspect(ctx, name)
	if err != nil {
		return imageFacts{}, p.engine.explain("inspect image "+name, err)
	}
	facts := imageFacts{name: name, id: info.ID, mount: "/var/lib/postgresql/data"}
	// The volume goes where the image wants one of its own, which the engine would
	// otherwise make for every container.
	if info.Config != nil && len(info.Config.Volumes) > 0 {
		facts.mount = path.Clean(slices.Sorted(maps.Keys(info.Config.Volumes))[0])
	}
	text, code, err := p.once(ctx, info.ID, factsScript, strconv.Itoa(p.options.Major))
	if err != nil && strings.Contains(err.Error(), `exec: "/bin/sh"`) { // the runtime's words
		return imageFacts{}, fmt.Errorf("image %s: it has no shell (/bin/sh); use an image with PostgreSQL's server, such as postgres:17: %w", name, err)
	}
	if err != nil {
		return imageFacts{}, fmt.Errorf("look into image %s: %w", name, err)
	}
	if code != 0 {
		return imageFacts{}, fmt.Errorf("image %s: %s", name, strings.TrimSpace(text))
	}
	fields := strings.Fields(text)
	if len(fields) != 2 {
		return imageFacts{}, fmt.Errorf("look into image %s: it answers %q", name, text)
	}
	facts.user, facts.programs = fields[0], fields[1]
	return facts, nil
}

// once runs a script of shell in a container of its own, without a network, and
// returns all that it said.
func (p *Provider) once(ctx context.Context, img, script string, args ...string) (said string, code int, err error) {
	return p.onceWith(ctx, &container.HostConfig{NetworkMode: "none"}, img, script, args...)
}

func (p *Provider) onceWith(ctx context.Context, host *container.HostConfig, img, script string, args ...string) (said string, code int, err error) {
	ctx, cancel := unbroken(ctx)
	defer cancel()
	e := p.engine
	host.LogConfig.Type = "json-file" // the engine's own choice need not be one that can be read
	made, err := e.ContainerCreate(ctx, &container.Config{
		Image: img, User: "0:0", Entrypoint: append([]string{"/bin/sh", "-c", script, "sh"}, args...),
		Labels: p.labels("", partOnce), Volumes: map[string]struct{}{},
	}, host, nil, nil, "")
	if err != nil {
		return "", 0, e.explain("make a container", err)
	}
	defer func() {
		gone := e.ContainerRemove(ctx, made.ID, container.RemoveOptions{Force: true, RemoveVolumes: true})
		err = errors.Join(err, unlessGone("container", made.ID[:12], gone))
	}()
	ended, failed := e.ContainerWait(ctx, made.ID, container.WaitConditionNextExit)
	if err := e.ContainerStart(ctx, made.ID, container.StartOptions{}); err != nil {
		return "", 0, e.explain("start a container of image "+img, err)
	}
	select {
	case status := <-ended:
		code = int(status.StatusCode)
	case err := <-failed:
		return "", 0, e.explain("wait for a container", err)
	}
	body, err := e.ContainerLogs(ctx, made.ID, container.LogsOptions{ShowStdout: true, ShowStderr: true})
	if err != nil {
		return "", 0, e.explain("read what a container said", err)
	}
	defer func() { _ = body.Close() }()
	var text bytes.Buffer
	if _, err := stdcopy.StdCopy(&text, &text, body); err != nil {
		return "", 0, fmt.Errorf("read what a container said: %w", err)
	}
	return text.String(), code, nil
}
