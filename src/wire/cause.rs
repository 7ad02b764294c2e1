//! Why an exchange failed: what other libraries say, with nothing secret in it.

use std::error::Error;
use std::io;

use rustls::CertificateError;

/// A server's own words, or a cause's; longer ones are cut.
pub const MAX_MESSAGE: usize = 600;

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
    /// By what TLS says of the certificate.
    pub fn of(error: &CertificateError) -> Self {
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
    pub fn new(words: impl Into<String>) -> Self {
        Self(words.into())
    }

    /// The innermost error's text.
    pub fn of(error: &(dyn Error + 'static)) -> Self {
        let inner = chain(error).last().unwrap_or(error);
        Self(cut(&inner.to_string()))
    }
}

/// What TLS says: an `io::Error` does not name the error it wraps as its source.
pub(super) fn tls_of(error: &io::Error) -> Option<&rustls::Error> {
    let inner = error.get_ref()?;
    match inner.downcast_ref::<io::Error>() {
        Some(inner) => tls_of(inner),
        None => inner.downcast_ref(),
    }
}

/// An error and its sources, outermost first; bounded against loops.
pub fn chain<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> + 'a {
    std::iter::successors(Some(error), |&error: &&'a (dyn Error + 'static)| {
        error.source()
    })
    .take(16)
}

/// The message, or its beginning.
pub fn cut(message: &str) -> String {
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
}
