package local

import (
	"net"
	"runtime"
	"strconv"
	"testing"
)

func TestRangeBeside(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       ports
	}{
		{"Linux as it comes", "32768\t60999\n", ports{20000, 25999}},
		{"not readable", "", ports{20000, 25999}},
		{"nonsense", "a b", ports{20000, 25999}},
		{"begins inside", "25000 60999", ports{20000, 24999}},
		{"ends inside", "10000 22000", ports{22001, 25999}},
		{"covers the usual range, room below", "15000 65000", ports{10000, 14999}},
		{"covers the usual range, room above", "10000 60000", ports{60001, 65535}},
		{"everything", "1024 65535", ports{20000, 25999}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := rangeBeside(tt.text); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestChoosePort(t *testing.T) {
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	_, text, _ := net.SplitHostPort(taken.Addr().String())
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	if got, _, err := choosePort(ports{port, port}, nil); err == nil {
		t.Errorf("chose %d, on which somebody listens", got)
	}

	// A small range, promised but for one.
	r := ports{20000, 20004}
	promised := map[int]bool{20000: true, 20001: true, 20002: true, 20004: true}
	got, claimed, err := choosePort(r, promised)
	if err != nil || got != 20003 {
		t.Fatalf("chose %d, %v", got, err)
	}
	if got, _, err := choosePort(r, promised); runtime.GOOS == "linux" && err == nil {
		t.Errorf("chose %d, which another run has claimed", got)
	}
	if err := claimed.Close(); err != nil {
		t.Error(err)
	}
	if _, claimed, err = choosePort(r, promised); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = claimed.Close() }() // it was claimed once more
	promised[20003] = true
	if got, _, err := choosePort(r, promised); err == nil {
		t.Errorf("chose %d, which is promised", got)
	}
}
