package store

import (
	"bytes"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"text/template"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// migrations are the tables, one file for each version, the same for both engines but for the
// names of some types, which are filled in.
//
//go:embed migrations/*.sql
var migrations embed.FS

// versionTable is goose's table of the versions that a database has.
const versionTable = "store_version"

// types are the words that differ between the engines.
func (e engine) types() map[string]string {
	if e == postgresEngine {
		return map[string]string{"integer": "bigint", "float": "double precision", "boolean": "boolean", "time": "timestamptz", "strict": ""}
	}
	return map[string]string{"integer": "integer", "float": "real", "boolean": "integer", "time": "text", "strict": "strict"}
}

func migrationFiles() ([]string, error) { return fs.Glob(migrations, "migrations/*.sql") }

// newestVersion is the version of the tables that this pgchaos knows.
func newestVersion() (newest int64, err error) {
	files, err := migrationFiles()
	if err != nil {
		return 0, err
	}
	for _, file := range files {
		version, err := goose.NumericComponent(file)
		if err != nil {
			return 0, err
		}
		newest = max(newest, version)
	}
	return newest, nil
}

// tablesVersion is the version of the tables that a database has; 0: it has none. Unlike goose's own
// question it changes nothing.
func tablesVersion(ctx context.Context, db *sql.DB, e engine) (int64, error) {
	found, err := e.hasTable(ctx, db, versionTable)
	if err != nil || !found {
		return 0, err
	}
	var version sql.NullInt64
	err = db.QueryRowContext(ctx, "select max(version_id) from "+versionTable+" where is_applied").Scan(&version)
	return version.Int64, err
}

// migrate brings the tables to the newest version. The caller has the lock of the store; of two machines
// with one PostgreSQL server, goose's own lock there lets one do it.
func migrate(ctx context.Context, db *sql.DB, e engine) error {
	newest, err := newestVersion()
	if err != nil {
		return err
	}
	if version, err := tablesVersion(ctx, db, e); err != nil || version == newest {
		return err
	}
	return migrateAll(ctx, db, e)
}

func migrateAll(ctx context.Context, db *sql.DB, e engine) error {
	all, err := goMigrations(e)
	if err != nil {
		return err
	}
	dialect := goose.DialectSQLite3
	options := []goose.ProviderOption{goose.WithGoMigrations(all...), goose.WithDisableGlobalRegistry(true), goose.WithTableName(versionTable)}
	if e == postgresEngine {
		dialect = goose.DialectPostgres
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60))
		if err != nil {
			return err
		}
		options = append(options, goose.WithSessionLocker(locker))
		if err := makeSchema(ctx, db); err != nil {
			return err
		}
	}
	provider, err := goose.NewProvider(dialect, db, nil, options...)
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	if partial := (*goose.PartialError)(nil); errors.As(err, &partial) {
		err = partial.Err
	}
	if err != nil {
		return fmt.Errorf("bring its tables to version %s: %w", versionText(all), err)
	}
	return nil
}

func versionText(all []*goose.Migration) string { return fmt.Sprint(all[len(all)-1].Version) }

// goMigrations are the files of migrations, each as goose runs it: in a transaction.
func goMigrations(e engine) (all []*goose.Migration, err error) {
	files, err := migrationFiles()
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		version, err := goose.NumericComponent(file)
		if err != nil {
			return nil, err
		}
		text, err := template.New("").Option("missingkey=error").ParseFS(migrations, file)
		if err != nil {
			return nil, err
		}
		var b bytes.Buffer
		if err := text.Templates()[0].Execute(&b, e.types()); err != nil {
			return nil, err
		}
		statements := b.String()
		all = append(all, goose.NewGoMigration(version, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, statements)
			return err
		}}, nil))
	}
	return all, nil
}

// makeSchema makes the schema of the tables, unless the database's owner has made it already for a user who may not.
func makeSchema(ctx context.Context, db *sql.DB) error {
	var found bool
	if err := db.QueryRowContext(ctx, "select exists (select 1 from pg_namespace where nspname = '"+schema+"')").Scan(&found); err != nil || found {
		return err
	}
	_, err := db.ExecContext(ctx, "create schema "+schema)
	var state *pgconn.PgError
	if errors.As(err, &state) && (state.Code == duplicateSchema || state.Code == uniqueViolation) {
		return nil // another machine has just made it
	}
	return err
}

// The SQLSTATEs of a schema that is there already: the second is what two sessions at once can get.
const (
	duplicateSchema = "42P06"
	uniqueViolation = "23505"
)
