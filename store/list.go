package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"pgchaos/compare"
	"pgchaos/verdict"
)

// Filter chooses runs. What is nil or zero does not count.
type Filter struct {
	Run        string // its id
	Experiment string
	Variant    *string // "" is a run without a variant
	Cell       *string
	Key        string // of the fingerprint
	Since      time.Time
	Before     time.Time
	Verdict    *verdict.Verdict
	Accepted   bool // only those that are
	Baseline   bool // only those that are
	NoWarmup   bool // without the warm-up rounds of series
	// Text is a part of the id, the experiment, the variant, the cell or the series, or of the reason of a mark. Upper and lower case are the same.
	Text  string
	Limit int // the newest so many; 0: all
	// Skip leaves out the newest so many, where there is a Limit: for the next page of a list.
	Skip int
}

// where is the filter as a condition of SQL, with its arguments.
func (f Filter) where() (string, []any) {
	var (
		conditions = []string{"true"}
		args       []any
	)
	add := func(condition string, arg any) {
		args = append(args, arg)
		conditions = append(conditions, fmt.Sprintf(condition, len(args)))
	}
	for column, value := range map[string]string{"run": f.Run, "experiment": f.Experiment, "fingerprint": f.Key} {
		if value != "" {
			add(column+" = $%d", value)
		}
	}
	if f.Variant != nil {
		add("variant = $%d", *f.Variant)
	}
	if f.Cell != nil {
		add("cell = $%d", *f.Cell)
	}
	if !f.Since.IsZero() {
		add("started >= $%d", moment{f.Since}.text())
	}
	if !f.Before.IsZero() {
		add("started < $%d", moment{f.Before}.text())
	}
	if f.Verdict != nil {
		add("verdict = $%d", f.Verdict.String())
	}
	if f.NoWarmup {
		add("warmup = $%d", false)
	}
	for kind, only := range map[string]bool{acceptedMark: f.Accepted, baselineMark: f.Baseline} {
		if only {
			add("hash in (select hash from marks where kind = $%d)", kind)
		}
	}
	if f.Text != "" {
		args = append(args, "%"+likeQuoter.Replace(f.Text)+"%")
		like := fmt.Sprintf(` like lower(cast($%d as text)) escape '\'`, len(args))
		parts := []string{"hash in (select hash from marks where lower(why)" + like + ")"}
		for _, column := range []string{"run", "experiment", "variant", "cell", "series"} {
			parts = append(parts, "lower("+column+")"+like)
		}
		conditions = append(conditions, "("+strings.Join(parts, " or ")+")")
	}
	return strings.Join(conditions, " and "), args
}

// likeQuoter has SQL's LIKE take a text as it is.
var likeQuoter = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// List is the runs that a filter chooses, the newest first.
func (s *Store) List(ctx context.Context, f Filter) ([]Kept, error) {
	var runs []Kept
	// In one transaction: a run that is removed meanwhile must not lose its figures half-way.
	err := s.read(ctx, func(tx *sql.Tx) (err error) {
		runs, err = list(ctx, tx, f)
		return err
	})
	if err != nil {
		return nil, s.at.wrap("read", err)
	}
	for i := range runs {
		dir := rawDir(s.at.files, runs[i].Hash)
		if _, err := os.Stat(dir); err == nil {
			runs[i].Dir = dir
		}
	}
	return runs, nil
}

// read runs f in a transaction that reads one state of the database.
func (s *Store) read(ctx context.Context, f func(tx *sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, s.at.engine.snapshot())
	if err != nil {
		return err
	}
	return errors.Join(f(tx), tx.Rollback())
}

// snapshot is a transaction that reads one state of the database.
func (e engine) snapshot() *sql.TxOptions {
	if e == postgresEngine {
		return &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead}
	}
	return &sql.TxOptions{ReadOnly: true} // SQLite knows no other isolation
}

