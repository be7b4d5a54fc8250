package cluster

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// DSN is a user's connection string to one server that pgchaos has not built. Make one with ParseDSN.
type DSN struct {
	Address  Address
	User     User
	Database string
	settings map[string]string // what it says beside these, by libpq's names
}

// ErrSeveralHosts marks a connection string that names more than one host.
var ErrSeveralHosts = errors.New("it names several hosts")

// ParseDSN reads a connection string, as a URL or as libpq's keywords, to one host. What it leaves out comes from where
// libpq looks: a service file, a password file, the PG* variables of the environment. It connects to nothing, and no
// error has the text in it, which can have a password.
func ParseDSN(text string) (DSN, error) {
	settings, err := dsnSettings(text)
	if err != nil {
		return DSN{}, err
	}
	if err := eachPortHasAHost(settings); err != nil {
		return DSN{}, err
	}
	if strings.Contains(settings["host"], ",") || strings.Contains(settings["port"], ",") {
		return DSN{}, fmt.Errorf("%w: give each node a connection string to it alone", ErrSeveralHosts)
	}
	if settings["service"] != "" && settings["sslmode"] == "" {
		return DSN{}, errors.New("beside a service it needs sslmode: write sslmode=verify-full, or what the service has")
	}
	cfg, err := pgx.ParseConfig(text)
	if err != nil {
		return DSN{}, fmt.Errorf("it cannot be used: %w", WithoutDSN(err))
	}
	d := DSN{
		Address: Address{cfg.Host, int(cfg.Port)}, User: User{cfg.User, cfg.Password}, Database: cfg.Database, settings: settings,
	}
	if d.Database == "" {
		d.Database = d.User.Name
	}
	maps.DeleteFunc(d.settings, func(name, _ string) bool { return slices.Contains(dsnOwn, name) })
	if d.settings["sslmode"] == "" {
		d.settings["sslmode"] = "prefer" // libpq's own default
	}
	d.settings = withOwnFiles(d.settings)
	return d, nil
}

// eachPortHasAHost is an error where a connection string has several ports, and not as many hosts (libpq-connect, "Specifying Multiple Hosts").
// Pgx says so in a text with the whole connection string in it.
func eachPortHasAHost(settings map[string]string) error {
	ports, hosts := strings.Count(settings["port"], ",")+1, strings.Count(cmp.Or(settings["host"], os.Getenv("PGHOST")), ",")+1
	if ports == 1 || ports == hosts || settings["service"] != "" {
		return nil
	}
	noun := "hosts"
	if hosts == 1 {
		noun = "host"
	}
	return fmt.Errorf("it names %d ports for %d %s: write a host for each port, or one port", ports, hosts, noun)
}

// dsnOwn are the settings that a DSN has fields for, or that pgchaos decides.
var dsnOwn = []string{"host", "hostaddr", "port", "user", "password", "dbname", "database", "application_name", "fallback_application_name", "target_session_attrs", "connect_timeout"}

// WithoutDSN is the cause of an error of pgx, whose own text can have the connection string in it.
func WithoutDSN(err error) error {
	if inner := errors.Unwrap(err); inner != nil {
		return inner
	}
	return errors.New("one of its settings is wrong")
}

// Settings are what it says beside host, port, user, password and database, by libpq's names.
func (d DSN) Settings() map[string]string { return maps.Clone(d.settings) }

// PublicSettings are the Settings without the password of a client's key.
func (d DSN) PublicSettings() map[string]string {
	set := d.Settings()
	delete(set, "sslpassword")
	return set
}

// String is what can be shown of it: no password.
func (d DSN) String() string {
	return fmt.Sprintf("%s@%s/%s", d.User.Name, d.Address, d.Database)
}

// For is the connection string of a session with an application_name. It holds the password.
func (d DSN) For(app string) string {
	set := maps.Clone(d.settings)
	set["host"], set["port"], set["user"], set["dbname"] = d.Address.Host, strconv.Itoa(d.Address.Port), d.User.Name, d.Database
	set["target_session_attrs"] = "any"
	if app != "" {
		set["application_name"] = app
	}
	if d.User.Password != "" {
		set["password"] = d.User.Password
	}
	return keywords(set)
}

// Public is the connection string without the password: that of a password file, a service or the environment lets in.
func (d DSN) Public() string {
	d.User.Password = ""
	d.settings = d.PublicSettings()
	return d.For("")
}

// Differs says in what a DSN differs from another one of the same cluster, where more than the server does; "": in nothing.
func (d DSN) Differs(other DSN) string {
	switch {
	case d.User.Name != other.User.Name:
		return "the user"
	case d.User.Password != other.User.Password:
		return "the password"
	case d.Database != other.Database:
		return "the database"
	case !maps.Equal(d.settings, other.settings):
		return "its settings, such as sslmode"
	}
	return ""
}

// UserOr is the user that a connection string names: with the other's password where it names that one, and no password; the other one,
// where it names none.
func (d DSN) UserOr(text string, other User) User {
	set, _ := dsnSettings(text) // which was parsed before
	switch {
	case set["service"] == "" && set["user"] == "":
		return other
	case set["password"] == "" && d.User.Password == "" && d.User.Name == other.Name:
		return other
	}
	return d.User
}

// DatabaseOr is the database that a connection string names; the other one, where it names none.
func (d DSN) DatabaseOr(text, other string) string {
	if set, _ := dsnSettings(text); set["dbname"] == "" && set["database"] == "" && set["service"] == "" {
		return other
	}
	return d.Database
}

