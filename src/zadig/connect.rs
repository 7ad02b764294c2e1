//! From what the user said to a client.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64};
use std::time::Duration;

use http::{HeaderValue, Uri};
use kube::{Client, Config};

use super::{Inner, NEVER, Zadig};
use crate::wire::{self, Cause, Proxies};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// An API token. It is never shown, so it has neither `Debug` nor `Display`.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// From what a file, a variable or a person gave; blanks around it are left
    /// out. `None` if no header could carry it, or there is nothing.
    pub fn read(text: &str) -> Option<Self> {
        let token = text.trim();
        // Zadig takes exactly two words, of which the second is the token.
        let one = !token.is_empty() && !token.contains(char::is_whitespace);
        let carried = HeaderValue::from_str(token).is_ok();
        (one && carried).then(|| Self(token.to_owned()))
    }
}

/// How to reach a Zadig, and as whom.
pub struct ConnectOptions {
    /// Its address, as a browser has it.
    pub url: String,
    /// The API token of an administrator.
    pub token: Token,
    /// Whose certificates are believed instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// What the environment says of proxies.
    pub proxies: Proxies,
    /// How long one answer may take. Default: 60 s.
    pub request_timeout: Option<Duration>,
}

/// Why there is no connection to even try.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The address is none.
    #[error("read the address of Zadig")]
    Url(#[source] Cause),
    /// A proxy's address is none, or of a kind that is not spoken.
    #[error("read the proxy's URL")]
    Proxy(#[source] Cause),
    /// The certificate authority's certificate cannot be read.
    #[error("read the certificate authority {}", path.display())]
    Authority {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: Cause,
    },
    /// Something else.
    #[error("prepare the connection to Zadig")]
    Client(#[source] Cause),
}

impl Zadig {
    /// Prepares a connection; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// See [`ConnectError`]. Must be called within a tokio runtime.
    pub fn connect(options: ConnectOptions) -> Result<Self, ConnectError> {
        let url = address(&options.url)?;
        let server = url.to_string().trim_end_matches('/').to_owned();
        let answer_timeout = options.request_timeout.unwrap_or(ANSWER_TIMEOUT);
        let mut config = Config::new(url);
        config.proxy_url = options
            .proxies
            .to(&config.cluster_url)
            .map_err(ConnectError::Proxy)?;
        config.root_cert = options.ca_file.map(certificates).transpose()?;
        config.auth_info.token = Some(options.token.0.into());
        config.connect_timeout = Some(CONNECT_TIMEOUT.min(answer_timeout));
        config.read_timeout = Some(answer_timeout);
        config.write_timeout = Some(answer_timeout);
        config.reset_reader_on_write = true;
        config.default_retry = false;
        let client = Client::try_from(config).map_err(|e| ConnectError::Client(Cause::of(&e)))?;
        Ok(Self(Arc::new(Inner {
            client,
            server,
            answer_timeout,
            time: AtomicI64::new(NEVER),
            lost: AtomicBool::new(false),
        })))
    }
}

/// An address without credentials in it: they would end up in messages and
/// files, and Zadig takes none so.
///
/// # Errors
///
/// If it is no address alone.
pub fn address(text: &str) -> Result<Uri, ConnectError> {
    let refused = |why: &str| ConnectError::Url(Cause::new(why));
    let url: Uri = text.parse().map_err(|_| refused("it is no URL"))?;
    let authority = url.authority().map(|one| one.as_str()).unwrap_or_default();
    // What is no port would be passed over, and the token sent to another one.
    let behind = authority.strip_prefix(url.host().unwrap_or_default());
    let odd_port = behind.is_some_and(|port| !port.is_empty()) && url.port_u16().is_none();
    match url.scheme_str() {
        Some("http" | "https") if authority.contains('@') => {
            Err(refused("it holds credentials, which belong elsewhere"))
        }
        Some("http" | "https") if odd_port => Err(refused("its port is none")),
        Some("http" | "https") if url.query().is_some() => {
            Err(refused("it holds a query, and is to be the address alone"))
        }
        Some("http" | "https") if url.host().is_some_and(|host| !host.is_empty()) => Ok(url),
        _ => Err(refused("it does not begin with https:// and a host")),
    }
}

fn certificates(path: PathBuf) -> Result<Vec<Vec<u8>>, ConnectError> {
    let read = std::fs::read(&path).map_err(|e| Cause::of(&e));
    let found = read.and_then(|pem| wire::certificates(&pem));
    found.map_err(|cause| ConnectError::Authority { path, cause })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens() {
        let read = |text: &str| Token::read(text).map(|token| token.0);
        assert_eq!(read(" eyJ.a-b_c.d\n").as_deref(), Some("eyJ.a-b_c.d"));
        for none in ["", " \n", "two words", "a\nb", "a\u{7f}b", "ü\u{1}"] {
            assert_eq!(read(none), None, "{none:?}");
        }
    }

    #[test]
    fn addresses() {
        for good in [
            "https://zadig.corp",
            "http://10.0.0.1:30000",
            "https://corp/zadig/",
            "https://[::1]:8443",
        ] {
            assert!(address(good).is_ok(), "{good}");
        }
        for bad in [
            "zadig.corp",
            "ftp://zadig.corp",
            "https://",
            "https://u:hunter2@zadig.corp",
            "https://zadig.corp/?token=hunter2",
            "https://zadig.corp:99999",
            "http://[::1]:x",
            "https://zadig.corp:",
            "",
        ] {
            let error = address(bad).unwrap_err();
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }

    #[test]
    fn certificates_are_read_from_a_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = certificates(file.path().to_owned()).unwrap_err();
        assert!(
            error
                .to_string()
                .contains(&file.path().display().to_string())
        );
        std::fs::write(
            file.path(),
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        )
        .unwrap();
        assert_eq!(
            certificates(file.path().to_owned()),
            Ok(vec![vec![0, 0, 0]])
        );
    }
}
