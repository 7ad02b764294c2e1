//! An exchange that brought no answer.

use std::error::Error;
use std::io;

use super::cause::{Cause, Distrust, chain, tls_of};

/// How far an exchange got that brought no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lost {
    /// The server's certificate is not believed; nothing was sent.
    Untrusted {
        /// What is wrong with its certificate.
        why: Distrust,
        /// The same in full.
        cause: Cause,
    },
    /// The other side speaks no TLS, or wants something else of it; nothing was
    /// sent.
    NoTls(Cause),
    /// No connection came about in time; nothing was sent.
    Unanswered,
    /// No connection could be made; nothing was sent.
    Unreachable(Cause),
    /// No answer in time.
    Timeout,
    /// The connection broke while the request or its answer was under way.
    Broken(Cause),
}

impl Lost {
    /// From what the client reports.
    ///
    /// kube's errors repeat their sources in their text, so only the innermost
    /// text is kept.
    pub fn of(error: &(dyn Error + 'static)) -> Self {
        let (mut connect, mut timed_out, mut tls) = (false, false, None);
        for error in chain(error) {
            if let Some(e) = error.downcast_ref::<hyper_util::client::legacy::Error>() {
                connect |= e.is_connect();
            }
            if let Some(e) = error.downcast_ref::<io::Error>() {
                timed_out |= e.kind() == io::ErrorKind::TimedOut;
                tls = tls.or_else(|| tls_of(e));
            }
        }
        let cause = Cause::of(error);
        match (connect, tls, timed_out) {
            (true, Some(rustls::Error::InvalidCertificate(e)), _) => Self::Untrusted {
                why: Distrust::of(e),
                cause,
            },
            (true, Some(_), _) => Self::NoTls(cause),
            (true, None, true) => Self::Unanswered,
            (true, None, false) => Self::Unreachable(cause),
            (false, _, true) => Self::Timeout,
            (false, _, false) => Self::Broken(cause),
        }
    }
}
