package cluster

import (
	"strings"
	"testing"
)

func TestDefaultBase(t *testing.T) {
	t.Setenv(BaseVariable, "")
	if got := DefaultBase(); !strings.HasPrefix(got, "/var/tmp/pgchaos-") {
		t.Errorf("got %s", got)
	}
	t.Setenv(BaseVariable, "/data/chaos")
	if got := DefaultBase(); got != "/data/chaos" {
		t.Errorf("got %s", got)
	}
}
