package pgload

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// defaults are the settings that decide how a server is asked, so that the PG* variables
// of the environment and the files of the user have no say in an experiment.
var defaults = map[string]string{
	"sslmode": "disable", "sslrootcert": "", "sslcert": "", "sslkey": "", "sslpassword": "", "sslsni": "1",
	"target_session_attrs": "any", "passfile": "", "application_name": "", "options": "", "timezone": "", "connect_timeout": "0",
	"channel_binding": "prefer", "require_auth": "",
}

// largestGreeting bounds one message of a server while a client connects, in bytes: pgx
// allocates what a message announces. What follows, the message reader reads.
const largestGreeting = 1 << 20

// ours are the settings of a connection that are no user's to make.
var ours = []string{"host", "hostaddr", "port", "application_name", "service", "servicefile", "target_session_attrs"}

// settings are those of every connection to an endpoint, or to the URL.
func (c *Config) settings(e Endpoint) (*pgx.ConnConfig, error) {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(c.Connection)) {
		if slices.Contains(ours, strings.ToLower(name)) {
			errs = append(errs, fmt.Errorf("connection: %s: this is set by the cluster, the target and the run", name))
		}
	}
	inClear := cmp.Or(c.Cluster["sslmode"], defaults["sslmode"]) == "disable"
	if _, given := c.Connection["sslmode"]; !given && inClear && c.Route != URL {
		for name := range c.Connection {
			if strings.HasPrefix(name, "ssl") {
				errs = append(errs, fmt.Errorf("connection: %s without sslmode, which is disable: write sslmode: verify-full, or another", name))
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	cc, err := c.parsed(e)
	if err != nil {
		return nil, err
	}
	cc.MaxProtocolMessageBodyLen = largestGreeting
	if _, given := c.Connection["connect_timeout"]; !given || cc.ConnectTimeout == 0 {
		cc.ConnectTimeout = c.ConnectTimeout
	}
	for name, value := range map[string]string{
		"application_name":              c.AppName,
		"default_transaction_isolation": c.Isolation,
		"default_transaction_read_only": map[bool]string{true: "on"}[c.ReadOnly],
		"synchronous_commit":            c.SynchronousCommit,
		"client_encoding":               map[bool]string{true: "UTF8"}[c.Protocol == Simple], // for what is quoted
	} {
		if delete(cc.RuntimeParams, name); value != "" {
			cc.RuntimeParams[name] = value
		}
	}
	maps.DeleteFunc(cc.RuntimeParams, func(_, value string) bool { return value == "" })
	return cc, c.askForWarnings(&cc.Config)
}

// parsed is what the Config and the URL say, and the Connection beside them.
func (c *Config) parsed(e Endpoint) (*pgx.ConnConfig, error) {
	if c.Route == URL {
		return c.parsedURL()
	}
	set := map[string]string{"host": e.Host, "port": fmt.Sprint(e.Port), "user": c.User, "password": c.Password, "dbname": c.Database}
	maps.Copy(set, defaults)
	maps.Copy(set, c.Cluster)
	maps.Copy(set, c.Connection)
	cc, err := pgx.ParseConfig(keyValues(set))
	if err != nil {
		return nil, fmt.Errorf("connection: %w", cause(err))
	}
	cc.ValidateConnect = nil
	switch c.Target {
	case Primary:
		if !c.ReadOnly { // whose own transactions are read-only everywhere
			cc.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
		} else {
			cc.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsPrimary
		}
	case Replicas:
		cc.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsStandby
	}
	return cc, nil
}

// parsedURL gives the URL the Config's user and database where it has none of its own.
// Its text must be in no error, for it may have a password in it.
func (c *Config) parsedURL() (*pgx.ConnConfig, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" || u.Host == "" {
		return nil, errors.New("url: it cannot be read: write postgres://USER@HOST:PORT/DATABASE?SETTING=VALUE")
	}
	u.User = c.behindURL(u.User)
	if strings.Trim(u.Path, "/") == "" {
		u.Path = "/" + c.Database
	}
	if u.Port() == "" && !u.Query().Has("service") {
		u.Host += ":5432"
	}
	query := c.queryOf(u)
	u.RawQuery = query.Encode()
	cc, err := pgx.ParseConfig(u.String())
	if err != nil {
		return nil, fmt.Errorf("url: %w", cause(err))
	}
	if password, given := u.User.Password(); !query.Has("password") && query.Get("passfile") == "" && (!given || password == "") {
		cc.Password = "" // not the environment's
	}
	return cc, nil
}

// queryOf are the settings of a URL, and those that the Connection and pgchaos add.
func (c *Config) queryOf(u *url.URL) url.Values {
	query := u.Query()
	service := query.Has("service") // which has settings of its own
	for name, value := range c.Connection {
		query.Set(name, value)
	}
	for name, value := range defaults {
		if !query.Has(name) && (!service || name == "target_session_attrs") {
			query.Set(name, value)
		}
	}
	if c.Connection["sslmode"] == "" && !u.Query().Has("sslmode") && !service {
		query.Set("sslmode", "prefer") // as everywhere else where somebody writes a URL
	}
	return query
}

// behindURL is the user of a URL: the Config's, if it names none, or names this one without a password.
func (c *Config) behindURL(named *url.Userinfo) *url.Userinfo {
	if named == nil {
		return url.UserPassword(c.User, c.Password)
	}
	if _, given := named.Password(); !given && named.Username() == c.User && c.Password != "" {
		return url.UserPassword(c.User, c.Password)
	}
	return named
}

// cause is what is wrong with settings, without the text around it that has all of them in it.
func cause(err error) error {
	if err = errors.Unwrap(err); err == nil {
		return errors.New("one of its settings is wrong")
	}
	return err
}

// keyValues writes settings down as ParseConfig reads them, with a space before each.
func keyValues(set map[string]string) string {
	var b strings.Builder
	quote := strings.NewReplacer(`\`, `\\`, `'`, `\'`)
	for _, name := range slices.Sorted(maps.Keys(set)) {
		b.WriteString(" " + name + "='" + quote.Replace(set[name]) + "'")
	}
	return b.String()
}