// DSNURL is a connection string as a URL. One that is a URL stays as it is; what one of keywords leaves out, its URL leaves out.
func DSNURL(text string) (string, error) {
	if isURL(text) {
		return text, nil
	}
	set, err := dsnSettings(text)
	if err != nil {
		return "", err
	}
	d, err := ParseDSN(text)
	if err != nil {
		return "", err
	}
	query := url.Values{}
	for name, value := range d.settings {
		query.Set(name, value)
	}
	u := url.URL{Scheme: "postgres", Host: d.Address.String()}
	if strings.HasPrefix(d.Address.Host, "/") { // a socket's directory is no host of a URL
		u.Host = "localhost"
		query.Set("host", d.Address.Host)
		query.Set("port", strconv.Itoa(d.Address.Port))
	}
	password := set["password"]
	if set["service"] != "" {
		password = d.User.Password
	}
	if user := (d.UserOr(text, User{})); user.Name != "" {
		u.User = url.User(user.Name)
		if password != "" {
			u.User = url.UserPassword(user.Name, password)
		}
	}
	u.Path = "/" + d.DatabaseOr(text, "")
	u.RawQuery = query.Encode()
	return u.String(), nil
}

func isURL(text string) bool {
	return strings.HasPrefix(text, "postgres://") || strings.HasPrefix(text, "postgresql://")
}

// dsnSettings are what a connection string itself says.
func dsnSettings(text string) (map[string]string, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, errors.New("it is empty: write postgres://USER@HOST:PORT/DATABASE")
	}
	if !isURL(text) {
		return keywordSettings(text)
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("it is no URL: write postgres://USER@HOST:PORT/DATABASE?SETTING=VALUE")
	}
	set := map[string]string{"host": u.Hostname(), "port": u.Port(), "dbname": strings.TrimPrefix(u.Path, "/")}
	if strings.Contains(u.Host, ",") { // of several hosts url.Parse takes the last port for that of all
		set["host"] = u.Host
	}
	if u.User != nil {
		set["user"] = u.User.Username()
		set["password"], _ = u.User.Password()
	}
	for name, values := range u.Query() {
		set[name] = values[len(values)-1]
	}
	return set, nil
}

// keywordSettings reads `host=a port=5432 password='a b'`, as conninfo_parse of libpq's fe-connect.c does.
func keywordSettings(text string) (map[string]string, error) {
	set := map[string]string{}
	for rest := strings.TrimSpace(text); rest != ""; rest = strings.TrimSpace(rest) {
		name, after, found := strings.Cut(rest, "=")
		name = strings.TrimSpace(name)
		if !found || name == "" || strings.ContainsAny(name, " \t\n'\"") {
			return nil, errors.New("it is neither a URL nor a list of NAME=VALUE: write postgres://USER@HOST:PORT/DATABASE")
		}
		value, end, err := keywordValue(strings.TrimLeft(after, " \t\n"))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		set[name], rest = value, end
	}
	return set, nil
}

// keywordValue is the value at the beginning of a text, and what follows it.
func keywordValue(text string) (value, rest string, err error) {
	quoted := strings.HasPrefix(text, "'")
	if quoted {
		text = text[1:]
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		case quoted && c == '\'':
			return b.String(), text[i+1:], nil
		case !quoted && strings.IndexByte(" \t\n\r", c) >= 0:
			return b.String(), text[i:], nil
		default:
			b.WriteByte(c)
		}
	}
	if quoted {
		return "", "", errors.New("its quote is not closed")
	}
	return b.String(), "", nil
}

// DSNAt is a connection string to one host and port, with everything else from another one.
func DSNAt(text string, at Address) (string, error) {
	set, err := dsnSettings(text)
	if err != nil {
		return "", err
	}
	delete(set, "hostaddr")
	maps.DeleteFunc(set, func(_, value string) bool { return value == "" })
	set["host"], set["port"] = at.Host, strconv.Itoa(at.Port)
	delete(set, "target_session_attrs")
	return keywords(set), nil
}

// DSNHosts are the hosts of a connection string that names several.
func DSNHosts(text string) (all []Address, err error) {
	settings, err := dsnSettings(text)
	if err != nil {
		return nil, err
	}
	if err := eachPortHasAHost(settings); err != nil {
		return nil, err
	}
	cfg, err := pgx.ParseConfig(text)
	if err != nil {
		return nil, fmt.Errorf("it cannot be used: %w", WithoutDSN(err))
	}
	all = []Address{{cfg.Host, int(cfg.Port)}}
	for _, f := range cfg.Fallbacks {
		if at := (Address{f.Host, int(f.Port)}); !slices.Contains(all, at) { // each host stands there twice where TLS is tried first
			all = append(all, at)
		}
	}
	return all, nil
}

// withOwnFiles adds the certificates of the user that libpq and pgx find by themselves (~/.postgresql), so that every session
// has the same.
func withOwnFiles(settings map[string]string) map[string]string {
	home, err := os.UserHomeDir()
	if err != nil || settings["sslmode"] == "disable" {
		return settings
	}
	for name, file := range map[string]string{"sslrootcert": "root.crt", "sslcert": "postgresql.crt", "sslkey": "postgresql.key"} {
		path := filepath.Join(home, ".postgresql", file)
		if _, err := os.Stat(path); err == nil && settings[name] == "" {
			settings[name] = path
		}
	}
	return settings
}
