package fault

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/record"
)

// Configure changes settings of nodes, and their synchronous replication. It is a change of
// the cluster, not a fault, so nothing takes it back.
type Configure struct {
	OnNodes `yaml:",inline"`

	Settings    map[string]string    `yaml:"settings" jsonschema_description:"postgresql.conf; an empty value takes back what initdb wrote, or else PostgreSQL's default."`
	Synchronous *cluster.Synchronous `yaml:"synchronous" jsonschema_description:"The node's synchronous replication."`
}

func configure() Kind {
	return Kind{
		Name: "configure", Group: Replication, Doc: "Changes settings of a node, and reloads them.",
		Manual: Manual{
			Does: "Writes settings into the node's configuration, and the regime of synchronous replication with `synchronous`. The " +
				"server reloads it, or is restarted (fast) where PostgreSQL demands that. PostgreSQL checks the file before it is put " +
				"in place. An empty `primary_conninfo` ends the WAL receiver of a standby.",
			Effect: "What the settings do. Around a change of the synchronous regime some commits are still acknowledged under the old one, " +
				"for some milliseconds.",
			Verified: "A new session sees each value in force. Every named standby that is connected has the sync_state that the new regime " +
				"gives it. After an empty `primary_conninfo` the standby has no WAL receiver.",
			Back: "Nothing takes it back: it is a change of the cluster. Write a second `configure`; an empty value takes back what " +
				"initdb wrote, or else PostgreSQL's default.",
			Example: `- {at: 5s, configure: {node: primary, synchronous: {commit: "on", standbys: "ANY 1 (pgslave, pgslave2)"}}}`,
		},
		New:          func() Parameters { return &Configure{} },
		Facts:        record.Facts{Reloads: true, Demands: true},
		Needs:        Needs{Process: Running | Stopped, Connected: true, Files: true},
		Capabilities: []cluster.Capability{cluster.CanRun, cluster.CanReachFiles},
	}
}

// Short keeps a node from being written without its settings.
func (p *Configure) Short() any { return nil }

// Check demands a change.
func (p *Configure) Check() []Mistake {
	if len(p.Settings) == 0 && p.Synchronous == nil {
		return []Mistake{{"", "configure changes nothing", "give it settings or synchronous"}}
	}
	return nil
}

// Detail is each setting.
func (p *Configure) Detail() string {
	var parts []string
	if p.Synchronous != nil {
		parts = append(parts, p.Synchronous.String())
	}
	for _, key := range slices.Sorted(maps.Keys(p.Settings)) {
		parts = append(parts, fmt.Sprintf("%s = '%s'", key, p.Settings[key]))
	}
	return strings.Join(parts, ", ")
}

// Action changes the settings.
func (p *Configure) Action(env Env) chaos.Action {
	return env.Scene.Each(p.Nodes, func(ctx context.Context, act *chaos.Act, n *cluster.Node) error {
		change, err := n.Configure(ctx, p.Settings, p.Synchronous)
		if change.Detail != "" {
			act.Note("%s", change.Detail)
		}
		return err
	})
}
