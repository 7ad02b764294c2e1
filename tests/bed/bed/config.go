package main

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// The users of the bed. What the first two and everybody unknown does is audited; the rest is the bed's own doing.
const (
	adminUser  = "bed-admin"
	nobodyUser = "nobody-user" // known to the server, allowed nothing
	driverUser = "bed-driver"  // this program
	kwokUser   = "bed-kwok"
)

// auditPolicy logs what the tests' users do, and whoever writes what releases are made of. The first rule that matches
// a request decides. Policies cannot match user agents, but the log names them.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  verbs: [create, update, patch, delete, deletecollection]
  resources:
  - group: ""
    resources: [secrets, configmaps, namespaces, namespaces/finalize, namespaces/status]
- level: None
  users: [` + driverUser + `, ` + kwokUser + `, "system:apiserver", "system:kube-controller-manager", "system:kube-scheduler"]
- level: None
  userGroups: ["system:serviceaccounts:kube-system"]
- level: Metadata
`

// schedulerConfig lets the scheduler look again every second at a pod that found no node; by default it waits up to ten
// seconds, which would be most of the time of a test that adds the node late.
const schedulerConfig = `apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
clientConnection: {kubeconfig: %q, qps: 500, burst: 1000}
leaderElection: {leaderElect: false}
podInitialBackoffSeconds: 1
podMaxBackoffSeconds: 1
`

// clusterVariables are those of the bed's variables that tell one cluster from another.
var clusterVariables = []string{
	"BED_DIR", "BED_SERVER", "BED_CA", "BED_ADMIN_TOKEN", "BED_NOBODY_TOKEN", "BED_AUDIT_LOG", "KUBECONFIG",
}

// programVariables name the programs for whoever uses the bed.
var programVariables = map[string]string{
	"BED_HELM_3_9":     "helm-3.9",
	"BED_HELM_3_17":    "helm-3.17",
	"BED_HELM_3_22":    "helm-3.22",
	"BED_HELM_4":       "helm-4",
	"BED_KREW":         "krew",
	"BED_KUBECTL":      "kubectl",
	"BED_KUBECTL_1_22": "kubectl-1.22",
	"BED_KUBECTL_1_37": "kubectl-1.37",
}

// process is one program of the bed and how it is started.
type process struct {
	Name string   `json:"name"`
	Argv []string `json:"argv"`
	Env  []string `json:"env,omitempty"`
}

// configure writes everything that a fresh bed needs before its processes start.
func configure(where places, bed bedDir, found programs) error {
	ports, err := freePorts(3)
	if err != nil {
		return err
	}
	etcd, peer := localURL("http", ports[0]), localURL("http", ports[1])
	server := localURL("https", ports[2])

	if err := writeKeys(bed); err != nil {
		return err
	}
	adminToken, nobodyToken := rand.Text(), rand.Text()
	tokens := fmt.Sprintf("%s,%s,%s,%q\n%s,%s,%s\n",
		adminToken, adminUser, adminUser, masters, nobodyToken, nobodyUser, nobodyUser)
	if err := writeAll(bed, map[string]string{
		"conf/tokens.csv":        tokens,
		"conf/audit-policy.yaml": auditPolicy,
		"conf/scheduler.yaml":    fmt.Sprintf(schedulerConfig, bed.path("conf/scheduler.kubeconfig")),
	}); err != nil {
		return err
	}
	if err := writeKubeconfigs(bed, server, adminToken, nobodyToken); err != nil {
		return err
	}
	if err := bed.link(found); err != nil {
		return err
	}
	env := map[string]string{
		"BED_DIR":          string(bed),
		"BED_BIN":          bed.path("bin"),
		"BED_SERVER":       server,
		"BED_CA":           bed.path("ca.crt"),
		"BED_ADMIN_TOKEN":  adminToken,
		"BED_NOBODY_TOKEN": nobodyToken,
		"BED_AUDIT_LOG":    bed.path("audit.log"),
		"KUBECONFIG":       bed.path("kubeconfig"),
	}
	for key, name := range programVariables {
		env[key] = bed.path("bin/" + name)
	}
	if err := bed.writeEnv(env); err != nil {
		return err
	}
	stages := []string{filepath.Join(where.source, "kwok", "pod-crashing.yaml")}
	for _, stage := range kwokStages {
		stages = append(stages, filepath.Join(filepath.Dir(found["kwok"]), "..", "stages", filepath.Base(stage)))
	}
	plan, err := json.MarshalIndent(processes(bed, etcd, peer, ports[2], stages), "", "  ")
	if err != nil {
		return err
	}
	return bed.write("conf/processes.json", string(plan)+"\n")
}

// link puts the programs into the bed's bin directory, as far as they are not there.
func (bed bedDir) link(found programs) error {
	for name, path := range found {
		if err := os.Symlink(path, bed.path(filepath.Join("bin", name))); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// writeKeys writes every certificate and key of the bed.
func writeKeys(bed bedDir) error {
	ca, err := newAuthority(bed)
	if err != nil {
		return err
	}
	if err := ca.issueServer(); err != nil {
		return err
	}
	for file, who := range map[string]identity{
		"driver":             {driverUser, masters},
		"kwok":               {kwokUser, masters},
		"controller-manager": {"system:kube-controller-manager", ""},
		"scheduler":          {"system:kube-scheduler", ""},
		"front-proxy":        {"front-proxy", ""},
		"service-account":    {"service-account", ""}, // never a client: its pair signs and checks the tokens of pods
	} {
		if err := ca.issueClient(file, who); err != nil {
			return err
		}
	}
	return nil
}

// writeKubeconfigs writes those of the tests, by token, and those of the bed's own processes, by certificate.
func writeKubeconfigs(bed bedDir, server, adminToken, nobodyToken string) error {
	ca, err := os.ReadFile(bed.path("ca.crt"))
	if err != nil {
		return err
	}
	files := map[string]string{
		"kubeconfig":        kubeconfig(server, ca, adminUser, "token: "+adminToken),
		"kubeconfig-nobody": kubeconfig(server, ca, nobodyUser, "token: "+nobodyToken),
	}
	for _, name := range []string{"controller-manager", "scheduler", "kwok"} {
		cert, key := bed.path("pki/"+name+".crt"), bed.path("pki/"+name+".key")
		credentials := fmt.Sprintf("client-certificate: %q\n    client-key: %q", cert, key)
		files["conf/"+name+".kubeconfig"] = kubeconfig(server, ca, name, credentials)
	}
	return writeAll(bed, files)
}

// kubeconfig is the text of a kubeconfig with one cluster, one user and one context.
func kubeconfig(server string, ca []byte, user, credentials string) string {
	return fmt.Sprintf(`apiVersion: v1
