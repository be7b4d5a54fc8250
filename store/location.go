package store

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"pgchaos/internal/redact"
)

// databaseFile is the name of SQLite's file in the directory of a store.
const databaseFile = "history.db"

// filesKey is the parameter of a URL that names the directory of the raw results.
const filesKey = "files"

// UsageError is an error that another value of --store mends.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }
func (e *UsageError) Unwrap() error { return e.Err }

// location is where a store is.
type location struct {
	engine engine
	files  string // the directory of the raw results, and of SQLite's file
	url    string // of PostgreSQL, without what is ours
	shown  string // for messages: without a password
	// secrets hides the password in what a server or a library says.
	secrets *redact.Redactor
}

func locate(where string) (location, error) {
	if where == "" {
		return location{}, &UsageError{errors.New("the store has no name; name a directory, or the URL of a PostgreSQL database")}
	}
	if scheme, _, isURL := strings.Cut(where, "://"); isURL {
		return locateURL(scheme, where)
	}
	files, err := filepath.Abs(where)
	if err != nil {
		return location{}, err
	}
	return location{engine: sqliteEngine, files: files, shown: where}, nil
}

func locateURL(scheme, where string) (location, error) {
	if scheme != "postgres" && scheme != "postgresql" {
		return location{}, &UsageError{fmt.Errorf("a store with a URL of scheme %q is unknown; name a directory, or a URL such as postgres://user@host/database?%s=DIR", scheme, filesKey)}
	}
	u, err := url.Parse(where)
	if err != nil { // which quotes the URL with its password
		return location{}, &UsageError{errors.New("the URL of the store is malformed; write it as postgres://user@host/database?" + filesKey + "=DIR, with special characters as %XX")}
	}
	query := u.Query()
	password, _ := u.User.Password()
	secrets := []string{}
	for _, secret := range []string{password, query.Get("password"), query.Get("sslpassword")} {
		if secret != "" {
			secrets = append(secrets, secret, url.QueryEscape(secret), url.PathEscape(secret))
		}
	}
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	if u.User != nil {
		shown.User = url.User(u.User.Username())
	}
	files := query.Get(filesKey)
	if files == "" {
		return location{}, &UsageError{fmt.Errorf("the store %s has no directory for the raw results; add ?%s=DIR to its URL", &shown, filesKey)}
	}
	query.Del(filesKey)
	u.RawQuery = query.Encode()
	if files, err = filepath.Abs(files); err != nil {
		return location{}, err
	}
	shown.RawQuery = filesKey + "=" + files
	at := location{engine: postgresEngine, files: files, url: u.String(), shown: shown.String(), secrets: redact.New(secrets...)}
	if _, err := pgconn.ParseConfig(at.url); err != nil {
		return location{}, &UsageError{at.wrap("read the URL of", err)}
	}
	return at, nil
}

// look looks for a store in a directory before anything is made there. A database on a server has to be asked.
func (at location) look() error {
	file := filepath.Join(at.files, databaseFile)
	if at.engine != sqliteEngine {
		file = at.files
	}
	_, err := os.Stat(file)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if at.engine != sqliteEngine {
		return errNoFiles
	}
	hashes, err := rawHashes(at.files)
	switch {
	case err != nil:
		return err
	case len(hashes) > 0:
		return &DamagedError{at.shown, fmt.Errorf("%s is missing, and there are raw results of %d runs", databaseFile, len(hashes))}
	}
	return ErrMissing
}

// wrap says which store an error is of, what is to be done, and no password.
func (at location) wrap(doing string, err error) error {
	var (
		damaged *DamagedError
		wrapped *storeError
	)
	if err == nil || errors.As(err, &damaged) || errors.As(err, &wrapped) {
		return err
	}
	if at.engine.damaged(err) {
		return &DamagedError{at.shown, err}
	}
	return &storeError{text: at.secrets.Text(fmt.Sprintf("%s the store %s: %v", doing, at.shown, err)), err: err}
}

// storeError is an error whose text holds no secret.
type storeError struct {
	text string
	err  error
}

func (e *storeError) Error() string { return e.text }
func (e *storeError) Unwrap() error { return e.err }
