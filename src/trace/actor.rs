//! Who does something, as far as can be told from a user and a user agent, or
//! from a field manager.

use std::fmt;

/// Whose work it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Helm's command line.
    Helm,
    /// kubectl.
    Kubectl,
    /// Zadig, which embeds Helm.
    Zadig,
    /// Kubernetes' own controller that empties a namespace which is deleted.
    NamespaceController,
    /// Kubernetes' own collector of what has no owner any more.
    GarbageCollector,
    /// Any other part of Kubernetes.
    Kubernetes,
    /// This tool.
    Doctor,
    /// Somebody else.
    Other,
}

impl Kind {
    /// As people say it.
    pub fn told(self) -> &'static str {
        match self {
            Self::Helm => "Helm",
            Self::Kubectl => "kubectl",
            Self::Zadig => "Zadig",
            Self::NamespaceController => "the namespace controller",
            Self::GarbageCollector => "the garbage collector",
            Self::Kubernetes => "Kubernetes",
            Self::Doctor => "zadig-doctor",
            Self::Other => "another client",
        }
    }
}

/// Somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// Whose work it is.
    pub kind: Kind,
    /// The user, where the API server authenticated one.
    pub user: Option<String>,
    /// What the client calls itself: its user agent, or its field manager.
    pub agent: Option<String>,
}

/// Longer texts are cut: a user agent is whatever a client sends.
const LONGEST: usize = 120;

const NAMESPACE_CONTROLLER: &str = "system:serviceaccount:kube-system:namespace-controller";
const GARBAGE_COLLECTOR: &str = "system:serviceaccount:kube-system:generic-garbage-collector";
const SERVICE_ACCOUNT: &str = "system:serviceaccount:";

impl Actor {
    /// Of a request.
    pub fn of_request(user: &str, agent: &str) -> Self {
        let kind = match user {
            NAMESPACE_CONTROLLER => Kind::NamespaceController,
            GARBAGE_COLLECTOR => Kind::GarbageCollector,
            user if is_kubernetes(user) => Kind::Kubernetes,
            // Zadig names itself by its process; where it does not, its service
            // accounts lie in namespaces of its own.
            user if is_zadig(user) => Kind::Zadig,
            _ => of_program(agent),
        };
        Self {
            kind,
            user: some(user),
            agent: some(agent),
        }
    }

    /// Of a field manager.
    pub fn of_manager(manager: &str) -> Self {
        let kind = match manager {
            "kube-controller-manager" | "kube-scheduler" | "kubelet" | "kube-apiserver" => {
                Kind::Kubernetes
            }
            manager => of_program(manager),
        };
        Self {
            kind,
            user: None,
            agent: some(manager),
        }
    }
}

/// `helm/v0.0.0 (linux/amd64) …` as client-go makes it of the program's name,
/// `Helm/3.17.2` as Helm says since 3.10.
fn of_program(agent: &str) -> Kind {
    let program = agent.split(['/', ' ']).next().unwrap_or_default();
    let program = program.to_ascii_lowercase();
    let is = |name: &str| {
        let rest = program.strip_prefix(name);
        // A version in a file's name: helm-3.17, helm3.
        rest.is_some_and(|rest| rest.bytes().all(|b| !b.is_ascii_alphabetic()))
    };
    match () {
        () if is("helm") => Kind::Helm,
        // Subcommands are managers of their own: kubectl-edit.
        () if program == "kubectl" || program.starts_with("kubectl-") => Kind::Kubectl,
        () if is("aslan") || is("hub-agent") => Kind::Zadig,
        () if is("zadig-doctor") => Kind::Doctor,
        () => Kind::Other,
    }
}

fn is_kubernetes(user: &str) -> bool {
    let controllers = user.strip_prefix("system:serviceaccount:kube-system:");
    controllers.is_some_and(|name| name.ends_with("-controller"))
        || user.starts_with("system:kube-")
        || user.starts_with("system:node:")
        || user == "system:apiserver"
}

fn is_zadig(user: &str) -> bool {
    let account = user.strip_prefix(SERVICE_ACCOUNT);
    let namespace = account.and_then(|account| account.split(':').next());
    namespace.is_some_and(|name| name.contains("zadig") || name.contains("koderover"))
}

fn some(text: &str) -> Option<String> {
    let end = text.floor_char_boundary(LONGEST);
    Some(text[..end].to_owned()).filter(|text| !text.is_empty())
}

/// In short: of a user agent, the program and its version.
impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind.told();
        let agent = self
            .agent
            .as_deref()
            .and_then(|agent| agent.split(' ').next());
        let agent = agent.filter(|agent| !agent.eq_ignore_ascii_case(kind));
        match (&self.user, agent) {
            (Some(user), Some(agent)) => write!(f, "{kind} (user {user}, {agent})"),
            (Some(user), None) => write!(f, "{kind} (user {user})"),
            (None, Some(agent)) => write!(f, "{kind} ({agent})"),
            (None, None) => f.write_str(kind),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_told_apart() {
        let by = |user, agent| Actor::of_request(user, agent).kind;
        assert_eq!(by("alice", "Helm/3.17.2"), Kind::Helm);
        let client_go = "helm/v0.0.0 (linux/amd64) kubernetes/$Format";
        assert_eq!(by("alice", client_go), Kind::Helm);
        assert_eq!(by("alice", "helm-3.9/v0.0.0 (linux/amd64)"), Kind::Helm);
        assert_eq!(by("alice", "kubectl/v1.32.3 (linux/amd64)"), Kind::Kubectl);
        assert_eq!(by("alice", "aslan/v0.0.0 (linux/amd64)"), Kind::Zadig);
        assert_eq!(by("system:serviceaccount:zadig:default", "x"), Kind::Zadig);
        assert_eq!(by("alice", "zadig-doctor/0.1.0"), Kind::Doctor);
        assert_eq!(by("alice", "helm-controller/v1.2"), Kind::Other);
        assert_eq!(by("alice", ""), Kind::Other);
        let controller = |name| format!("system:serviceaccount:kube-system:{name}");
        let by = |name| Actor::of_request(&controller(name), "kube-controller-manager/v1").kind;
        assert_eq!(by("namespace-controller"), Kind::NamespaceController);
        assert_eq!(by("generic-garbage-collector"), Kind::GarbageCollector);
        assert_eq!(by("deployment-controller"), Kind::Kubernetes);
    }

    #[test]
    fn managers_are_told_apart() {
        let by = |manager| Actor::of_manager(manager).kind;
        assert_eq!(by("Helm"), Kind::Helm);
        assert_eq!(by("helm"), Kind::Helm);
        assert_eq!(by("kubectl-client-side-apply"), Kind::Kubectl);
        assert_eq!(by("kube-controller-manager"), Kind::Kubernetes);
        assert_eq!(by("argocd-controller"), Kind::Other);
    }

    #[test]
    fn what_a_client_sends_is_cut() {
        let agent = "ä".repeat(1000);
        let told = Actor::of_request("alice", &agent).to_string();
        assert!(told.len() < 200, "{}", told.len());
    }
}
