package runner

import "testing"

func TestTheHostMayHaveANameOfItsOwn(t *testing.T) {
	if got := describeHost("nightly").Name; got != "nightly" {
		t.Errorf("the host is called %q", got)
	}
	if got := describeHost("").Name; got == "" {
		t.Error("the host has no name")
	}
}
