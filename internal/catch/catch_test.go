package catch

import (
	"strings"
	"testing"
)

func TestPanic(t *testing.T) {
	var got any
	func() {
		defer Panic(func(value any) { got = value })
		panic("a bug")
	}()
	if got != "a bug" {
		t.Errorf("%v", got)
	}
	func() {
		defer func() { got = recover() }()
		defer Panic(nil)
		panic("another")
	}()
	if got != "another" {
		t.Errorf("nobody wants it: %v", got)
	}
}

func TestKeep(t *testing.T) {
	var kept any
	func() {
		defer Keep(&kept)
	}()
	if kept != nil {
		t.Errorf("%v, without a panic", kept)
	}
	func() {
		defer Keep(&kept)
		panic("a bug")
	}()
	if text, ok := kept.(string); !ok || !strings.HasPrefix(text, "a bug\n") || !strings.Contains(text, "catch_test.go") {
		t.Errorf("%v", kept)
	}
}
