//! The innermost reasons: what other libraries say, with nothing secret in it.

use std::error::Error;
use std::io;

use kube::client::AuthError;
use kube::config::{KubeconfigError, LoadDataError};
use rustls::CertificateError;

/// The API server's own words, or a cause's; longer ones are cut.
pub(super) const MAX_MESSAGE: usize = 600;

/// The innermost reason of a failed exchange, as a fragment:
/// `Connection refused (os error 111)`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Cause(String);

/// Why a server's certificate is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distrust {
    /// The certificate authority is not the one that we know.
    Issuer,
    /// By this machine's clock it is no longer valid, or not yet.
    Time,
    /// It is another host's.
    Name,
    /// Something else is wrong with it.
    Other,
}

impl Distrust {
    pub(super) fn of(error: &CertificateError) -> Self {
        use CertificateError as Error;
        match error {
            Error::UnknownIssuer => Self::Issuer,
            Error::Expired
            | Error::ExpiredContext { .. }
            | Error::NotValidYet
            | Error::NotValidYetContext { .. } => Self::Time,
            Error::NotValidForName | Error::NotValidForNameContext { .. } => Self::Name,
            _ => Self::Other,
        }
    }
}

impl Cause {
    /// In our own words.
    pub(super) fn new(words: impl Into<String>) -> Self {
        Self(words.into())
    }

    /// The innermost error's text.
    pub(super) fn of(error: &(dyn Error + 'static)) -> Self {
        let inner = chain(error).last().unwrap_or(error);
        Self(cut(&inner.to_string()))
    }

    /// Of credentials that could not be had, `None` if it is not about them.
    ///
    /// kube's text of a failed plugin quotes the plugin's whole environment and
    /// output, which may hold tokens: only its exit status and the end of its
    /// stderr are kept.
    pub(super) fn of_credentials(error: &(dyn Error + 'static)) -> Option<Self> {
        let error = chain(error).find_map(|error| error.downcast_ref::<AuthError>())?;
        Some(Self(match error {
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
        Self(match error {
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

/// An `io::Error` does not name the error it wraps as its source.
pub(super) fn tls_of(error: &io::Error) -> Option<&rustls::Error> {
    let inner = error.get_ref()?;
    match inner.downcast_ref::<io::Error>() {
        Some(inner) => tls_of(inner),
        None => inner.downcast_ref(),
    }
}

/// An error and its sources, outermost first; bounded against loops.
pub(super) fn chain<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> + 'a {
    std::iter::successors(Some(error), |&error: &&'a (dyn Error + 'static)| {
        error.source()
    })
    .take(16)
}

pub(super) fn cut(message: &str) -> String {
    match message.char_indices().nth(MAX_MESSAGE) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_that_are_not_trusted() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        assert_eq!(tls_of(&refused), None);
        assert_eq!(tls_of(&io::Error::other("x")), None);
        let tls = io::Error::other(rustls::Error::DecryptError);
        assert!(tls_of(&tls).is_some() && tls_of(&io::Error::other(tls)).is_some());
    }

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