func list(ctx context.Context, tx *sql.Tx, f Filter) ([]Kept, error) {
	where, args := f.where()
	chosen := "runs where " + where + " order by started desc, hash"
	if f.Limit > 0 {
		chosen += fmt.Sprintf(" limit %d offset %d", f.Limit, f.Skip)
	}
	var runs []Kept
	err := query(ctx, tx, "select hash, run, experiment, variant, cell, round, warmup, series, fingerprint, started, verdict, tool, added, bytes from "+chosen, args,
		func(scan func(...any) error) error {
			var (
				k              Kept
				started, added moment
				word           string
			)
			if err := scan(&k.Hash, &k.ID, &k.Experiment, &k.Variant, &k.Cell, &k.Round, &k.Warmup, &k.Series, &k.Key, &started, &word, &k.Tool, &added, &k.Bytes); err != nil {
				return err
			}
			k.Started, k.Added = started.Time, added.Time
			runs = append(runs, k)
			return runs[len(runs)-1].Verdict.UnmarshalText([]byte(word))
		})
	if err != nil {
		return nil, err
	}
	byHash := make(map[string]*Kept, len(runs))
	for i := range runs {
		byHash[runs[i].Hash] = &runs[i]
	}
	return runs, details(ctx, tx, "(select hash from "+chosen+")", args, byHash)
}

// details reads what belongs to the chosen runs.
func details(ctx context.Context, tx *sql.Tx, chosen string, args []any, runs map[string]*Kept) error {
	var hash string
	each := func(columns, table string, row func(scan func(...any) error) error) error {
		return query(ctx, tx, "select "+columns+" from "+table+" where hash in "+chosen+" order by hash, "+order(table), args, row)
	}
	for _, read := range []func() error{
		func() error {
			return each("hash, metric, value, known, why, at_least, most", "figures", func(scan func(...any) error) error {
				var (
					f     compare.Figure
					value sql.NullFloat64
				)
				if err := scan(&hash, &f.Metric, &value, &f.Known, &f.Why, &f.AtLeast, &f.Most); err != nil {
					return err
				}
				f.Value = value.Float64
				runs[hash].Figures = append(runs[hash].Figures, f)
				return nil
			})
		},
		func() error {
			return each("hash, by_kill, step, at_ns, known, why, lost, weak, span_ns", "losses", func(scan func(...any) error) error {
				var (
					loss   compare.Kill
					byKill bool
				)
				if err := scan(&hash, &byKill, &loss.Step, &loss.At, &loss.Known, &loss.Why, &loss.Lost, &loss.Weak, &loss.Span); err != nil {
					return err
				}
				if k := runs[hash]; byKill {
					k.Kills = append(k.Kills, loss)
				} else {
					k.OtherLosses = append(k.OtherLosses, loss)
				}
				return nil
			})
		},
		func() error {
			return each("hash, name, item", "lists", func(scan func(...any) error) error {
				var name, item string
				if err := scan(&hash, &name, &item); err != nil {
					return err
				}
				list, known := runs[hash].lists()[name]
				if !known {
					return fmt.Errorf("run %s has a list %q, which this pgchaos does not know", runs[hash].ID, name)
				}
				*list = append(*list, item)
				return nil
			})
		},
		func() error {
			return each("hash, name, value, of_file, measured", "settings", func(scan func(...any) error) error {
				var setting compare.Setting
				if err := scan(&hash, &setting.Name, &setting.Value, &setting.OfFile, &setting.Measured); err != nil {
					return err
				}
				runs[hash].Fingerprint = append(runs[hash].Fingerprint, setting)
				return nil
			})
		},
		func() error {
			return each("hash, kind, at, made_by, why", "marks", func(scan func(...any) error) error {
				var (
					m    Mark
					at   moment
					kind string
				)
				if err := scan(&hash, &kind, &at, &m.By, &m.Why); err != nil {
					return err
				}
				m.At = at.Time
				return runs[hash].setMark(kind, &m)
			})
		},
	} {
		if err := read(); err != nil {
			return err
		}
	}
	return nil
}

func order(table string) string {
	if table == "marks" {
		return "kind"
	}
	return "position"
}

// query calls row for every row of a query.
func query(ctx context.Context, tx *sql.Tx, text string, args []any, row func(scan func(...any) error) error) error {
	rows, err := tx.QueryContext(ctx, text, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // Err below has its error
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}
