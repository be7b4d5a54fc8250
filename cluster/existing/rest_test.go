package existing

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgchaos/cluster"
)

// authority signs certificates, and writes them into files.
type authority struct {
	t    *testing.T
	dir  string
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir()}
	a.cert, a.key = a.sign("ca", &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	return a
}

func (a *authority) file(name string) string { return filepath.Join(a.dir, name) }

// sign writes NAME.pem, NAME.key, and both into NAME.both. The first certificate signs itself.
func (a *authority) sign(name string, of *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	must := func(err error) {
		if err != nil {
			a.t.Fatal(err)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	of.SerialNumber, of.Subject = big.NewInt(time.Now().UnixNano()), pkix.Name{CommonName: name}
	of.NotBefore, of.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	by, byKey := a.cert, a.key
	if by == nil {
		by, byKey = of, key
	}
	der, err := x509.CreateCertificate(rand.Reader, of, by, &key.PublicKey, byKey)
	must(err)
	keyDER, err := x509.MarshalECPrivateKey(key)
	must(err)
	cert, private := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER})
	must(os.WriteFile(a.file(name+".pem"), cert, 0o600))
	must(os.WriteFile(a.file(name+".key"), private, 0o600))
	must(os.WriteFile(a.file(name+".both"), append(cert, private...), 0o600))
	parsed, err := x509.ParseCertificate(der)
	must(err)
	return parsed, key
}

// agent is an agent of Patroni over https, which takes orders only from those who have a certificate of this authority
// (verify_client: optional).
func (a *authority) agent() (url string) {
	a.t.Helper()
	a.sign("agent", &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	agent := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPost && len(r.TLS.VerifiedChains) == 0:
			w.WriteHeader(http.StatusForbidden)
		case r.URL.Path == "/patroni":
			_, _ = io.WriteString(w, `{"database_system_identifier": "7"}`)
		default:
			_, _ = io.WriteString(w, `{"members": [{"name": "n1", "role": "leader", "host": "db1", "port": 5432}, {"name": "n2", "role": "replica", "host": "db2", "port": 5432}]}`)
		}
	}))
	own, err := tls.LoadX509KeyPair(a.file("agent.pem"), a.file("agent.key"))
	if err != nil {
		a.t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AddCert(a.cert)
	agent.TLS = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{own}, ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: trusted}
	agent.Config.ErrorLog = log.New(io.Discard, "", 0) // those who do not trust it
	agent.StartTLS()
	a.t.Cleanup(agent.Close)
	return agent.URL
}

// TestPatroniOverHTTPS: its agents are known by the certificates that the file names, and pgchaos by its own.
func TestPatroniOverHTTPS(t *testing.T) {
	a := newAuthority(t)
	url := a.agent()
	client := &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	a.sign("client", client)
	another := newAuthority(t)
	for name, c := range map[string]struct {
		of           cluster.ManagerTLS
		asks, orders string // what goes wrong; "": nothing
	}{
		"without":                 {cluster.ManagerTLS{}, "write cacert: FILE beside its patroni, or set SSL_CERT_FILE", "write cacert"},
		"its authority":           {cluster.ManagerTLS{CACert: a.file("ca.pem")}, "", "403"},
		"another authority":       {cluster.ManagerTLS{CACert: another.file("ca.pem")}, "certificate signed by unknown authority", "unknown authority"},
		"a certificate":           {cluster.ManagerTLS{CACert: a.file("ca.pem"), CertFile: a.file("client.pem"), KeyFile: a.file("client.key")}, "", ""},
		"with its key in it":      {cluster.ManagerTLS{CACert: a.file("ca.pem"), CertFile: a.file("client.both")}, "", ""},
		"no authority":            {cluster.ManagerTLS{CACert: a.file("ca.key")}, "cacert: " + a.file("ca.key") + " has no certificate in it", "cacert"},
		"no file":                 {cluster.ManagerTLS{CACert: a.file("none")}, "cacert: open ", "cacert"},
		"a certificate of no key": {cluster.ManagerTLS{CACert: a.file("ca.pem"), CertFile: a.file("client.pem")}, "certfile: ", "certfile"},
	} {
		t.Run(name, func(t *testing.T) {
			differs := func(what, want string, err error) {
				t.Helper()
				if want == "" && err != nil || !strings.Contains(fmt.Sprint(err), want) {
					t.Errorf("%s: %v, want %q", what, err, want)
				}
			}
			found, err := Discover(t.Context(), Ask{Patroni: url, TLS: c.of, As: "postgres:///shop?user=chaos"})
			differs("discover", c.asks, err)
			if err == nil && len(found) != 2 {
				t.Errorf("it found %+v", found)
			}
			e := Examination{Nodes: []Seen{{Name: "n1", SystemID: "7"}}}
			e.managed(t.Context(), cluster.Existing{Manager: cluster.ManagerAddress{Patroni: url, TLS: c.of}})
			if len(e.Findings) != 1 || (e.Findings[0].Weight == Good) != (c.asks == "") || !strings.Contains(e.Findings[0].String(), c.asks) {
				t.Errorf("doctor says %v, want %q", e.Findings, c.asks)
			}
			r, err := newREST(c.of)
			if err == nil {
				err = manager{of: cluster.ManagerAddress{Patroni: url}, rest: r, system: "7", wait: agentTimeout}.Switchover(t.Context(), "n2")
			}
			differs("switchover", c.orders, err)
		})
	}
}
