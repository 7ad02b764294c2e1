package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// supervisor is the name under which the process that holds the others is known.
const supervisor = "supervisor"

// startSupervisor starts the supervisor of a configured bed, in a session of its own so that it outlives this command.
func startSupervisor(bed bedDir, owner int) (*running, error) {
	log, err := os.Create(bed.path("logs/supervisor.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command("/proc/self/exe", "supervise", "--state", string(bed), fmt.Sprintf("--owner=%d", owner))
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	seen := look(supervisor, cmd.Process.Pid)
	go cmd.Wait() // so that `run`, which lives on, leaves no zombie
	if seen == nil {
		return nil, fmt.Errorf("the supervisor ended at once; its log is %s", log.Name())
	}
	return seen, nil
}

// supervise starts the bed's processes and ends them all when it is told to, when one of them ends, or when the owner
// is gone. The kernel ends them if this process is killed.
func supervise(where places, bed bedDir, ownerPid int) error {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	signal.Ignore(syscall.SIGHUP)

	var owner *running
	if ownerPid != 0 {
		if owner = look("owner", ownerPid); owner == nil {
			return bed.discard(where)
		}
	}
	text, err := os.ReadFile(bed.path("conf/processes.json"))
	if err != nil {
		return err
	}
	var plan []process
	if err := json.Unmarshal(text, &plan); err != nil {
		return err
	}

	ended := make(chan string, len(plan))
	pids := []running{*look(supervisor, os.Getpid())}
	for _, process := range plan {
		child, err := startProcess(bed, process)
		if err != nil {
			return fmt.Errorf("cannot start %s: %w", process.Name, err)
		}
		if seen := look(process.Name, child.Process.Pid); seen != nil { // else it has ended, and is about to be missed
			pids = append(pids, *seen)
		}
		go func() {
			say("%s: %v", process.Name, child.Wait())
			ended <- process.Name
		}()
	}
	if err := bed.writePids(pids); err != nil {
		return err
	}

	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		select {
		case name := <-ended:
			say("%s has ended: ending the others; its log is %s", name, bed.logPath(name))
			endAll(pids[1:])
			return bed.write("failed", name+"\n") // and the logs stay, for whoever wants to know why
		case <-stop:
			endAll(pids[1:])
			return bed.discard(where)
		case <-second.C:
			if owner != nil && !owner.alive() {
				endAll(pids[1:])
				return bed.discard(where)
			}
		}
	}
}

// startProcess starts one process of the bed, with a log of its own and nothing of the caller's environment.
func startProcess(bed bedDir, process process) (*exec.Cmd, error) {
	log, err := os.Create(bed.logPath(process.Name))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(process.Argv[0], process.Argv[1:]...)
	cmd.Dir = string(bed)
	// HOME keeps a configuration of the user's, such as ~/.kwok, out of it.
	cmd.Env = append([]string{"HOME=" + string(bed), "TMPDIR=" + string(bed), "PATH=/usr/bin:/bin"}, process.Env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd, cmd.Start()
}

// endAll ends the processes in reverse order, without ceremony: nothing they hold is worth keeping.
func endAll(all []running) {
	for at := len(all) - 1; at >= 0; at-- {
		if err := all[at].end(0); err != nil {
			say("%v", err)
		}
	}
}

// discard removes the state directory, unless another command is busy with it and so will see to that itself.
func (bed bedDir) discard(where places) error {
	unlock, err := where.tryLock(bed.lockName())
	if err != nil {
		return nil
	}
	defer unlock()
	return bed.remove()
}

func (bed bedDir) logPath(name string) string {
	return bed.path(filepath.Join("logs", name+".log"))
}
