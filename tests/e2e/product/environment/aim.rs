//! Flags, variables and kubeconfigs together: the product goes where kubectl or
//! Helm goes. Both are asked, and what the API server saw is compared.

use std::collections::BTreeSet;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::cases::{Case, FILES, HELM, KUBECTL, case};
use super::{Files, tool};
use crate::bed::{Bed, setting};
use crate::process::Program;
use crate::proxy::Proxy;

/// Two ways to the bed, which stand for two clusters, and what a user has on
/// disk.
struct Ground {
    east: Proxy,
    west: Proxy,
    files: Files,
}

/// Which cluster was asked for records in which namespace, as whom.
type Aim = BTreeSet<(&'static str, String, String)>;

impl Ground {
    fn new() -> Self {
        let ground = Self {
            east: Proxy::start(),
            west: Proxy::start(),
            files: Files::new(),
        };
        let bed = Bed::get();
        ground
            .files
            .write("ca.crt", std::fs::read(&bed.ca).unwrap());
        let kubeconfig = |current: &str, contexts: Value| {
            let cluster =
                |server: &str, ca: &str| json!({"server": server, "certificate-authority": ca});
            json!({
                "apiVersion": "v1", "kind": "Config", "current-context": current, "contexts": contexts,
                "clusters": [
                    {"name": "east", "cluster": cluster(ground.east.server(), "ca.crt")},
                    {"name": "west", "cluster": cluster(ground.west.server(), "ca.crt")},
                    {"name": "untrusted", "cluster": {"server": ground.west.server()}},
                ],
                "users": [
                    {"name": "admin", "user": {"token": bed.admin_token}},
                    {"name": "nobody", "user": {"token": bed.nobody_token}},
                    {"name": "actor", "user": {"token": bed.admin_token, "as": "alice", "as-groups": ["a"]}},
                ],
            })
            .to_string()
        };
        let context = |name: &str, cluster: &str, user: &str, namespace: &str| json!({"name": name, "context": {"cluster": cluster, "user": user, "namespace": namespace}});
        let one = json!([
            context("one", "east", "admin", "shop"),
            context("bare", "west", "admin", ""),
            context("blind", "untrusted", "admin", "dark"),
            context("act", "east", "actor", "stage"),
        ]);
        let two = json!([
            context("two", "west", "nobody", "depot"),
            context("one", "west", "nobody", "wrong"),
        ]);
        ground.files.write("one", kubeconfig("one", one));
        ground.files.write("two", kubeconfig("two", two));
        ground.files.write("unset", "current-context: \"\"");
        ground.files.write("empty", "");
        ground
    }

    fn path(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    /// Puts the real paths, servers and tokens into a word of a case.
    fn fill(&self, word: &str) -> String {
        let dir = self.files.path().display().to_string();
        word.replace("DIR", &dir)
            .replace("EAST", self.east.server())
            .replace("WEST", self.west.server())
            .replace("NOBODY", &Bed::get().nobody_token)
    }

    /// What the clusters see while the program runs; how it ends is its own.
    fn aim(&self, program: Program, case: &Case) -> Aim {
        let before = [self.east.seen().len(), self.west.seen().len()];
        let mut program = program.args(case.flags.iter().map(|word| self.fill(word)));
        if !case
            .variables
            .iter()
            .any(|one| one.starts_with("KUBECONFIG"))
        {
            program = program.env("KUBECONFIG", self.fill("DIR/one:DIR/two"));
        }
        for variable in case.variables {
            let (key, value) = variable.split_once('=').unwrap();
            program = program.env(key, self.fill(value));
        }
        program.run();
        let mut aim = Aim::new();
        for (name, proxy, before) in [
            ("east", &self.east, before[0]),
            ("west", &self.west, before[1]),
        ] {
            for seen in &proxy.seen()[before..] {
                if let Some(place) = seen.path.strip_suffix("/secrets") {
                    let place = place.strip_prefix("/api/v1").unwrap();
                    let place = place.strip_prefix("/namespaces/").unwrap_or("everywhere");
                    aim.insert((name, place.to_owned(), seen.who.clone()));
                }
            }
        }
        aim
    }

    /// A program that finds ours where it finds its plugins.
    fn with_plugin(&self, program: &Path) -> Program {
        let binary = Path::new(env!("CARGO_BIN_EXE_zadig-doctor"));
        let plugin = self.path("plugins/doctor");
        let link = self.path("kubectl-zadig_doctor");
        if !link.exists() {
            std::fs::create_dir_all(plugin.join("bin")).unwrap();
            symlink(binary, plugin.join("bin/zadig-doctor")).unwrap();
            symlink(binary, link).unwrap();
            let text = "name: doctor\nversion: 0.1.0\nusage: u\ndescription: d\n\
                command: \"$HELM_PLUGIN_DIR/bin/zadig-doctor\"\n";
            std::fs::write(plugin.join("plugin.yaml"), text).unwrap();
        }
        self.plain(program)
            .env("HELM_PLUGINS", self.path("plugins"))
            .env("PATH", self.files.path())
    }

    fn plain(&self, program: &Path) -> Program {
        Program::new(program).env("HOME", self.files.path())
    }
}

/// With a home in which `~/.kube/config` is `two`.
fn ground() -> Ground {
    let ground = Ground::new();
    std::fs::create_dir(ground.path(".kube")).unwrap();
    symlink(ground.path("two"), ground.path(".kube/config")).unwrap();
    // Of a link, kubectl takes relative paths from where the link is.
    symlink(ground.path("ca.crt"), ground.path(".kube/ca.crt")).unwrap();
    ground
}

fn expect(ground: &Ground, case: &Case, programs: Vec<(&str, Program)>) {
    let (cluster, namespace, who) = case.aim;
    let expected = Aim::from([(cluster, namespace.to_owned(), who.to_owned())]);
    for (name, program) in programs {
        let aim = ground.aim(program, case);
        let given = (case.variables, case.flags);
        assert_eq!(aim, expected, "{name} with {given:?}");
    }
}

#[test]
fn as_kubectl_does() {
    let ground = ground();
    let kubectl = PathBuf::from(setting("BED_KUBECTL"));
    for case in FILES.iter().chain(&KUBECTL) {
        let plugin = ground.with_plugin(&kubectl);
        let mut programs = vec![
            ("kubectl", ground.plain(&kubectl).args(["get", "secrets"])),
            (
                "kubectl zadig-doctor",
                plugin.args(["zadig-doctor", "check"]),
            ),
        ];
        if !case.variables.iter().any(|one| one.starts_with("HELM_")) {
            programs.push(("zadig-doctor", tool(ground.files.path()).arg("check")));
        }
        expect(&ground, case, programs);
    }
}

fn as_helm_does(helm: &str) {
    let ground = ground();
    let helm = PathBuf::from(setting(helm));
    for case in FILES.iter().chain(&HELM) {
        let programs = vec![
            ("helm", ground.plain(&helm).arg("list")),
            (
                "helm doctor",
                ground.with_plugin(&helm).args(["doctor", "check"]),
            ),
            ("zadig-doctor", tool(ground.files.path()).arg("check")),
        ];
        expect(&ground, case, programs);
    }
}

#[test]
fn as_helm_3_does() {
    as_helm_does("BED_HELM_3_17");
}

#[test]
fn as_helm_4_does() {
    as_helm_does("BED_HELM_4");
}

/// Where they differ on purpose: kubectl sends a token beside the certificate,
/// and the API server then takes the certificate's word.
#[test]
fn a_token_that_is_given_is_the_one_that_counts() {
    let ground = Ground::new();
    let bed = Bed::get();
    let pki = |file: &str| bed.dir.join("pki").join(file).display().to_string();
    let user = json!({"client-certificate": pki("kwok.crt"), "client-key": pki("kwok.key")});
    let cluster = json!({"server": ground.east.server(), "certificate-authority": bed.ca});
    let config = ground.files.kubeconfig(&cluster, &user);
    let case = case(&[], &["--token=NOBODY"], ("", "", ""));
    let program = tool(ground.files.path())
        .arg("check")
        .args(["--kubeconfig"])
        .arg(&config);
    let aim = ground.aim(program, &case);
    assert_eq!(
        aim,
        Aim::from([("east", "default".to_owned(), "nobody".to_owned())])
    );
}

/// A script whose variable is unset must not reach another cluster than it means.
#[test]
fn an_empty_flag_is_refused() {
    let ground = Ground::new();
    for flag in [
        "--kubeconfig",
        "--context",
        "--cluster",
        "--user",
        "--server",
        "--token",
        "--as",
        "--as-group",
        "--as-uid",
        "--tls-server-name",
        "--certificate-authority",
        "-n",
    ] {
        let output = tool(ground.files.path())
            .env("KUBECONFIG", ground.path("one"))
            .args(["check", flag, ""])
            .run()
            .expect_code(2);
        assert!(output.stderr.contains("a value is required"), "{output}");
    }
    assert!(ground.east.seen().is_empty());
}
