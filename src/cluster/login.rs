//! How we say to the API server who we are, told without any secret, and what
//! the options change about it.

use std::path::PathBuf;

use kube::config::{AuthInfo, ExecInteractiveMode};

use super::connect::{ConnectError, ConnectOptions};

/// The kind of credentials in use, for messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Login {
    /// None: to the API server we are nobody.
    #[default]
    Nobody,
    /// A token that does not renew itself.
    Token,
    /// A token that somebody else renews.
    TokenFile(PathBuf),
    /// A client certificate: its file, unless it is in the kubeconfig itself.
    Certificate(Option<PathBuf>),
    /// A user name and a password.
    Password,
    /// A program that the kubeconfig names.
    Plugin {
        /// Its name.
        command: String,
        /// The kubeconfig's word on how to come by it.
        install_hint: Option<String>,
    },
    /// An `auth-provider`, as kubeconfigs had them before there were plugins.
    Provider(String),
}

impl Login {
    /// The one of them that the client uses.
    pub(super) fn of(user: &AuthInfo) -> Self {
        if let Some(provider) = &user.auth_provider {
            Self::Provider(provider.name.clone())
        } else if user.username.is_some() && user.password.is_some() {
            Self::Password
        } else if user.token.is_some() {
            Self::Token
        } else if let Some(file) = &user.token_file {
            Self::TokenFile(file.into())
        } else if let Some(exec) = &user.exec {
            Self::Plugin {
                command: exec.command.clone().unwrap_or_default(),
                install_hint: exec.install_hint.clone(),
            }
        } else if user.client_certificate_data.is_some() {
            Self::Certificate(None)
        } else if let Some(file) = &user.client_certificate {
            Self::Certificate(Some(file.into()))
        } else {
            Self::Nobody
        }
    }
}

impl Login {
    /// From where they are got, after "get credentials".
    pub(super) fn giver(&self) -> String {
        match self {
            Self::Plugin { command, .. } => format!(" from the plugin {command}"),
            Self::Provider(name) => format!(" from the auth-provider {name}"),
            Self::TokenFile(path) => format!(" from {}", path.display()),
            _ => String::new(),
        }
    }
}

/// Lays the options over the kubeconfig's user.
pub(super) fn apply(user: &mut AuthInfo, options: &ConnectOptions) -> Result<(), ConnectError> {
    if let Some(token) = &options.token {
        // A client certificate would win over the token at the API server.
        *user = AuthInfo {
            token: Some(token.clone().into()),
            impersonate: user.impersonate.take(),
            impersonate_groups: user.impersonate_groups.take(),
            impersonate_uid: user.impersonate_uid.take(),
            impersonate_user_extra: user.impersonate_user_extra.take(),
            ..AuthInfo::default()
        };
    }
    trim_token_file(user);
    impersonate(user, options)?;
    match &mut user.exec {
        Some(exec) if !options.interactive => match exec.interactive_mode {
            Some(ExecInteractiveMode::Always) => Err(ConnectError::NotInteractive {
                command: exec.command.clone().unwrap_or_default(),
            }),
            _ => {
                exec.interactive_mode = Some(ExecInteractiveMode::Never);
                Ok(())
            }
        },
        _ => Ok(()),
    }
}

/// One by one, as kubectl does: `--as` alone keeps the kubeconfig's groups.
fn impersonate(user: &mut AuthInfo, options: &ConnectOptions) -> Result<(), ConnectError> {
    if let Some(name) = &options.as_user {
        user.impersonate = Some(name.clone());
    }
    if !options.as_groups.is_empty() {
        user.impersonate_groups = Some(options.as_groups.clone());
    }
    if let Some(uid) = &options.as_uid {
        user.impersonate_uid = Some(uid.clone());
    }
    let more = user.impersonate_groups.is_some() || user.impersonate_uid.is_some();
    match user.impersonate.is_none() && more {
        true => Err(ConnectError::ImpersonateWhom),
        false => Ok(()),
    }
}

/// kube sends a token file's text as it is, and most files end with a line
/// feed, which no header may hold. It reads the file anew every minute, which
/// is lost where it has to be helped. A file that is not there is its to name.
fn trim_token_file(user: &mut AuthInfo) {
    let Some(path) = &user.token_file else { return };
    let Ok(text) = std::fs::read_to_string(path) else {
        return;
    };
    // The file goes before the token, which was its content once.
    user.token = None;
    if text.trim() != text {
        user.token = Some(text.trim().to_owned().into());
    }
}
