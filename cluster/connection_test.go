package cluster_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgchaos/cluster"
)

// certificate writes a self-signed certificate of 127.0.0.1 and its key, for the owner of a
// directory. The key is for that user alone.
func certificate(t *testing.T, dir string) (certFile, keyFile string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "127.0.0.1"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	public, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "server.crt"), filepath.Join(dir, "server.key")
	for path, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: public}, keyFile: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(certFile, 0o644); err != nil {
		t.Fatal(err)
	}
	return certFile, giveToServer(t, keyFile)
}

// giveToServer makes a file that of the user that the servers run as, where that is another one.
func giveToServer(t *testing.T, file string) string {
	t.Helper()
	if os.Getuid() != 0 {
		return file
	}
	server, err := user.Lookup("postgres")
	if err != nil {
		server, err = user.Lookup("nobody")
	}
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(server.Uid)
	gid, _ := strconv.Atoi(server.Gid)
	if err := os.Chown(file, uid, gid); err != nil {
		t.Fatal(err)
	}
	return file
}

// passfile is a password file for the superuser of every node.
func passfile(t *testing.T, w *world) string {
	t.Helper()
	file, super := filepath.Join(t.TempDir(), "pgpass"), w.Nodes()[0].Credentials().Superuser
	if err := os.WriteFile(file, []byte("*:*:*:"+super.Name+":"+super.Password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestEverySessionIsEncrypted runs a cluster with TLS through all that connects to a node:
// pgchaos, its clients, standbys, pg_basebackup and pg_rewind, which verify the certificate.
func TestEverySessionIsEncrypted(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "pgchaos-certificate-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	cert, key := certificate(t, dir)
	w := build(t, cluster.Config{
		Nodes:      nodes("a", "b"),
		Settings:   map[string]string{"ssl": "on", "ssl_cert_file": cert, "ssl_key_file": key, "log_connections": "on"},
		Connection: cluster.Connection{SSLMode: "verify-full", SSLRootCert: cert, NodeSSLRootCert: cert},
	})
	ctx := t.Context()
	a, b := w.Node("a"), w.Node("b")
	load, err := a.ConnectPlain(ctx, "load")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = load.Close(ctx) }()
	w.want("a", "select bool_and(s.ssl), count(*) > 1 from pg_stat_ssl s join pg_stat_activity using (pid) where application_name in ('b', 'pgchaos/load') or application_name like '%/load'", "t|t")
	// The old primary goes on alone, so that it has to be rewound.
	if err := b.Promote(ctx); err != nil {
		t.Fatal(err)
	}
	w.psql("a", "create table alone (i int)")
	if done, err := a.Rejoin(ctx, b, nil); err != nil || done.Way != cluster.WayRewind {
		t.Fatalf("rejoined by %q after %q: %v", done.Way, done.Tried, err)
	}
	if err := a.Clone(ctx, b, nil, "", nil); err != nil {
		t.Fatal(err)
	}
	out, err := a.Exec(ctx, "psql -XAtc 'select ssl from pg_stat_ssl where pid = pg_backend_pid()'")
	if err != nil || out.Stdout != "t\n" {
		t.Errorf("a program on the node connects without TLS: %+v, %v", out, err)
	}
	attached := cluster.Attach(w.Access(), passfile(t, w))
	if state := attached[1].State(ctx); state.Error != "" {
		t.Errorf("the node cannot be asked by another pgchaos: %s", state.Error)
	}
	for _, n := range w.Nodes() {
		log, err := n.Log(ctx)
		if err != nil {
			t.Fatal(err)
		}
		sessions := 0
		for line := range strings.Lines(string(log)) {
			if !strings.Contains(line, "connection authorized: ") || strings.Contains(line, "application_name=psql") {
				continue
			}
			sessions++
			if !strings.Contains(line, "SSL enabled") {
				t.Errorf("%s: not encrypted: %s", n.Name(), line)
			}
		}
		if sessions < 5 {
			t.Errorf("%s has logged %d sessions", n.Name(), sessions)
		}
	}
	other, _ := certificate(t, t.TempDir())
	access := w.Access()
	access.Connection.SSLRootCert = other
	if state := cluster.Attach(access, passfile(t, w))[0].State(ctx); !strings.Contains(state.Error, "certificate") {
		t.Errorf("with the certificate of somebody else: %q", state.Error)
	}
}
