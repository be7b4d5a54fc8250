package spec

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func (s Size) String() string {
	for _, unit := range []string{"kB", "MB", "GB"} {
		bytes := sizeUnits()[unit]
		if int64(s)%bytes == 0 && (int64(s)/bytes < 1024 || unit == "GB") {
			return strconv.FormatInt(int64(s)/bytes, 10) + unit
		}
	}
	return strconv.FormatInt(int64(s)/sizeUnits()["kB"], 10) + "kB"
}

// sizeUnits are those of postgresql.conf.
func sizeUnits() map[string]int64 {
	return map[string]int64{"kB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}
}

// UnmarshalText reads a number of bytes with its unit: "512MB", "2GB".
func (s *Size) UnmarshalText(text []byte) error {
	t := strings.TrimSpace(string(text))
	digits := strings.TrimRight(t, "kKMGTBiIb ")
	number, err := strconv.ParseInt(digits, 10, 32)
	unit := strings.TrimSpace(t[len(digits):])
	factor, known := sizeUnits()[unit]
	switch {
	case err != nil || number <= 0:
		return mistake(shown(t)+" is no size", "write a whole number with its unit, such as 512MB or 2GB")
	case unit == "":
		return mistake(shown(t)+" has no unit", "write "+t+"MB")
	case !known:
		return mistake("the unit of "+shown(t)+" is unknown", "write kB, MB or GB")
	case number > maxMemory/factor:
		return mistake(shown(t)+" is more than any machine has", "write less than "+Size(maxMemory).String())
	}
	*s = Size(number * factor)
	return nil
}

// MarshalText writes the size as UnmarshalText reads it.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

func (c CPUs) String() string { return strconv.FormatFloat(float64(c)/1e9, 'f', -1, 64) }

// UnmarshalText reads a number of cores: "2", "0.5".
func (c *CPUs) UnmarshalText(text []byte) error {
	t := strings.TrimSpace(string(text))
	number, err := strconv.ParseFloat(t, 64)
	if err != nil || strings.Trim(t, "0123456789.") != "" || number < 0.01 || number > 1024 {
		return mistake(shown(t)+" is no number of cores", "write a number from 0.01 to 1024, such as 1.5")
	}
	*c = CPUs(number*1e9 + 0.5)
	return nil
}

// MarshalText writes the number as UnmarshalText reads it.
func (c CPUs) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

var (
	imagePattern   = regexp.MustCompile(`^[a-z0-9][A-Za-z0-9._/:@-]*$`)
	networkPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`)
)

// docker checks cluster.docker, whichever provider the file asks for: the command
// line may ask for this one.
func (v *validator) docker(path string, o *Docker) {
	if o == nil {
		return
	}
	if v.d.has(path+".image") && !imagePattern.MatchString(o.Image) {
		v.bad(path+".image", shown(o.Image)+" is no image", "write a name such as postgres:17")
	}
	if v.d.has(path + ".names") {
		v.oneOf(path+".names", o.Names, nameForms()...)
	}
	for _, n := range v.e.Cluster.Nodes {
		if o.Names == "exact" && len(n.Name) < 2 {
			v.bad(path+".names", "the engine calls no container "+shown(n.Name), "name the node with two characters at least, or leave names: exact out")
		}
	}
	if v.d.has(path + ".restart") {
		v.oneOf(path+".restart", o.Restart, restarts()...)
	}
	if v.d.has(path+".network") && !networkPattern.MatchString(o.Network) {
		v.bad(path+".network", shown(o.Network)+" cannot name a network", "begin with a letter or a digit, and use letters, digits, _, . and -")
	}
	if slices.Contains([]string{"bridge", "host", "none"}, o.Network) {
		v.bad(path+".network", "the network "+o.Network+" is the engine's own, and pgchaos makes one for the run", "choose another name")
	}
	if o.Memory != 0 {
		v.enoughMemory(path+".memory", o.Memory)
	}
	v.subnet(path+".subnet", o.Subnet)
	v.ports(path+".ports", o.Ports)
}

func (v *validator) enoughMemory(path string, size Size) {
	if size < leastMemory {
		v.bad(path, size.String()+" is too little for a server", "write at least "+Size(leastMemory).String())
	}
}

func (v *validator) subnet(path, text string) {
	if !v.d.has(path) {
		return
	}
	prefix, err := netip.ParsePrefix(text)
	switch {
	case err != nil || !prefix.Addr().Is4():
		v.bad(path, shown(text)+" is no range of IPv4 addresses", "write one such as 172.28.0.0/16")
	case prefix.Masked() != prefix:
		v.bad(path, shown(text)+" has bits beside its mask", "write "+prefix.Masked().String())
	case prefix.Bits() > 28 || prefix.Bits() < 8:
		v.bad(path, "a network of /"+strconv.Itoa(prefix.Bits())+" does not fit a cluster", "write one from /8 to /28")
	}
}

func (v *validator) ports(path string, ports map[string]string) {
	taken := map[int]string{}
	for _, n := range v.e.Cluster.Nodes { // in the file's order, so that messages are too
		text, ok := ports[n.Name]
		if !ok {
			continue
		}
		at := path + "." + n.Name
		port, err := strconv.Atoi(text)
		switch {
		case err != nil || port < 1 || port > 65535:
			v.bad(at, shown(text)+" is no port", "write a number from 1 to 65535")
		case taken[port] != "":
			v.bad(at, fmt.Sprintf("port %d is that of %s already", port, taken[port]), "give each node its own")
		default:
			taken[port] = n.Name
		}
	}
	for name := range ports {
		v.node(path+"."+name, name, "")
	}
}

// HostPorts are the ports as numbers, by node.
func (o *Docker) HostPorts() map[string]int {
	ports := map[string]int{}
	for name, text := range o.Ports {
		ports[name], _ = strconv.Atoi(text) // validation has read it before
	}
	return ports
}
