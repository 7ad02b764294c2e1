package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"time"
)

// marker is the file by which a state directory is known to be ours, and so may be removed.
const marker = ".zadig-doctor-bed"

// oldSuffix tells the state directory of an old cluster from that of the bed it stands beside.
const oldSuffix = "-old"

// places are the directories that all commands share.
type places struct {
	source string // tests/bed of the checkout
	cache  string // what was built, kept between runs and shared by all checkouts
}

// newPlaces reads the directories that the scripts chose.
func newPlaces() (places, error) {
	where := places{source: os.Getenv("BED_SOURCE"), cache: os.Getenv("ZADIG_DOCTOR_BED_CACHE")}
	if where.source == "" || where.cache == "" {
		return where, errors.New("BED_SOURCE or ZADIG_DOCTOR_BED_CACHE is not set: run the scripts in tests/bed instead")
	}
	if err := os.MkdirAll(filepath.Join(where.cache, "locks"), 0o755); err != nil {
		return where, fmt.Errorf("cannot make the cache: %w; set ZADIG_DOCTOR_BED_CACHE to a directory that can be written", err)
	}
	return where, nil
}

// bedDir is the state directory of one bed: everything it wrote, and nothing that is worth keeping.
type bedDir string

// bed returns the named state directory or, without a name, the one that belongs to this checkout and user.
func (where places) bed(name string) (bedDir, error) {
	if name == "" {
		checkout := filepath.Dir(filepath.Dir(where.source))
		name = filepath.Join(os.TempDir(), fmt.Sprintf("zadig-doctor-bed-%d-%.8s", os.Getuid(), digest(checkout)))
	}
	path, err := filepath.Abs(name)
	return bedDir(path), err
}

// old is where the old cluster beside a bed lies.
func (bed bedDir) old() bedDir { return bed + oldSuffix }

// isOld says whether it is an old cluster's.
func (bed bedDir) isOld() bool { return strings.HasSuffix(string(bed), oldSuffix) }

// describeOld adds the old cluster to what the bed's `env` says: the same variables, as BED_OLD_….
func (bed bedDir) describeOld() error {
	env, err := bed.readEnv()
	if err != nil {
		return err
	}
	old, err := bed.old().readEnv()
	if err != nil {
		return err
	}
	for _, key := range clusterVariables {
		env["BED_OLD_"+strings.TrimPrefix(key, "BED_")] = old[key]
	}
	return bed.writeEnv(env)
}

func (bed bedDir) path(name string) string { return filepath.Join(string(bed), name) }

func (bed bedDir) exists() bool {
	_, err := os.Stat(bed.path(marker))
	return err == nil
}

// create makes the directory. It refuses one that holds anything or belongs to somebody else: what `down` removes must
// be ours, and the keys in it must stay ours.
func (bed bedDir) create() error {
	if err := os.MkdirAll(filepath.Dir(string(bed)), 0o755); err != nil {
		return err
	}
	if err := os.Mkdir(string(bed), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Lstat(string(bed))
	if err != nil {
		return err
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); !info.IsDir() || !ok || int(owner.Uid) != os.Getuid() {
		return fmt.Errorf("%s is not a directory of yours: choose another with --state DIR", bed)
	}
	entries, err := os.ReadDir(string(bed))
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("%s holds other files: choose an empty or a new directory with --state DIR", bed)
	}
	if err := os.Chmod(string(bed), 0o700); err != nil {
		return err
	}
	for _, dir := range []string{"bin", "conf", "etcd", "logs", "pki"} {
		if err := os.Mkdir(bed.path(dir), 0o700); err != nil {
			return err
		}
	}
	return bed.write(marker, "Written by tests/bed of zadig-doctor; removed by tests/bed/down.\n")
}

// remove removes the directory if it is ours.
func (bed bedDir) remove() error {
	if !bed.exists() {
		return nil
	}
	return os.RemoveAll(string(bed))
}

// write puts a file into the directory at once: a reader sees all of it or none.
func (bed bedDir) write(name, text string) error {
	fresh := bed.path(name) + ".new"
	if err := os.WriteFile(fresh, []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(fresh, bed.path(name))
}

// writeEnv writes the file `env`: one KEY=VALUE a line, quoted for the shell where needed.
func (bed bedDir) writeEnv(env map[string]string) error {
	var lines []string
	for key, value := range env {
		lines = append(lines, key+"="+shellQuote(value)+"\n")
	}
	sort.Strings(lines)
	return bed.write("env", strings.Join(lines, ""))
}

// readEnv reads what writeEnv wrote.
func (bed bedDir) readEnv() (map[string]string, error) {
	text, err := os.ReadFile(bed.path("env"))
	if err != nil {
		return nil, err
	}
	env := map[string]string{}
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		env[key] = shellUnquote(value)
	}
	return env, nil
}

// shellQuote quotes a value for the shell, unless it is plain.
func shellQuote(value string) string {
	odd := func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@%+,-", r)
	}
	if value != "" && !strings.ContainsFunc(value, odd) {
		return value
	}
	return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
}

// shellUnquote undoes shellQuote.
func shellUnquote(value string) string {
	if len(value) < 2 || value[0] != '\'' {
		return value
	}
	return strings.ReplaceAll(value[1:len(value)-1], `'\''`, "'")
}

// lock takes the lock of that name, waiting for another process to let go of it. The kernel releases it when this
// process ends, however it ends.
func (where places) lock(name string) (unlock func(), err error) {
	unlock, err = where.tryLock(name)
	for since, told := time.Now(), false; errors.Is(err, syscall.EWOULDBLOCK); unlock, err = where.tryLock(name) {
		if !told && time.Since(since) > time.Second {
			say("waiting for another bed command to finish (it holds %s)", where.lockPath(name))
			told = true
		}
		time.Sleep(50 * time.Millisecond)
	}
	return unlock, err
}

// tryLock takes the lock of that name, or fails with EWOULDBLOCK if another process has it.
func (where places) tryLock(name string) (unlock func(), err error) {
	file, err := os.OpenFile(where.lockPath(name), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		file.Close()
		return nil, err
	}
	return func() { file.Close() }, nil
}

// lockPath lies in the cache, not in the state directory, which comes and goes under its lock.
func (where places) lockPath(name string) string { return filepath.Join(where.cache, "locks", name) }

// lockName is the name of the lock that guards the coming and going of a bed.
func (bed bedDir) lockName() string { return fmt.Sprintf("state-%.16s", digest(string(bed))) }

// digest is the sha256, in hex, of the texts, kept apart.
func digest(texts ...string) string {
	hash := sha256.New()
	for _, text := range texts {
		fmt.Fprintf(hash, "%d:%s", len(text), text)
	}
	return fmt.Sprintf("%x", hash.Sum(nil))
}
