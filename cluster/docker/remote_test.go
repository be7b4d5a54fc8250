package docker

import (
	"archive/tar"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pgchaos/cluster"
	"pgchaos/internal/longtest"
)

// The tests in this file reach the engine over TCP: a listener of the test's own
// passes every connection on to the engine's socket, as an engine elsewhere would
// take it.

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "an authority of a test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(t, err)
	cert, err := x509.ParseCertificate(der)
	must(t, err)
	return authority{cert, key}
}

// sign makes a certificate and its key, both as PEM.
func (a authority) sign(t *testing.T, use x509.ExtKeyUsage, addresses ...net.IP) (cert, private []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "signed by a test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{use}, IPAddresses: addresses,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	must(t, err)
	keyDER, err := x509.MarshalECPrivateKey(key)
	must(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER})
}

func (a authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// serverTLS is the configuration of an engine that lets in whom the authority knows.
func (a authority) serverTLS(t *testing.T, addresses ...net.IP) *tls.Config {
	t.Helper()
	pair, err := tls.X509KeyPair(a.sign(t, x509.ExtKeyUsageServerAuth, addresses...))
	must(t, err)
	known := x509.NewCertPool()
	known.AddCert(a.cert)
	return &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: known, ClientAuth: tls.RequireAndVerifyClientCert}
}

// certificates writes a client's three files under the names of DOCKER_CERT_PATH:
// whom it trusts, and who it is by the word of signer.
func certificates(t *testing.T, trusted, signer authority) (dir string) {
	t.Helper()
	dir = t.TempDir()
	cert, key := signer.sign(t, x509.ExtKeyUsageClientAuth)
	for name, data := range map[string][]byte{"ca.pem": trusted.pem(), "cert.pem": cert, "key.pem": key} {
		must(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
	}
	return dir
}

// listen passes connections on to the engine until the test ends; config is nil
// for plain TCP. It returns its address.
func listen(t *testing.T, host string, config *tls.Config) string {
	t.Helper()
	needEngine(t)
	e, err := connect(t.Context())
	must(t, err)
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	must(t, err)
	address := l.Addr().String()
	if config != nil {
		l = tls.NewListener(l, config)
	}
	var open sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background()) // the run is removed over it, after the test's own context
	t.Cleanup(func() {
		cancel()
		must(t, l.Close())
		open.Wait()
		must(t, e.Close())
	})
	open.Go(func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			open.Go(func() { passOn(ctx, from, e.Dialer()) })
		}
	})
	return address
}

// passOn copies both ways. The end of one direction is passed on alone: a command's
// input ends before its output does.
func passOn(ctx context.Context, from net.Conn, dial func(context.Context) (net.Conn, error)) {
	defer func() { _ = from.Close() }()
	if secure, ok := from.(*tls.Conn); ok {
		err := secure.HandshakeContext(ctx)
		if plain := (tls.RecordHeaderError{}); errors.As(err, &plain) && plain.Conn != nil { // as the engine does, by net/http
			_, _ = io.WriteString(plain.Conn, "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n")
		}
		if err != nil {
			return
		}
	}
	to, err := dial(ctx)
	if err != nil {
		return
	}
	defer func() { _ = to.Close() }()
	defer context.AfterFunc(ctx, func() { _, _ = from.Close(), to.Close() })()
	var both sync.WaitGroup
	for _, way := range []struct{ from, to net.Conn }{{from, to}, {to, from}} {
		both.Go(func() {
			_, _ = io.Copy(way.to, way.from)
			_ = way.to.(interface{ CloseWrite() error }).CloseWrite()
		})
	}
	both.Wait()
}

// setEngine says where the engine is, and nothing else does.
func setEngine(t *testing.T, settings map[string]string) {
	t.Helper()
	for _, name := range []string{"DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_CONTEXT", "DOCKER_CONFIG"} {
		t.Setenv(name, settings[name])
	}
}

// answers looks whether the docker command and pgchaos both find the engine.
func answers(t *testing.T) {
	t.Helper()
	docker(t, "version")
	e, err := connect(t.Context())
	must(t, err)
	must(t, e.Close())
}

// useEngine does to a node what needs more of a connection than question and answer.
func useEngine(t *testing.T) {
	t.Helper()
	p := testProvider(t, Options{})
	h := newServer(t, p, "n1")
	long := strings.Repeat("0123456789", 100_000)
	out, err := h.Run(t.Context(), cluster.Command{Argv: []string{"sh", "-c", "cat; echo end >&2"}, Stdin: strings.NewReader(long)})
	if err != nil || out.Stdout != long || out.Stderr != "end\n" {
		t.Errorf("%d bytes came back of %d, and %q, %v", len(out.Stdout), len(long), out.Stderr, err)
	}
	must(t, h.Put(t.Context(), h.Dir(), testArchive(t, tar.Header{Typeflag: tar.TypeReg, Name: "file", Mode: 0o600})))
	archive, err := h.Get(t.Context(), h.Dir())
	must(t, err)
	defer func() { _ = archive.Close() }()
	for r := tar.NewReader(archive); ; {
		head, err := r.Next()
		if errors.Is(err, io.EOF) {
			t.Error("the file that was put is not in what was got")
			break
		}
		must(t, err)
		if head.Name == "file" {
			break
		}
	}
	start(t, h) // and clients reach it
	if got, want := h.inspect(t, "json .HostConfig.PortBindings"), p.engine.publishOn(); !strings.Contains(got, `"HostIp":"`+want+`"`) {
		t.Errorf("published on %s, not %s", got, want)
	}
}

