package existing

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"pgchaos/cluster"
)

// rest asks the REST interfaces of Patroni's agents. Its zero value trusts the certificates that this machine trusts.
type rest struct{ client *http.Client }

// newREST reads the certificates that a file names. There is no way to leave verifying out.
func newREST(of cluster.ManagerTLS) (rest, error) {
	if of == (cluster.ManagerTLS{}) {
		return rest{}, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if of.CACert != "" {
		text, err := os.ReadFile(of.CACert)
		if err != nil {
			return rest{}, fmt.Errorf("cacert: %w", err)
		}
		if config.RootCAs = x509.NewCertPool(); !config.RootCAs.AppendCertsFromPEM(text) {
			return rest{}, fmt.Errorf("cacert: %s has no certificate in it", of.CACert)
		}
	}
	if of.CertFile != "" {
		own, err := tls.LoadX509KeyPair(of.CertFile, cmp.Or(of.KeyFile, of.CertFile))
		if err != nil {
			return rest{}, fmt.Errorf("certfile: %w", err)
		}
		config.Certificates = []tls.Certificate{own}
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: config, DisableKeepAlives: true}
	return rest{&http.Client{Transport: transport}}, nil
}

// mostOfAnswer bounds the answer of a manager, in bytes.
const mostOfAnswer = 1 << 20

func (r rest) getJSON(ctx context.Context, base, path string, into any) error {
	text, err := r.request(ctx, http.MethodGet, base, path, nil)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s%s does not answer as Patroni does: %w", base, path, err)
	}
	return nil
}

func (r rest) request(ctx context.Context, method, base, path string, body []byte) ([]byte, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || !slices.Contains([]string{"http", "https"}, u.Scheme) {
		return nil, fmt.Errorf("%q is no URL of a REST API: write http://HOST:8008", base)
	}
	req, err := http.NewRequestWithContext(ctx, method, u.JoinPath(path).String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	answer, err := cmp.Or(r.client, http.DefaultClient).Do(req)
	if _, unknown := errors.AsType[x509.UnknownAuthorityError](err); unknown {
		return nil, fmt.Errorf("%w: write cacert: FILE beside its patroni, or set SSL_CERT_FILE", err)
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(answer.Body, mostOfAnswer))
	if err != nil {
		return nil, err
	}
	if answer.StatusCode/100 != 2 {
		return nil, fmt.Errorf("%s %s: %w", method, u.JoinPath(path).Redacted(),
			&statusError{answer.StatusCode, answer.Status + ": " + strings.TrimSpace(string(text[:min(len(text), 500)]))})
	}
	return text, nil
}

// statusError is an answer that says that nothing came of a request.
type statusError struct {
	code int
	text string
}

func (e *statusError) Error() string { return e.text }
