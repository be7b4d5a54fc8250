package existing

import (
	"context"
	"crypto/tls"
	_ "embed"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"pgchaos/cluster"
)

// wayEnd is what was found at the end of a cluster.Way.
type wayEnd struct {
	servers []wayServer // one for each address of its host that answers
	err     error       // why it was not followed to its end
}

// wayServer is one server that a way leads to, and the database there.
type wayServer struct {
	systemID, database string
	commit             string // synchronous_commit
	marked             bool
	tls                bool
}

// follow looks where a way leads: at each address that its host has, for a session of the load can get any of them.
func follow(ctx context.Context, way cluster.Way) (end wayEnd) {
	ctx, cancel := context.WithTimeout(ctx, examineTimeout)
	defer cancel()
	addresses := []string{way.Config.Host}
	if !strings.HasPrefix(way.Config.Host, "/") { // the directory of a socket
		if addresses, end.err = way.Config.LookupFunc(ctx, way.Config.Host); end.err != nil {
			return end
		}
	}
	var errs []error
	for _, address := range addresses {
		cfg := way.Config.Copy()
		cfg.LookupFunc = func(context.Context, string) ([]string, error) { return []string{address}, nil }
		conn, err := pgx.ConnectConfig(ctx, cfg)
		if err != nil {
			errs = append(errs, cluster.WithoutDSN(err)) // such as one of two kinds of address at which nobody listens
			continue
		}
		s, err := lookWay(ctx, conn)
		if err != nil {
			end.err = err // it answers, and does not say whose it is
			return end
		}
		end.servers = append(end.servers, s)
	}
	if len(end.servers) == 0 {
		end.err = errors.Join(errs...)
	}
	return end
}

//go:embed way.sql
var waySQL string

// lookWay asks a server whose it is, in one transaction, as look does, and closes the session.
func lookWay(ctx context.Context, conn *pgx.Conn) (s wayServer, err error) {
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // which was only to read
	for _, sql := range beginLook() {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return s, err
		}
	}
	var comment string
	if err := conn.QueryRow(ctx, waySQL).Scan(&s.systemID, &s.database, &comment, &s.commit); err != nil {
		return s, fmt.Errorf("it does not say whose server it is: %w", err)
	}
	s.marked = strings.Contains(comment, Mark)
	_, s.tls = conn.PgConn().Conn().(*tls.Conn)
	return s, nil
}

// ways wants every session of the load to get to the marked database of this cluster, and to no other.
func (e *Examination) ways(ends []wayEnd, x cluster.Existing) {
	p := e.primary()
	if p == nil {
		return // and so it is refused
	}
	const right = "let it lead to the marked database of this cluster"
	for i, way := range x.Ways {
		before, host := len(e.Findings), fmt.Sprintf("%s:%d", way.Config.Host, way.Config.Port)
		if err := ends[i].err; err != nil {
			e.add(Bad, "", right, "%s (%s) cannot be followed, and so it is not known which database the load would write to: %v", way.Where, host, err)
		}
		for _, s := range ends[i].servers {
			switch {
			case s.systemID != p.SystemID:
				e.add(Bad, "", right, "%s (%s) leads to another cluster: its system identifier is %s, and that of %s is %s", way.Where, host, s.systemID, p.Name, p.SystemID)
			case s.database != p.Database:
				e.add(Bad, "", right, "%s (%s) leads to the database %s, and the nodes' connection strings to %s", way.Where, host, s.database, p.Database)
			case !s.marked:
				e.add(Bad, "", right, "%s (%s) leads to a copy of this cluster whose database %s is not marked as one that pgchaos may use", way.Where, host, s.database)
			}
		}
		if len(e.Findings) > before {
			continue
		}
		e.add(Good, "", "", "%s (%s) leads to the database %s of this cluster", way.Where, host, p.Database)
		if way.Commits {
			e.commits(way.Where+" has", ends[i].servers[0].commit, x)
		}
		e.encrypted("", "the connection of "+way.Where, "there", securityOf(way.Config, ends[i].servers))
	}
}

// securityOf is that of the servers together.
func securityOf(cfg *pgx.ConnConfig, servers []wayServer) security {
	s := security{host: cfg.Host, mode: "require", tls: true}
	if c := cfg.TLSConfig; c != nil && !c.InsecureSkipVerify {
		s.mode = "verify-full"
	} else if c != nil && c.VerifyPeerCertificate != nil {
		s.mode = "verify-ca"
	}
	for _, server := range servers {
		s.tls = s.tls && server.tls
	}
	return s
}
