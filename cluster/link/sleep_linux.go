package link

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// kernelSleep sleeps by a timer of the kernel's that Go's network poller waits for: it wakes within tens of
// microseconds, without a thread that waits and without using the processor meanwhile.
type kernelSleep struct {
	fd   int
	file *os.File
}

func newSleeper() sleeper {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return newTimerSleep()
	}
	s := &kernelSleep{fd, os.NewFile(uintptr(fd), "timer")}
	if err := s.file.SetReadDeadline(time.Time{}); err != nil { // the poller cannot wait for it
		_ = s.file.Close()
		return newTimerSleep()
	}
	return s
}

func (s *kernelSleep) until(t time.Time, stop func() bool) {
	_ = s.file.SetReadDeadline(time.Time{})
	if stop() {
		return
	}
	// 0 would switch the timer off.
	in := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(max(time.Until(t), 1)))}
	if err := unix.TimerfdSettime(s.fd, 0, &in, nil); err != nil {
		time.Sleep(time.Until(t))
		return
	}
	var expired [8]byte
	_, _ = s.file.Read(expired[:]) // ends with the timer, or with the deadline that wake sets
}

func (s *kernelSleep) wake() { _ = s.file.SetReadDeadline(past) }

func (s *kernelSleep) close() { _ = s.file.Close() }
