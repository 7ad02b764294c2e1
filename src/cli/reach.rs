//! What it means to a person that the cluster cannot be reached, and what to do.

use std::error::Error;

use crate::cluster::{ApiError, Cluster, ConnectError, Login};
use crate::error::{Exit, Failure};
use crate::wire::Distrust;

/// No connection could even be tried.
pub(super) fn unconnected(error: &ConnectError) -> Failure {
    let failure = Failure::new(Exit::Unreachable, format!("failed to {error}"));
    let source = error.source().map(|cause| cause.to_string().into());
    Failure { source, ..failure }.hint(to_connect(error))
}

fn to_connect(error: &ConnectError) -> String {
    match error {
        ConnectError::Kubeconfig { .. } => {
            "correct that file, or name another with --kubeconfig or KUBECONFIG".to_owned()
        }
        ConnectError::Missing { entry, .. } => {
            format!("`kubectl config get-{entry}s` lists what there is; choose with --{entry}")
        }
        ConnectError::NoCluster(_) => {
            "name a file with --kubeconfig or KUBECONFIG, and a --context of those that `kubectl config get-contexts` lists".to_owned()
        }
        ConnectError::Pod(_) => {
            "give the pod a service account (automountServiceAccountToken: true), or name a --kubeconfig".to_owned()
        }
        ConnectError::Server(_) => {
            "write it as https://HOST:PORT, with --server or in the kubeconfig (`kubectl config view --minify`)".to_owned()
        }
        ConnectError::Proxy(_) => {
            "look at proxy-url in the kubeconfig, and at the variables HTTPS_PROXY and HTTP_PROXY".to_owned()
        }
        ConnectError::ImpersonateWhom => "give --as USER too".to_owned(),
        ConnectError::NotInteractive { .. } => {
            "run it in a terminal, or choose a --context or --user with credentials of another kind".to_owned()
        }
        ConnectError::Credentials { login, .. } => to_get_credentials(login),
        ConnectError::Authority { .. } => {
            "correct it in the kubeconfig, or give the right file with --certificate-authority".to_owned()
        }
        ConnectError::Client(_) => {
            "compare with `kubectl config view --minify`, or choose another --context or --user".to_owned()
        }
    }
}

fn to_get_credentials(login: &Login) -> String {
    match login {
        Login::Plugin {
            install_hint: Some(hint),
            ..
        } => format!("the kubeconfig says of this plugin: {}", hint.trim()),
        Login::Plugin { command, .. } => {
            format!("is {command} installed and in PATH, and are you logged in with it? `kubectl get namespaces` runs it too")
        }
        Login::Provider(name) if name == "gcp" => {
            "install gke-gcloud-auth-plugin, then `gcloud container clusters get-credentials CLUSTER` writes a new kubeconfig entry".to_owned()
        }
        Login::Provider(name) if name == "azure" => {
            "install kubelogin, then `kubelogin convert-kubeconfig` rewrites the kubeconfig".to_owned()
        }
        _ => "log in again, or choose another --context or --user".to_owned(),
    }
}

/// The first look at the cluster failed.
pub(super) fn unseen(cluster: &Cluster, error: ApiError) -> Failure {
    unreachable(&format!("read the cluster at {}", cluster.place()), error)
}

/// A failure of the API server, while doing something.
pub(super) fn unreachable(doing: &str, error: ApiError) -> Failure {
    let hint = to_reach(&error);
    let failure = Failure::caused(Exit::Unreachable, format!("failed to {doing}"), error);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

fn to_reach(error: &ApiError) -> Option<String> {
    let hint = match error {
        ApiError::Unreachable(_) | ApiError::Unanswered | ApiError::Timeout => {
            "is the server right (`kubectl config view --minify`), and is it up (`kubectl get --raw /readyz`)?"
        }
        ApiError::Untrusted { why, .. } => to_trust(*why),
        ApiError::NoTls(_) => {
            "is this the API server's address and port (`kubectl config view --minify`)? Something else may answer there, or a server without TLS"
        }
        ApiError::Unauthorized { login, .. } => return Some(to_log_in(login)),
        ApiError::Credentials(_) => "log in again, or choose another --context or --user",
        ApiError::Forbidden { .. } => {
            "ask for the permission that is named, or use another --context"
        }
        ApiError::Redirect { .. } | ApiError::Garbled { .. } => {
            "is this the API server's address (`kubectl config view --minify`)? A login page or a proxy may answer in its place"
        }
        ApiError::Broken(_) => {
            "does `kubectl get --raw /readyz` get an answer? A proxy or a firewall may cut it off, or something else answer there"
        }
        ApiError::Invalid { .. } => {
            "does the server want https:// (`kubectl config view --minify`)?"
        }
        ApiError::Status { .. } | ApiError::TooMany => {
            "is it just starting, or out of order (`kubectl get --raw '/readyz?verbose'`)? Try again in a while"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

fn to_trust(why: Distrust) -> &'static str {
    match why {
        Distrust::Issuer => {
            "is this the right cluster, and the right certificate-authority in the kubeconfig (`kubectl config view --minify`)? --certificate-authority FILE gives another"
        }
        Distrust::Time => {
            "is this machine's clock right (`date -u`)? Else the cluster's certificates have to be renewed"
        }
        Distrust::Name => {
            "use a --server address that the certificate names, or say with --tls-server-name which of its names to expect"
        }
        Distrust::Other => {
            "the cluster's certificates have to be made anew; `kubectl get --raw /readyz` tells what kubectl says of them"
        }
    }
}

/// Credentials were sent and not accepted.
fn to_log_in(login: &Login) -> String {
    match login {
        Login::Nobody => {
            "the kubeconfig has no credentials here: choose a --context or a --user that has".to_owned()
        }
        Login::Token => {
            "the token is wrong, expired or revoked: log in again, or choose another --context or --user".to_owned()
        }
        Login::TokenFile(path) => format!(
            "the token in {} is wrong, expired or revoked: is the file still renewed?",
            path.display()
        ),
        Login::Certificate(Some(path)) => format!(
            "the client certificate has expired, or is another cluster's: `openssl x509 -noout -dates -issuer -in {}`",
            path.display()
        ),
        Login::Certificate(None) => {
            "the client certificate has expired, or is another cluster's: `kubectl config view --minify --raw -o jsonpath='{.users[0].user.client-certificate-data}' | base64 -d | openssl x509 -noout -dates -issuer`".to_owned()
        }
        Login::Password => {
            "API servers accept no passwords any more (since Kubernetes 1.19): use a token, a certificate or a plugin".to_owned()
        }
        Login::Plugin { command, .. } => format!(
            "what the plugin {command} gave is not accepted: log in again with it, or choose another --context or --user"
        ),
        Login::Provider(name) => format!(
            "what the auth-provider {name} gave is not accepted: log in again, or choose another --context or --user"
        ),
    }
}
