package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// programs is where each program of the bed lies, by the name it has in the bed's bin directory.
type programs map[string]string

// part is one thing the bed is made of. It is built once and then found in the cache by what it is built from.
type part struct {
	name    string                 // in the cache
	what    string                 // as told to a person
	usually string                 // how long building takes
	inputs  []string               // the files that pin it
	recipe  string                 // whatever else decides what comes out
	needs   []tool                 // what building it takes
	make    func(dir string) error // fills an empty directory
}

// tool is a program that building needs.
type tool struct {
	probe  []string // a command that succeeds if it is there
	advice string   // what to do if it does not
}

var (
	goTool = tool{
		[]string{"go", "version"},
		"go is missing: install Go 1.26 or newer (https://go.dev/doc/install) and put it on the PATH",
	}
	pipTool = tool{
		[]string{"python3", "-m", "pip", "--version"},
		"python3 with pip is missing: install both (Debian and Ubuntu: apt-get install python3-pip)",
	}
)

// build builds what is not cached yet and returns where everything lies. All is what only the tests need, besides.
func build(where places, all bool) (programs, error) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return nil, fmt.Errorf("the bed runs on Linux on x86-64, not on %s on %s", runtime.GOOS, runtime.GOARCH)
	}
	assets := assetPrograms(os.Getenv("KUBEBUILDER_ASSETS"))
	parts := []part{helmPart(where), kwokPart(where), controlPlanePart(where, assets)}
	if all {
		parts = append(parts, helm322Part(where), krewPart(where), oldPlanePart(where))
	}

	dirs, missing, err := find(where, parts)
	if err != nil {
		return nil, err
	}
	if len(missing) > 0 {
		if err := checkTools(missing); err != nil {
			return nil, err
		}
		if err := buildParts(where, missing); err != nil {
			return nil, err
		}
	}

	found := programs{}
	for _, dir := range dirs {
		entries, err := os.ReadDir(filepath.Join(dir, "bin"))
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			found[entry.Name()] = filepath.Join(dir, "bin", entry.Name())
		}
	}
	for name, path := range assets {
		found[name] = path
	}
	return found, nil
}

// assetPrograms lists the programs of the directory that KUBEBUILDER_ASSETS names, which serve instead of built ones.
func assetPrograms(dir string) programs {
	found := programs{}
	if dir == "" {
		return found
	}
	for _, name := range append(controlPlaneNames(), "kubectl") {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			found[name] = path
		}
	}
	if len(found) == 0 {
		say("KUBEBUILDER_ASSETS is set, but %s holds none of the bed's programs: building them", dir)
	}
	return found
}

// find returns the directories of all parts, and those parts which are not there yet.
func find(where places, parts []part) (dirs []string, missing []part, err error) {
	for _, part := range parts {
		dir, err := part.dir(where)
		if err != nil {
			return nil, nil, err
		}
		dirs = append(dirs, dir)
		if _, err := os.Stat(dir); err != nil {
			missing = append(missing, part)
		}
	}
	return dirs, missing, nil
}

// dir is the part's place in the cache.
func (part part) dir(where places) (string, error) {
	texts := []string{part.recipe}
	for _, input := range part.inputs {
		text, err := os.ReadFile(input)
		if err != nil {
			return "", err
		}
		texts = append(texts, string(text))
	}
	return filepath.Join(where.cache, fmt.Sprintf("%s-%.16s", part.name, digest(texts...))), nil
}

// checkTools names every missing tool, before anything long begins.
func checkTools(parts []part) error {
	var missing []string
	checked := map[string]bool{}
	for _, part := range parts {
		for _, tool := range part.needs {
			if !checked[tool.advice] && exec.Command(tool.probe[0], tool.probe[1:]...).Run() != nil {
				missing = append(missing, tool.advice)
			}
			checked[tool.advice] = true
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("cannot build the bed: %s", strings.Join(missing, "; "))
	}
	return nil
}

// buildParts builds what is missing. One process builds at a time; another one waits and finds the work done.
func buildParts(where places, parts []part) error {
	unlock, err := where.lock("build")
	if err != nil {
		return err
	}
	defer unlock()
	for _, part := range parts {
		dir, err := part.dir(where)
		if err != nil {
			return err
		}
		if _, err := os.Stat(dir); err == nil {
			continue
		}
		if err := buildPart(part, dir); err != nil {
			return fmt.Errorf("cannot build %s: %w", part.what, err)
		}
	}
	return nil
}

// buildPart builds one part beside its place and renames it into it when it is whole.
func buildPart(part part, dir string) error {
	fresh := dir + ".new"
	if err := os.RemoveAll(fresh); err != nil { // left by a build that was killed
		return err
	}
	if err := os.MkdirAll(filepath.Join(fresh, "bin"), 0o755); err != nil {
		return err
	}
	stop := tick(part.what, part.usually)
	err := part.make(fresh)
	stop(err)
	if err != nil {
		return err
	}
	return os.Rename(fresh, dir)
}

// tick says that something long has begun and, every ten seconds, that it still goes on.
func tick(what, usually string) (stop func(error)) {
	begun := time.Now()
	say("building %s (usually %s, once)", what, usually)
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(10 * time.Second)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				say("building %s: %.0f s", what, time.Since(begun).Seconds())
			}
		}
	}()
	return func(err error) {
		close(done)
		<-ended
		if err == nil {
			say("built %s in %.0f s", what, time.Since(begun).Seconds())
		}
	}
}

// command runs a program of the build quietly in a directory; what it said is shown if it fails.
func command(dir string, env []string, argv ...string) (string, error) {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var output, errput strings.Builder
	cmd.Stdout, cmd.Stderr = &output, &errput
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w:\n%s", strings.Join(argv[:min(3, len(argv))], " "), err, lastLines(errput.String(), 20))
	}
	return strings.TrimSpace(output.String()), nil
}

// lastLines returns the last few lines of a text.
func lastLines(text string, count int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-count):], "\n")
}
