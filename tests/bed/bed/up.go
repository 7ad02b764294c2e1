package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"
)

// patience is how long a bed may take to get ready: ten times what it takes on a slow machine.
const patience = 2 * time.Minute

// errPortTaken is why a start is tried again: somebody else came to listen on a port that was free when it was chosen.
var errPortTaken = errors.New("a port was taken meanwhile")

// errDown is how status says that there is no bed.
var errDown = errors.New("the bed is down")

// upAll starts the bed and, if all of it is wanted, the old cluster beside it. It returns what it had to start.
func upAll(where places, bed bedDir, owner int, all bool) (started []bedDir, err error) {
	clusters := []bedDir{bed}
	if all {
		clusters = append(clusters, bed.old())
	}
	for _, one := range clusters {
		fresh, err := up(where, one, owner, all)
		if fresh {
			started = append(started, one)
		}
		if err != nil {
			return started, err
		}
	}
	if !all {
		return started, nil
	}
	// The bed may have been up before, without what only the tests need.
	found, err := build(where, all)
	if err != nil {
		return started, err
	}
	return started, errors.Join(bed.link(found), bed.describeOld())
}

// up starts one cluster unless it is up, and says whether it did. It returns when the cluster accepts pods.
func up(where places, bed bedDir, owner int, all bool) (started bool, err error) {
	unlock, err := where.lock(bed.lockName())
	if err != nil {
		return false, err
	}
	defer unlock()
	if holder := bed.process(supervisor); holder != nil {
		return false, awaitReady(bed, *holder)
	}

	found, err := build(where, all)
	if err != nil {
		return false, err
	}
	begun := time.Now()
	for attempt := 1; ; attempt++ {
		err = start(where, bed, found, owner)
		if attempt == 3 || !errors.Is(err, errPortTaken) {
			break
		}
	}
	if err != nil {
		return false, err
	}
	say("up in %.1f s: %s", time.Since(begun).Seconds(), bed)
	return true, nil
}

// start makes a fresh bed in place of what may be left of an old one.
func start(where places, bed bedDir, found programs, owner int) error {
	if err := clear(bed); err != nil {
		return err
	}
	if err := bed.create(); err != nil {
		return err
	}
	if err := bed.writeOwner(owner); err != nil {
		return err
	}
	if err := configure(where, bed, found); err != nil {
		return err
	}
	holder, err := startSupervisor(bed, owner)
	if err != nil {
		return err
	}
	if err := awaitReady(bed, *holder); err != nil {
		return errors.Join(err, holder.end(5*time.Second))
	}
	return nil
}

// awaitReady returns when the API server is ready and the default ServiceAccount, without which no pod is accepted, is
// there.
func awaitReady(bed bedDir, holder running) error {
	api, err := bed.api()
	if err != nil {
		return err
	}
	ready := waitFor(patience, func() bool {
		return !holder.alive() ||
			api.get("/readyz") == http.StatusOK && api.get("/api/v1/namespaces/default/serviceaccounts/default") == http.StatusOK
	})
	switch {
	case !holder.alive():
		return whyEnded(bed)
	case !ready:
		return fmt.Errorf("the bed is not ready after %v; its logs are in %s", patience, bed.path("logs"))
	}
	return nil
}

// whyEnded tells what a bed that ended while it was starting left in its logs.
func whyEnded(bed bedDir) error {
	name := supervisor
	if failed, err := os.ReadFile(bed.path("failed")); err == nil {
		name = strings.TrimSpace(string(failed))
	}
	log, err := os.ReadFile(bed.logPath(name))
	if err != nil {
		return fmt.Errorf("the bed was ended while it was starting")
	}
	if strings.Contains(string(log), "address already in use") {
		return fmt.Errorf("%s: %w", name, errPortTaken)
	}
	return fmt.Errorf("the bed's %s ended; its log is %s and ends so:\n%s", name, bed.logPath(name), lastLines(string(log), 10))
}

// downAll ends the bed, with the old cluster beside it.
func downAll(where places, bed bedDir) error {
	if !bed.old().exists() {
		return down(where, bed)
	}
	return errors.Join(down(where, bed.old()), down(where, bed))
}

// down ends one cluster and removes its state; content if there is none.
func down(where places, bed bedDir) error {
	unlock, err := where.lock(bed.lockName())
	if err != nil {
		return err
	}
	defer unlock()
	if !bed.exists() {
		say("nothing to end at %s", bed)
		return nil
	}
	if err := clear(bed); err != nil {
		return err
	}
	say("ended, and removed %s", bed)
	return nil
}

// clear ends what the state directory knows to be running and removes the directory.
func clear(bed bedDir) error {
	if holder := bed.process(supervisor); holder != nil {
		if err := holder.end(5 * time.Second); err != nil {
			return err
		}
	}
	for _, left := range bed.readPids() {
		if err := left.end(0); err != nil {
			return err
		}
	}
	return bed.remove()
}

// statusAll tells of the bed and, if there is one beside it, of the old cluster.
func statusAll(bed bedDir) error {
	err := status(bed)
	if bed.old().exists() {
		err = errors.Join(err, status(bed.old()))
	}
	return err
}

// status says on stdout whether the bed is up and what it consists of.
func status(bed bedDir) error {
	if bed.process(supervisor) == nil {
		fmt.Printf("down: %s\n", bed)
		return errDown
	}
	env, err := bed.readEnv()
	if err != nil {
		return err
	}
	fmt.Printf("up: %s\nserver: %s\n", bed, env["BED_SERVER"])
	if owner := bed.owner(); owner != 0 {
		fmt.Printf("ends with process %d\n", owner)
	}
	for _, one := range bed.readPids() {
		life := "running"
		if !one.alive() {
			life = "ended"
		}
		fmt.Printf("%-25s %8d %s\n", one.name, one.pid, life)
	}
	return nil
}
