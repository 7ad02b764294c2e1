//! The only room that speaks to Zadig: connect, probe, read.
//!
//! It asks with GET alone, so nothing of Zadig's is ever changed, and hands out
//! what was told as a value of `survey`. It judges nothing: what a list lacks is
//! told as such, and whether something is gone is for others to say. The
//! administrator's token goes to the one address that the user named, in a
//! header, and nowhere else: redirects are not followed.
//!
//! Which versions tell what, and how, is in `shapes` and `read`; it was learned
//! from Zadig's sources, tag by tag.

#![expect(
    clippy::disallowed_types,
    reason = "kube's client is this program's HTTP client: TLS, proxies and timeouts as for the API server"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "reads are retried after a pause; the certificate that an option names is opened"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;

mod connect;
mod detail;
mod error;
mod lists;
mod operations;
mod probe;
mod read;
mod request;
mod shapes;

pub use connect::{ConnectError, ConnectOptions, Token, address};
pub use error::ZadigError;
pub use read::Asked;

/// A Zadig. Cheap to clone.
#[derive(Clone)]
pub struct Zadig(Arc<Inner>);

struct Inner {
    client: kube::Client,
    /// For messages: without credentials.
    server: String,
    /// How long one answer may take as a whole.
    answer_timeout: Duration,
    /// Seconds, or [`NEVER`].
    time: AtomicI64,
    /// Whether it stopped answering: then nothing more is asked.
    lost: AtomicBool,
}

const NEVER: i64 = i64::MIN;

impl Zadig {
    /// Its address, for messages.
    pub fn server(&self) -> &str {
        &self.0.server
    }

    /// Its time at the first answer that told it.
    fn time(&self) -> Option<Timestamp> {
        match self.0.time.load(Ordering::Relaxed) {
            NEVER => None,
            seconds => Timestamp::from_second(seconds).ok(),
        }
    }

    fn is_lost(&self) -> bool {
        self.0.lost.load(Ordering::Relaxed)
    }
}