func TestEngineOverTCP(t *testing.T) {
	address := listen(t, loopback, nil)
	setEngine(t, map[string]string{"DOCKER_HOST": "tcp://" + address})
	useEngine(t)
}

func TestEngineOverTLS(t *testing.T) {
	longtest.Only(t)
	known := newAuthority(t)
	address := listen(t, loopback, known.serverTLS(t, net.ParseIP(loopback)))
	certs := certificates(t, known, known)
	host := "tcp://" + address
	setEngine(t, map[string]string{"DOCKER_HOST": host, "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": certs})
	useEngine(t)
	// Without their path, they are beside the configuration.
	setEngine(t, map[string]string{"DOCKER_HOST": host, "DOCKER_TLS_VERIFY": "1", "DOCKER_CONFIG": certs})
	answers(t)
}

// TestEngineOfAContext takes contexts as the docker command writes them.
func TestEngineOfAContext(t *testing.T) {
	known := newAuthority(t)
	address := listen(t, loopback, known.serverTLS(t, net.ParseIP(loopback)))
	certs := certificates(t, known, known)
	setEngine(t, map[string]string{"DOCKER_CONFIG": t.TempDir()})
	docker(t, "context", "create", "lab", "--docker",
		"host=tcp://"+address+",ca="+certs+"/ca.pem,cert="+certs+"/cert.pem,key="+certs+"/key.pem")
	docker(t, "context", "use", "lab")
	useEngine(t)
	// One that asks for no certificate of its clients.
	open := known.serverTLS(t, net.ParseIP(loopback))
	open.ClientAuth = tls.NoClientCert
	docker(t, "context", "create", "open", "--docker", "host=tcp://"+listen(t, loopback, open)+",ca="+certs+"/ca.pem")
	t.Setenv("DOCKER_CONTEXT", "open")
	answers(t)
}

// TestEngineElsewhere has the engine at another address of this machine, which
// looks the same as another machine's.
func TestEngineElsewhere(t *testing.T) {
	needEngine(t)
	bridge := bridgeAddress(t)
	known := newAuthority(t)
	address := listen(t, bridge, known.serverTLS(t, net.ParseIP(bridge)))
	setEngine(t, map[string]string{
		"DOCKER_HOST": "tcp://" + address, "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": certificates(t, known, known),
	})
	p := testProvider(t, Options{})
	h := testServer(t, p, "n1")
	if h.client.Host != bridge {
		t.Errorf("clients go to %s", h.client)
	}
	if got, want := docker(t, "port", h.container, "5432"), "0.0.0.0:"+strconv.Itoa(h.client.Port); got != want {
		t.Errorf("published at %s, not %s", got, want)
	}
}

// bridgeAddress is this machine's address on the engine's bridge, of which the engine itself does not always tell.
func bridgeAddress(t *testing.T) string {
	t.Helper()
	bridge, err := net.InterfaceByName("docker0")
	if err != nil {
		t.Fatal(err)
	}
	addresses, err := bridge.Addrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		if ip, _, err := net.ParseCIDR(a.String()); err == nil && ip.To4() != nil {
			return ip.String()
		}
	}
	t.Fatalf("docker0 has no address: %v", addresses)
	return ""
}

func TestWrongCertificatesSayWhatToDo(t *testing.T) {
	known, other := newAuthority(t), newAuthority(t)
	address := listen(t, loopback, known.serverTLS(t, net.ParseIP(loopback)))
	plain := listen(t, loopback, nil)
	tested := map[string]struct {
		settings map[string]string
		says     []string
	}{
		"an engine that is not the one we trust": {
			map[string]string{"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": certificates(t, other, known)},
			[]string{"unknown authority", "ca.pem", "DOCKER_CERT_PATH"},
		},
		"an engine that does not trust us": {
			map[string]string{"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": certificates(t, known, other)},
			[]string{"cert.pem", "key.pem", "DOCKER_CERT_PATH"},
		},
		"certificates that are not there": {
			map[string]string{"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/nosuch"},
			[]string{"/nosuch/ca.pem", "DOCKER_HOST"},
		},
		"no TLS where the engine wants it": {nil, []string{"wants TLS", "DOCKER_TLS_VERIFY=1"}},
		"TLS where the engine has none": {
			map[string]string{"DOCKER_HOST": "tcp://" + plain, "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": certificates(t, known, known)},
			[]string{"speaks no TLS", "unset DOCKER_TLS_VERIFY"},
		},
	}
	for name, tc := range tested {
		t.Run(name, func(t *testing.T) {
			settings := map[string]string{"DOCKER_HOST": "tcp://" + address}
			for k, v := range tc.settings {
				settings[k] = v
			}
			setEngine(t, settings)
			_, err := New(t.Context(), Options{Run: "x"})
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range tc.says {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in: %v", want, err)
				}
			}
		})
	}
}
