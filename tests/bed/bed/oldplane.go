package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
)

// oldVersion is the release of Kubernetes from which this tool's reason for being was first reported.
const oldVersion = "v1.22.17"

// oldServers are the programs of the old cluster, by the names they have in the bed. The rest is the new one's.
var oldServers = map[string]string{
	"kube-apiserver":          "kube-apiserver-1.22",
	"kube-controller-manager": "kube-controller-manager-1.22",
}

// oldModules hold the types that the old API server describes in its OpenAPI document.
var oldModules = []string{"api", "apiextensions-apiserver", "apimachinery", "apiserver", "client-go", "kube-aggregator"}

// oldOpenAPI is the package of the file that describes them. It is generated in a Kubernetes checkout, and missing from
// the published module.
const oldOpenAPI = "k8s.io/kubernetes/pkg/generated/openapi"

// oldPlanePart is kube-apiserver and kube-controller-manager of an old Kubernetes.
func oldPlanePart(where places) part {
	module := filepath.Join(where.source, "oldplane")
	return part{
		name:    "oldplane",
		what:    "the old control plane (kube-apiserver and kube-controller-manager " + oldVersion[1:] + ")",
		usually: "3 to 6 minutes on 2 cores",
		inputs:  []string{filepath.Join(module, "go.mod"), filepath.Join(module, "go.sum")},
		recipe:  strings.Join(append(append(goBuild, oldVersion, oldOpenAPI), oldModules...), " "),
		needs:   []tool{goTool},
		make: func(dir string) error {
			source := filepath.Join(dir, "src")
			if err := makeOldPlane(module, source, filepath.Join(dir, "bin")); err != nil {
				return err
			}
			return os.RemoveAll(source)
		},
	}
}

// makeOldPlane builds in a copy of the module: what is generated has no place in the module cache, so it is put among
// vendored copies of what is there.
func makeOldPlane(module, source, bin string) error {
	if err := os.MkdirAll(source, 0o755); err != nil {
		return err
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(module, name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(source, name), text, 0o644); err != nil {
			return err
		}
	}
	// The generator asks Go where packages lie, which has other answers once there is a vendor directory.
	generated := filepath.Join(source, "generated")
	if err := generateOpenAPI(source, generated); err != nil {
		return err
	}
	if _, err := command(source, goEnv, "go", "mod", "vendor"); err != nil {
		return err
	}
	const file = "zz_generated.openapi.go"
	from := filepath.Join(generated, oldOpenAPI, file)
	if err := os.Rename(from, filepath.Join(source, "vendor", oldOpenAPI, file)); err != nil {
		return err
	}

	argv := append([]string{}, goBuild...)
	argv = append(argv, "-mod=vendor", "-p", strconv.Itoa(compilers()),
		// Old dependencies reach into the standard library by name, which a new linker refuses unless told otherwise.
		"-ldflags", versionFlags(oldVersion)+" -checklinkname=0", "-o", bin+"/")
	for name := range oldServers {
		argv = append(argv, "k8s.io/kubernetes/cmd/"+name)
	}
	sort.Strings(argv[len(argv)-len(oldServers):])
	if _, err := command(source, goEnv, argv...); err != nil {
		return err
	}
	for name, old := range oldServers {
		if err := os.Rename(filepath.Join(bin, name), filepath.Join(bin, old)); err != nil {
			return err
		}
	}
	return nil
}

// generateOpenAPI runs the module's own generator.
func generateOpenAPI(source, out string) error {
	generator := filepath.Join(source, "openapi-gen")
	argv := append([]string{}, goBuild...)
	argv = append(argv, "-o", generator, "k8s.io/kube-openapi/cmd/openapi-gen")
	if _, err := command(source, goEnv, argv...); err != nil {
		return err
	}
	// Go says where a module lies only if it is there.
	download := []string{"go", "mod", "download"}
	for _, module := range oldModules {
		download = append(download, "k8s.io/"+module)
	}
	if _, err := command(source, goEnv, download...); err != nil {
		return err
	}
	var packages []string
	for _, module := range oldModules {
		dir, err := command(source, goEnv, "go", "list", "-m", "-f", "{{.Dir}}", "k8s.io/"+module)
		if err != nil {
			return err
		}
		found, err := describedPackages(dir, "k8s.io/"+module)
		if err != nil {
			return err
		}
		packages = append(packages, found...)
	}
	if len(packages) == 0 {
		return fmt.Errorf("no package of %s asks to be described", strings.Join(oldModules, ", "))
	}
	// The generator drops what it takes for aliases, and looks for a license's text unless given one.
	_, err := command(source, append(goEnv, "GODEBUG=gotypesalias=0"), generator,
		"--go-header-file=/dev/null", "--report-filename=/dev/null", "--output-base="+out,
		"--output-package="+oldOpenAPI, "--output-file-base=zz_generated.openapi",
		"--input-dirs="+strings.Join(packages, ","))
	return err
}

// describedPackages lists the packages below a module's directory that ask to be described.
func describedPackages(dir, module string) ([]string, error) {
	found := map[string]bool{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if strings.Contains(string(text), "+k8s:openapi-gen=true") {
			below, err := filepath.Rel(dir, filepath.Dir(path))
			if err != nil {
				return err
			}
			found[filepath.ToSlash(filepath.Join(module, below))] = true
		}
		return nil
	})
	var packages []string
	for name := range found {
		packages = append(packages, name)
	}
	sort.Strings(packages)
	return packages, err
}
