package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"sort"
	"strconv"
	"strings"
	"syscall"
)

// commandFailed is the exit code with which the command of `run` ended, passed on as our own.
type commandFailed int

func (code commandFailed) Error() string {
	return fmt.Sprintf("the command ended with code %d", int(code))
}

// run runs a command with the bed up, and ends afterwards what it started of it.
func run(where places, bed bedDir, chosen, all bool, argv []string) error {
	if len(argv) == 0 {
		return errUsage
	}
	if !chosen && bed.process(supervisor) != nil && bed.owner() != 0 {
		// The checkout's bed belongs to another `run` and may end at any time: have one of our own.
		bed += bedDir(fmt.Sprintf("-%d", os.Getpid()))
	}
	started, result := upAll(where, bed, os.Getpid(), all)
	if result == nil {
		result = runCommand(bed, argv)
		for _, one := range started {
			if one.process(supervisor) == nil {
				return fmt.Errorf("the bed ended while the command ran; its logs are in %s", one.path("logs"))
			}
		}
	}
	for _, one := range started {
		result = errors.Join(result, down(where, one))
	}
	return result
}

// runCommand runs the command with the bed in its environment and hands it the signals that are meant for it.
func runCommand(bed bedDir, argv []string) error {
	env, err := bed.readEnv()
	if err != nil {
		return err
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	cmd.Env = os.Environ()
	for key, value := range env {
		cmd.Env = append(cmd.Env, key+"="+value)
	}
	sort.Strings(cmd.Env[len(cmd.Env)-len(env):])

	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("cannot run the command: %w", err)
	}
	go func() {
		for one := range signals {
			// A terminal sends its Ctrl-C to the command as well: sent twice, many programs would not end cleanly.
			if one != syscall.SIGINT || !hasTerminal() {
				cmd.Process.Signal(one)
			}
		}
	}()
	err = cmd.Wait()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		if ended, ok := failed.Sys().(syscall.WaitStatus); ok && ended.Signaled() {
			return commandFailed(128 + int(ended.Signal()))
		}
		return commandFailed(failed.ExitCode())
	}
	return err
}

func hasTerminal() bool {
	terminal, err := os.Open("/dev/tty")
	if err == nil {
		terminal.Close()
	}
	return err == nil
}

// writeOwner notes whose end ends the bed; 0 is nobody's.
func (bed bedDir) writeOwner(owner int) error {
	return bed.write("owner", strconv.Itoa(owner)+"\n")
}

// owner returns what writeOwner noted.
func (bed bedDir) owner() int {
	text, _ := os.ReadFile(bed.path("owner"))
	owner, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return owner
}
