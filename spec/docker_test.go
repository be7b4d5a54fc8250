package spec

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDocker(t *testing.T) {
	const text = `name: x
cluster:
  provider: docker
  nodes: [ab, cd]
  docker: {image: "postgres:17", names: exact, network: pgnet, subnet: 172.28.0.0/16, ports: {ab: 5432, cd: 15432},
    restart: unless-stopped, memory: 512MB, cpus: 1.5}
`
	e, resolved, err := Load("x", []byte(text), Options{Providers: someProviders()})
	if err != nil {
		t.Fatal(err)
	}
	want := &Docker{
		Image: "postgres:17", Names: "exact", Network: "pgnet", Subnet: "172.28.0.0/16",
		Ports: map[string]string{"ab": "5432", "cd": "15432"}, Restart: "unless-stopped", Memory: 512 << 20, CPUs: 1_500_000_000,
	}
	if diff := cmp.Diff(want, e.Cluster.Docker); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]int{"ab": 5432, "cd": 15432}, e.Cluster.Docker.HostPorts()); diff != "" {
		t.Error(diff)
	}
	s, _ := compileSchema(t)
	if err := s.Validate(asJSON(t, resolved)); err != nil {
		t.Error(err)
	}
}

func TestSize(t *testing.T) {
	for text, want := range map[string]Size{"512MB": 512 << 20, "2GB": 2 << 30, "64 kB": 64 << 10, "1536MB": 1536 << 20} {
		var s Size
		if err := s.UnmarshalText([]byte(text)); err != nil || s != want {
			t.Errorf("%q is %d, %v", text, s, err)
		}
		var again Size
		if again.UnmarshalText([]byte(s.String())) != nil || again != s {
			t.Errorf("%v became %v", s, again)
		}
	}
	for _, text := range []string{"", "512", "0MB", "-1MB", "MB", "1.5GB", "5TB", "1G", "99999999999GB", "100000GB"} {
		if err := new(Size).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is a size", text)
		}
	}
}

func TestCPUs(t *testing.T) {
	for text, want := range map[string]CPUs{"2": 2e9, "0.5": 5e8, "1.25": 1250e6} {
		var c CPUs
		if err := c.UnmarshalText([]byte(text)); err != nil || c != want {
			t.Errorf("%q is %d, %v", text, c, err)
		}
		if c.String() != text {
			t.Errorf("%q became %v", text, c)
		}
	}
	for _, text := range []string{"", "0", "-1", "NaN", "1e3", "two", "99999"} {
		if err := new(CPUs).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is a number of cores", text)
		}
	}
}
