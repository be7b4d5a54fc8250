package listen

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
)

func on(t *testing.T, address string) *Listener {
	t.Helper()
	l, err := On(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// TestAddresses: loopback unless another host is named, and any free port.
func TestAddresses(t *testing.T) {
	l := on(t, ":0")
	if !strings.HasPrefix(l.URL(), "http://127.0.0.1:") || strings.HasSuffix(l.URL(), ":0/") || l.Warning("--web") != "" {
		t.Errorf("without a host: %s, %s", l.URL(), l.Warning("--web"))
	}
	if _, err := On(l.Addr().String()); !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "choose another port") {
		t.Errorf("a port that is in use: %v", err)
	}
	if w := on(t, "0.0.0.0:0").Warning("--web"); !strings.HasPrefix(w, "warning: --web serves on an address that other machines may reach") {
		t.Errorf("an address of all networks: %q", w)
	}
	if w := on(t, "127.0.0.2:0").Warning("--web"); w != "" {
		t.Errorf("another loopback address: %q", w)
	}
	if _, err := On("127.0.0.1:99999"); err == nil {
		t.Error("there is no port 99999")
	}
	for address, want := range map[string]string{
		"":          "write HOST:PORT, such as 127.0.0.1:8080;",
		"9187":      "write HOST:PORT, such as 127.0.0.1:9187;",
		"127.0.0.1": "write HOST:PORT, such as 127.0.0.1:8080;",
		"::1:9187":  "write HOST:PORT, such as 127.0.0.1:8080;",
	} {
		if err := Check(address); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v", address, err)
		}
		if _, err := On(address); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v", address, err)
		}
	}
	if err := Check(":0"); err != nil {
		t.Error(err)
	}
}

// TestWhatTheGuardRefuses: other host names, and requests of other pages.
func TestWhatTheGuardRefuses(t *testing.T) {
	guarded := (&Listener{named: "db.example"}).Guard(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
	for _, c := range []struct {
		host, origin string
		status       int
	}{
		{"127.0.0.1:8080", "", 200},
		{"localhost", "", 200},
		{"localhost:8080", "", 200},
		{"[::1]:8080", "", 200},
		{"[::1]", "", 200},
		{"DB.example:8080", "", 200},
		{"attacker.example", "", 403},
		{"attacker.example:8080", "", 403},
		{"localhost.attacker.example", "", 403},
		{"", "", 403},
		{"127.0.0.1:8080", "http://127.0.0.1:8080", 200},
		{"127.0.0.1:8080", "http://localhost:8080", 403},
		{"127.0.0.1:8080", "http://attacker.example", 403},
		{"127.0.0.1:8080", "null", 403},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host = c.host
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		w := httptest.NewRecorder()
		guarded.ServeHTTP(w, r)
		if w.Code != c.status || w.Header().Get("X-Content-Type-Options") != "nosniff" || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("host %q, origin %q: status %d, want %d; %v", c.host, c.origin, w.Code, c.status, w.Header())
		}
	}
}
