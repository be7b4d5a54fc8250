package runner

import (
	"math"
	"os"
	"path"
	"runtime"
	"strconv"
	"strings"
)

// allowedCores is how many cores this process may use at once: as many as run Go code
// (GOMAXPROCS), as its affinity allows (NumCPU), and as its control group's quota gives.
func allowedCores() float64 {
	cores := math.Min(float64(runtime.NumCPU()), float64(runtime.GOMAXPROCS(0)))
	groups, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return cores
	}
	return math.Min(cores, quotaOf("/sys/fs/cgroup", string(groups)))
}

// quotaOf is the least quota of a process's control groups and those above them, in
// cores; infinite: there is none. The text is that of /proc/PID/cgroup.
func quotaOf(root, groups string) float64 {
	least := math.Inf(1)
	for line := range strings.Lines(groups) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 {
			continue
		}
		controllers, group := fields[1], fields[2]
		for ; ; group = path.Dir(group) {
			switch {
			case controllers == "": // version 2: "max 100000" or "50000 100000"
				least = math.Min(least, ratio(strings.Fields(readText(path.Join(root, group, "cpu.max")))))
			case strings.Contains(","+controllers+",", ",cpu,"):
				dir := path.Join(root, "cpu", group)
				least = math.Min(least, ratio([]string{readText(path.Join(dir, "cpu.cfs_quota_us")), readText(path.Join(dir, "cpu.cfs_period_us"))}))
			}
			if group == "/" || group == "." || strings.Contains(group, "..") {
				break
			}
		}
	}
	return least
}

func readText(file string) string {
	text, _ := os.ReadFile(file) // what is not there limits nothing
	return strings.TrimSpace(string(text))
}

// ratio is a quota over its period; infinite where there is no quota.
func ratio(of []string) float64 {
	if len(of) != 2 {
		return math.Inf(1)
	}
	quota, err1 := strconv.ParseFloat(of[0], 64)
	period, err2 := strconv.ParseFloat(of[1], 64)
	if err1 != nil || err2 != nil || quota <= 0 || period <= 0 {
		return math.Inf(1)
	}
	return quota / period
}
