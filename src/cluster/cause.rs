//! The innermost reasons of what only kube does: credentials and kubeconfigs.

use std::error::Error;

use kube::client::AuthError;
use kube::config::{KubeconfigError, LoadDataError};

use crate::wire::{Cause, chain, cut};

impl Cause {
    /// Of credentials that could not be had, `None` if it is not about them.
    ///
    /// kube's text of a failed plugin quotes the plugin's whole environment and
    /// output, which may hold tokens: only its exit status and the end of its
    /// stderr are kept.
    pub(super) fn of_credentials(error: &(dyn Error + 'static)) -> Option<Self> {
        let error = chain(error).find_map(|error| error.downcast_ref::<AuthError>())?;
        Some(Self::new(match error {
            AuthError::AuthExecRun { out, .. } => {
                let said = String::from_utf8_lossy(&out.stderr);
                let said = cut(said.trim().lines().last().unwrap_or_default());
                let colon = if said.is_empty() { "" } else { ": " };
                let status = out.status;
                format!("the credential plugin ended with {status}{colon}{said}")
            }
            AuthError::AuthExecStart(error) => error.to_string(),
            AuthError::AuthExecParse(_) => "the credential plugin's output is unreadable".into(),
            AuthError::ExecPluginFailed => "the credential plugin gave no credentials".into(),
            AuthError::InvalidBearerToken(_) => {
                "the token is none: it has more than one line".into()
            }
            AuthError::ReadTokenFile(error, _) => error.to_string(),
            // kube's word for what it was built without.
            AuthError::AuthExec(said) if said.starts_with("Enable oauth") => {
                "Google's application credentials are not read here".into()
            }
            AuthError::AuthExec(said) => cut(said),
            other => cut(&other.to_string()),
        }))
    }

    /// Of a kubeconfig and the files that it names. kube's text names them; but
    /// a parser's text may quote the line it stumbled on, which may be a token.
    pub(super) fn of_config(error: &KubeconfigError) -> Self {
        Self::new(match error {
            KubeconfigError::ReadConfig(error, _) => error.to_string(),
            KubeconfigError::Parse(error) => match error.location() {
                Some(at) => format!("no kubeconfig: line {}, column {}", at.line(), at.column()),
                None => "no kubeconfig".to_owned(),
            },
            KubeconfigError::LoadClientCertificate(error) => of_data("client certificate", error),
            KubeconfigError::LoadClientKey(error) => of_data("client key", error),
            other => cut(&other.to_string()),
        })
    }
}

fn of_data(what: &str, error: &LoadDataError) -> String {
    match error {
        LoadDataError::ReadFile(error, path) => format!("{what} {}: {error}", path.display()),
        LoadDataError::DecodeBase64(_) => format!("{what}: it is no base64"),
        LoadDataError::NoBase64DataOrFile => format!("there is no {what} beside its other half"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parser_never_quotes_the_kubeconfig() {
        let text = "users:\n- name: u\n  user: {token: [hunter2]}\n";
        let error = kube::config::Kubeconfig::from_yaml(text).unwrap_err();
        let cause = Cause::of_config(&error).to_string();
        assert!(cause.starts_with("no kubeconfig"), "{cause}");
        assert!(!cause.contains("hunter2"), "{cause}");
    }

    #[cfg(unix)]
    #[test]
    fn a_plugins_environment_and_output_are_never_quoted() {
        use std::os::unix::process::ExitStatusExt;
        let error = AuthError::AuthExecRun {
            cmd: "TOKEN=\"hunter2\" plugin".into(),
            out: Box::new(std::process::Output {
                status: std::process::ExitStatus::from_raw(256),
                stdout: b"hunter2".to_vec(),
                stderr: b"noise\nlogin needed\n".to_vec(),
            }),
        };
        assert_eq!(
            Cause::of_credentials(&error).unwrap().to_string(),
            "the credential plugin ended with exit status: 1: login needed"
        );
    }
}
