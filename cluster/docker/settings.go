package docker

import (
	"context"
	_ "embed"
	"fmt"
	"strconv"
	"strings"

	"pgchaos/cluster"
)

// settingsScript has the image's server program read configurations.
//
//go:embed settings.sh
var settingsScript string

// TryConfs has the image's server program read texts of postgresql.conf, without
// starting, and returns what it says against each; "" is nothing. An
// error means that nothing can be said about any of them.
func (p *Provider) TryConfs(ctx context.Context, confs []string) ([]string, error) {
	// An empty one first: if that is refused, it is not because of a setting.
	text, code, err := p.once(ctx, p.image.id, settingsScript, append([]string{p.image.programs, ""}, confs...)...)
	if err != nil {
		return nil, fmt.Errorf("read settings in image %s: %w", p.image.name, err)
	}
	if code != 0 {
		return nil, fmt.Errorf("read settings in image %s: %s", p.image.name, strings.TrimSpace(text))
	}
	said := make([]string, len(confs)+1)
	at := -1
	for line := range strings.Lines(text) {
		if number, ok := strings.CutPrefix(line, "pgchaos refused "); ok {
			if n, err := strconv.Atoi(strings.TrimSpace(number)); err == nil && n >= 0 && n < len(said) {
				at = n
				said[at] = "\n"
			}
			continue
		}
		if at >= 0 {
			said[at] += line
		}
	}
	if said[0] != "" {
		return nil, fmt.Errorf("the server program of image %s cannot be run: %s", p.image.name, strings.TrimSpace(said[0]))
	}
	for i := range said {
		if said[i] != "" {
			said[i] = cluster.ConfComplaint(said[i])
		}
	}
	return said[1:], nil
}

// SettingNames are the parameters that the image's server program describes: nearly all.
func (p *Provider) SettingNames(ctx context.Context) ([]string, error) {
	text, code, err := p.once(ctx, p.image.id, `"$1/postgres" --describe-config | cut -f 1`, p.image.programs)
	if err == nil && code != 0 {
		err = fmt.Errorf("exit status %d: %s", code, strings.TrimSpace(text))
	}
	if err != nil {
		return nil, fmt.Errorf("describe the settings in image %s: %w", p.image.name, err)
	}
	return strings.Fields(text), nil
}