kind: Config
clusters:
- name: bed
  cluster:
    server: %s
    certificate-authority-data: %s
users:
- name: %s
  user:
    %s
contexts:
- name: bed
  context: {cluster: bed, user: %s}
current-context: bed
`, server, base64.StdEncoding.EncodeToString(ca), user, credentials, user)
}

// processes is what the bed consists of, in the order in which it is started.
func processes(bed bedDir, etcd, peer string, port int, stages []string) []process {
	pki := func(name string) string { return bed.path("pki/" + name) }
	bin := func(name string) string { return bed.path("bin/" + name) }
	apiserver, manager := bin("kube-apiserver"), bin("kube-controller-manager")
	if bed.isOld() {
		apiserver, manager = bin(oldServers["kube-apiserver"]), bin(oldServers["kube-controller-manager"])
	}
	kwok := []string{
		bin("kwok"),
		"--kubeconfig=" + bed.path("conf/kwok.kubeconfig"),
		"--manage-all-nodes",
		"--node-lease-duration-seconds=40",
	}
	for _, stage := range stages {
		kwok = append(kwok, "--config="+stage)
	}

	all := []process{
		{Name: "etcd", Argv: []string{
			bin("etcd"),
			"--data-dir=" + bed.path("etcd"),
			"--listen-client-urls=" + etcd,
			"--advertise-client-urls=" + etcd,
			"--listen-peer-urls=" + peer,
			"--initial-advertise-peer-urls=" + peer,
			"--initial-cluster=default=" + peer,
			"--unsafe-no-fsync", // nothing here outlives the bed
			"--quota-backend-bytes=8589934592",
		}},
		{Name: "kube-apiserver", Env: []string{"GOMEMLIMIT=6GiB"}, Argv: []string{
			apiserver,
			"--etcd-servers=" + etcd,
			"--bind-address=127.0.0.1",
			"--advertise-address=127.0.0.1",
			"--secure-port=" + strconv.Itoa(port),
			"--endpoint-reconciler-type=none",
			"--service-cluster-ip-range=10.0.0.0/16",
			"--tls-cert-file=" + bed.path("apiserver.crt"),
			"--tls-private-key-file=" + bed.path("apiserver.key"),
			"--client-ca-file=" + bed.path("ca.crt"),
			"--token-auth-file=" + bed.path("conf/tokens.csv"),
			"--authorization-mode=RBAC",
			"--service-account-issuer=https://kubernetes.default.svc",
			"--service-account-key-file=" + pki("service-account.crt"),
			"--service-account-signing-key-file=" + pki("service-account.key"),
			"--requestheader-client-ca-file=" + bed.path("ca.crt"),
			"--requestheader-allowed-names=front-proxy",
			"--requestheader-username-headers=X-Remote-User",
			"--requestheader-group-headers=X-Remote-Group",
			"--requestheader-extra-headers-prefix=X-Remote-Extra-",
			"--proxy-client-cert-file=" + pki("front-proxy.crt"),
			"--proxy-client-key-file=" + pki("front-proxy.key"),
			"--audit-policy-file=" + bed.path("conf/audit-policy.yaml"),
			"--audit-log-path=" + bed.path("audit.log"),
			"--audit-log-maxsize=100000", // MB: the tests read one file, so it must not be rotated
		}},
		{Name: "kube-controller-manager", Argv: []string{
			manager,
			"--kubeconfig=" + bed.path("conf/controller-manager.kubeconfig"),
			"--leader-elect=false",
			"--secure-port=0",
			"--kube-api-qps=500", // by default 20, which would make up half of the time that the bed takes to get ready
			"--kube-api-burst=1000",
			"--use-service-account-credentials",
			"--service-account-private-key-file=" + pki("service-account.key"),
			"--root-ca-file=" + bed.path("ca.crt"),
		}},
		{Name: "kube-scheduler", Argv: []string{
			bin("kube-scheduler"),
			"--config=" + bed.path("conf/scheduler.yaml"),
			"--secure-port=0",
		}},
		{Name: "kwok", Argv: kwok},
	}
	if bed.isOld() {
		return all[:3] // today's scheduler and KWOK do not speak to it: its pods stay Pending
	}
	return all
}

func localURL(scheme string, port int) string {
	return fmt.Sprintf("%s://127.0.0.1:%d", scheme, port)
}

func writeAll(bed bedDir, files map[string]string) error {
	for name, text := range files {
		if err := bed.write(name, text); err != nil {
			return err
		}
	}
	return nil
}
