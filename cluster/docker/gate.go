package docker

import (
	"archive/tar"
	"bytes"
	"context"
	_ "embed"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/container"
)

// The network namespace of a container is new with each of its lives, so that what was done to it before has to be done again. A server
// that came up first could meanwhile connect to a node from which it is cut off. So Start shuts a gate: process 1 waits behind it, and
// becomes the server when the rules are in force. It does so also where there are none yet: another step may set some at the same time.

// gateScript waits at the gate $1, for $2 seconds at most, and becomes the command that follows.
//
//go:embed gate.sh
var gateScript string

// What the gate's file says. Both take one block, which is there also when the file system is full.
const (
	gateShut = "shut\n"
	gateOpen = "open\n"
)

// startScript is what process 1 does to become the server. Where nobody opens the gate, since pgchaos was killed or an engine is slow, it
// ends after as long as Start itself takes at most: a server that nobody has cut off again must not run.
func startScript(argv []string, mount string) string {
	set := "set --"
	for _, arg := range append([]string{path.Join(mount, gateFile), strconv.Itoa(int(engineTimeout.Seconds()))}, argv...) {
		set += " '" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
	}
	return set + "\n" + gateScript
}

// leave writes files beside the node's directory.
func (h *host) leave(ctx context.Context, files map[string]string) error {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for name, text := range files {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(text))}); err != nil {
			return err
		}
		if _, err := io.WriteString(w, text); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	err := h.provider.engine.CopyToContainer(ctx, h.tools, h.provider.image.mount, &archive, container.CopyToContainerOptions{})
	if err != nil {
		return h.explainCopy("write what it starts with", err)
	}
	return nil
}
