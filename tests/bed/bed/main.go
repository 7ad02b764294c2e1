// Command bed builds, starts and ends the test bed: a real Kubernetes control plane on 127.0.0.1, with no container
// engine and no kubelet. It is run through the scripts beside its directory; see ../README.md.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
)

const usage = `usage: bed COMMAND [flags]

  build [--all]              build what the bed is made of, unless cached
  up [--all] [--owner PID]   start the bed unless it is up, and print its kubeconfig's path;
                             with an owner, the bed ends when that process is gone
  down                       end what up started and remove its state
  run [--all] -- COMMAND...  run a command with the bed up and described in its environment
  node [--remove]            add the node that pods need to run, or take it away
  status                     say whether the bed is up

--all adds what only the tests need: a second cluster, of an old Kubernetes, and more programs.
up, down, run, node and status take --state DIR, to have several beds side by side.
`

// errUsage is returned by a command that was called in a way it does not know; the usage text is shown for it.
var errUsage = errors.New("unknown command or flag")

func init() {
	// A child started with Pdeathsig is killed when the thread that started it ends. Every child is started by the
	// main goroutine, which stays on the main thread, which ends with the process.
	runtime.LockOSThread()
}

func main() {
	os.Exit(exitCode(dispatch(os.Args[1:])))
}

// exitCode tells the error to the person and translates it: a failed command of `run` passes its own code on.
func exitCode(err error) int {
	var command commandFailed
	switch {
	case err == nil:
		return 0
	case errors.As(err, &command):
		return int(command)
	case errors.Is(err, errDown):
		return 1
	case errors.Is(err, errUsage):
		fmt.Fprint(os.Stderr, usage)
		return 2
	default:
		say("%v", err)
		return 1
	}
}

// dispatch runs the command that the arguments name.
func dispatch(args []string) error {
	if len(args) == 0 {
		return errUsage
	}
	where, err := newPlaces()
	if err != nil {
		return err
	}
	flags := flag.NewFlagSet("bed "+args[0], flag.ContinueOnError)
	flags.Usage = func() {}
	state := flags.String("state", "", "state directory")
	owner := flags.Int("owner", 0, "process whose end ends the bed")
	remove := flags.Bool("remove", false, "take the node away")
	all := flags.Bool("all", false, "with what only the tests need")
	if err := flags.Parse(args[1:]); err != nil {
		return errUsage
	}
	if args[0] != "run" && flags.NArg() > 0 {
		return errUsage
	}
	chosen := *state != ""
	bed, err := where.bed(*state)
	if err != nil {
		return err
	}

	switch args[0] {
	case "build":
		_, err = build(where, *all)
		return err
	case "up":
		if _, err := upAll(where, bed, *owner, *all); err != nil {
			return err
		}
		fmt.Println(bed.path("kubeconfig"))
		return nil
	case "down":
		return downAll(where, bed)
	case "run":
		return run(where, bed, chosen, *all, flags.Args())
	case "node":
		return node(bed, *remove)
	case "status":
		return statusAll(bed)
	case "supervise": // not for people: what up starts
		return supervise(where, bed, *owner)
	default:
		return errUsage
	}
}

// say tells the person something; stdout is for what was asked for.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "bed: "+format+"\n", args...)
}
