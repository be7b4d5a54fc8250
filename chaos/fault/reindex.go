package fault

import (
	"errors"
	"slices"
	"strings"

	"pgchaos/chaos"
	"pgchaos/record"
)

// Reindex builds the indexes of a table anew: `reindex: {node: primary, table: test_data}`.
type Reindex struct {
	OnTable `yaml:",inline"`

	Concurrently bool `yaml:"concurrently" jsonschema_description:"Without a lock that keeps writers out. It takes longer, and waits for every transaction that is older."`
}

func reindex() Kind {
	return Kind{
		Name: "reindex", Group: Maintenance, Doc: "Builds the indexes of a table anew.",
		Manual: Manual{
			Does: "Runs REINDEX TABLE as the superuser, on a primary; with `concurrently: true` REINDEX TABLE CONCURRENTLY.",
			Effect: "Writers wait until it is done, and so do readers that would use an index. With `concurrently` they go on, and the command waits for every older transaction. " +
				"The new indexes go into the WAL, and standbys lag.",
			Verified: "Each index of the table has another file (pg_relation_filenode) than before.",
			Back: "Nothing takes it back. Where `concurrently` is not done to its end, the invalid indexes that it has left (_ccnew, _ccold) are removed; what cannot be removed is named. " +
				"Where pgchaos itself was killed meanwhile, remove them by hand: `drop index concurrently`.",
			Example: `- {at: 5s, reindex: {node: primary, table: test_data}}
`,
		},
		New:   func() Parameters { return &Reindex{} },
		Facts: record.Facts{Sessions: true}, Outage: true, Phase: true,
		Needs: Needs{Process: Running, Connected: true},
	}
}

// Detail is the table, and how.
func (p *Reindex) Detail() string {
	if p.Concurrently {
		return p.Table + " concurrently"
	}
	return p.Table
}

// invalidIndexes are those of a table, and of its TOAST table: what REINDEX CONCURRENTLY leaves of the new indexes (_ccnew), or of the old
// ones (_ccold), where it is not done to its end (PostgreSQL's documentation, REINDEX, "Rebuilding Indexes Concurrently"). An index
// that a CREATE INDEX CONCURRENTLY of somebody else is still building is invalid, too, but has not such a name.
const invalidIndexes = `select pg_catalog.format('%I.%I', n.nspname, c.relname)
from pg_catalog.pg_class t
join pg_catalog.pg_index i on i.indrelid in (t.oid, t.reltoastrelid)
join pg_catalog.pg_class c on c.oid = i.indexrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where t.oid = $1::pg_catalog.text::pg_catalog.regclass and not i.indisvalid and c.relname ~ '_cc(new|old)[0-9]*$'`

const dropIndexSQL = "drop index concurrently if exists "

// Statements is the command, and what removes the invalid indexes that one which was not done to its end has left.
func (p *Reindex) Statements(schema string) []string {
	if p.Concurrently {
		return []string{"reindex table concurrently " + tableIn(schema, p.Table), dropIndexSQL + "INDEX, of each invalid index (_ccnew, _ccold) that it leaves where it fails"}
	}
	return []string{"reindex table " + tableIn(schema, p.Table)}
}

// Action builds the indexes.
func (p *Reindex) Action(env Env) chaos.Action {
	unfinished := ""
	if p.Concurrently {
		unfinished = invalidIndexes
	}
	return p.run(env, maintenance{
		unfinished: unfinished, drop: dropIndexSQL,
		command: p.Statements(env.Scene.Cluster.Schema())[0],
		evidence: "select coalesce(pg_catalog.string_agg(pg_catalog.pg_relation_filenode(i.indexrelid)::pg_catalog.text, ' '), '') " +
			"from pg_catalog.pg_index i where i.indrelid = $1::pg_catalog.text::pg_catalog.regclass",
		args: []any{relation(env, p.Table)},
		done: rebuilt,
		note: p.Table + " had its indexes in the files {before}, and has them in {after}",
	})
}

// rebuilt is an error unless every index has another file than before.
func rebuilt(before, after string) error {
	was, is := strings.Fields(before), strings.Fields(after)
	if len(was) == 0 || len(is) != len(was) {
		return errors.New("the table has no index, or another number of indexes than before: it is not known that each was built anew")
	}
	if slices.ContainsFunc(is, func(file string) bool { return slices.Contains(was, file) }) {
		return errors.New("an index still has the same file: it was not built anew")
	}
	return nil
}
