package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// running is a process that was seen running. Its start time tells it from a later one with the same number.
type running struct {
	name  string
	pid   int
	start uint64 // in clock ticks since the machine started
}

// look sees a process that runs now; nil if there is none with that number.
func look(name string, pid int) *running {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	// The second field is the program's name in parentheses and may hold anything, so count from behind it.
	_, rest, found := cutLast(string(text), ")")
	fields := strings.Fields(rest)
	if !found || len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return nil
	}
	start, err := strconv.ParseUint(fields[19], 10, 64)
	if err != nil {
		return nil
	}
	return &running{name, pid, start}
}

// alive says whether it is still that process.
func (seen running) alive() bool {
	now := look(seen.name, seen.pid)
	return now != nil && now.start == seen.start
}

// end ends the process, politely first if it is given time for it, and returns when it is gone.
func (seen running) end(grace time.Duration) error {
	if grace > 0 && seen.alive() {
		if err := syscall.Kill(seen.pid, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
		waitFor(grace, func() bool { return !seen.alive() })
	}
	if seen.alive() {
		if err := syscall.Kill(seen.pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
	if !waitFor(10*time.Second, func() bool { return !seen.alive() }) {
		return fmt.Errorf("%s (process %d) does not end", seen.name, seen.pid)
	}
	return nil
}

// writePids writes the file `pids`: one process a line, as name, number and start time.
func (bed bedDir) writePids(all []running) error {
	var text strings.Builder
	for _, one := range all {
		fmt.Fprintf(&text, "%s %d %d\n", one.name, one.pid, one.start)
	}
	return bed.write("pids", text.String())
}

// readPids reads what writePids wrote; nothing if the bed has none.
func (bed bedDir) readPids() []running {
	text, err := os.ReadFile(bed.path("pids"))
	if err != nil {
		return nil
	}
	var all []running
	for line := range strings.Lines(string(text)) {
		var one running
		if _, err := fmt.Sscan(line, &one.name, &one.pid, &one.start); err == nil {
			all = append(all, one)
		}
	}
	return all
}

// process returns the bed's process of that name if it runs.
func (bed bedDir) process(name string) *running {
	for _, one := range bed.readPids() {
		if one.name == name && one.alive() {
			return &one
		}
	}
	return nil
}

// waitFor polls until the condition holds; false if it does not in time.
func waitFor(limit time.Duration, condition func() bool) bool {
	for deadline := time.Now().Add(limit); !condition(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

func cutLast(text, separator string) (before, after string, found bool) {
	if at := strings.LastIndex(text, separator); at >= 0 {
		return text[:at], text[at+len(separator):], true
	}
	return text, "", false
}
