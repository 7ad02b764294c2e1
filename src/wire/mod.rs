//! What the rooms that speak to a server have in common: how an exchange fails,
//! in words with nothing secret in them; the way through proxies; and what may
//! stand in a URL. This room speaks to nobody itself.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

mod cause;
mod lost;
pub mod proxy;

pub use cause::{Cause, Distrust, MAX_MESSAGE, chain, cut};
pub use lost::Lost;
pub use proxy::Proxies;

/// The certificates in a text of PEM.
///
/// # Errors
///
/// If it holds none, or one that is broken.
pub fn certificates(pem: &[u8]) -> Result<Vec<Vec<u8>>, Cause> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.unwrap_or_default();
    match found.is_empty() {
        true => Err(Cause::new("it holds no certificate in PEM")),
        false => Ok(found.into_iter().map(|one| one.to_vec()).collect()),
    }
}

/// Appends the text as it may stand in a segment of a path or in a query.
pub fn escape(text: &str, into: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                into.push(char::from(byte));
            }
            _ => into.push_str(&format!("%{byte:02X}")),
        }
    }
}
