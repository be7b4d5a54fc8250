package spec

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"

	"pgchaos/chaos/fault"
)

var (
	imagePattern   = regexp.MustCompile(`^[a-z0-9][A-Za-z0-9._/:@-]*$`)
	networkPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`)
)

// leastDisk is the least that a new server's data fits on.
const leastDisk Size = 256 << 20

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
	if what, right := fault.TooLittle(o.Memory); o.Memory != 0 && what != "" {
		v.bad(path+".memory", what, right)
	}
	switch {
	case v.d.has(path+".disk") && o.Disk < leastDisk:
		v.bad(path+".disk", fmt.Sprintf("%s is too little for a server's data", o.Disk), fmt.Sprintf("write at least %s", leastDisk))
	case o.Disk > 0 && o.Memory > 0:
		v.bad(path+".disk", "the file system lies in memory, and would count as the node's", "leave memory or disk out")
	}
	v.subnet(path+".subnet", o.Subnet)
	v.ports(path+".ports", o.Ports)
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
