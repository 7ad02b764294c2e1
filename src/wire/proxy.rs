//! The way to a server: directly or through a proxy, as Go decides it.
//!
//! kube 5.0 takes a proxy from `HTTPS_PROXY` and then compares `NO_PROXY` with
//! the proxy's own host, where kubectl and Helm compare the API server's
//! (`golang.org/x/net/http/httpproxy`), and refuses a `NO_PROXY` that ends with
//! a comma. Without this, a cluster that they reach directly would be sought
//! behind a proxy, or not at all.

use std::net::IpAddr;

use http::Uri;

use super::cause::Cause;

/// What the environment says of proxies.
#[derive(Clone, Default)]
pub struct Proxies {
    /// `HTTPS_PROXY`: the way to an `https://` server.
    pub https: Option<String>,
    /// `HTTP_PROXY`: the same to an `http://` server.
    pub http: Option<String>,
    /// `NO_PROXY`: hosts for which no proxy is used.
    pub none: Option<String>,
}

impl Proxies {
    /// The proxy on the way to that server.
    ///
    /// # Errors
    ///
    /// If its URL is none, or of a kind that is not spoken.
    pub fn to(&self, server: &Uri) -> Result<Option<Uri>, Cause> {
        let (proxy, default_port) = match server.scheme_str() {
            Some("http") => (&self.http, 80),
            _ => (&self.https, 443),
        };
        let port = server.port_u16().unwrap_or(default_port);
        let none = self.none.as_deref().unwrap_or_default();
        match proxy {
            Some(proxy) if !bypassed(server.host().unwrap_or_default(), port, none) => {
                url(proxy).map(Some)
            }
            _ => Ok(None),
        }
    }
}

/// A proxy's URL. Its text is not quoted: there may be a password in it.
///
/// # Errors
///
/// If it is none, or of a kind that is not spoken.
pub fn url(text: &str) -> Result<Uri, Cause> {
    let text = match text.contains("://") {
        true => text.to_owned(),
        false => format!("http://{text}"),
    };
    let url: Uri = text.parse().map_err(|e| Cause::of(&e))?;
    match url.scheme_str() {
        Some("http" | "https" | "socks5") => Ok(url),
        _ => {
            let cause = "it begins neither with http://, https:// nor socks5://";
            Err(Cause::new(cause))
        }
    }
}

/// Whether the server at this host and port is reached without a proxy.
fn bypassed(host: &str, port: u16, no_proxy: &str) -> bool {
    let host = host.trim_matches(['[', ']']).to_ascii_lowercase();
    let address: Option<IpAddr> = host.parse().ok();
    if host == "localhost" || address.is_some_and(|ip| ip.is_loopback()) {
        return true;
    }
    no_proxy
        .split(',')
        .map(|entry| entry.trim().to_ascii_lowercase())
        .any(|entry| matches(&entry, &host, address, port))
}

fn matches(entry: &str, host: &str, address: Option<IpAddr>, port: u16) -> bool {
    if entry == "*" {
        return true;
    }
    if let Some((network, bits)) = entry.split_once('/') {
        return match (network.parse(), bits.parse(), address) {
            (Ok(network), Ok(bits), Some(address)) => in_network(address, network, bits),
            _ => false,
        };
    }
    if let Ok(ip) = entry.trim_matches(['[', ']']).parse::<IpAddr>() {
        return address == Some(ip);
    }
    let (name, only) = match entry.rsplit_once(':') {
        Some((name, only)) => (name, Some(only)),
        None => (entry, None),
    };
    if only.is_some_and(|only| only.parse() != Ok(port)) {
        return false;
    }
    let name = name.trim_matches(['[', ']']);
    if let (Ok(ip), Some(address)) = (name.parse::<IpAddr>(), address) {
        return ip == address;
    }
    // `.example.com` and `*.example.com` mean what is below; `example.com`
    // means itself too.
    let name = name.strip_prefix('*').unwrap_or(name);
    match name.strip_prefix('.') {
        Some("") => false,
        Some(_) => host.ends_with(name),
        None if name.is_empty() => false,
        None => host == name || host.ends_with(&format!(".{name}")),
    }
}

fn in_network(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    let (address, network, width) = match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(n)) => (a.to_bits().into(), n.to_bits().into(), 32),
        (IpAddr::V6(a), IpAddr::V6(n)) => (a.to_bits(), n.to_bits(), 128),
        _ => return false,
    };
    let differing: u128 = address ^ network;
    bits <= width && differing.checked_shr(width - bits).unwrap_or(0) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_go_reads_it() {
        let list = "10.0.0.0/8, .cluster.local,*.corp,example.com:6443,192.0.2.7,fd00::/8";
        for (host, port, expected) in [
            ("10.1.2.3", 443, true),
            ("11.1.2.3", 443, false),
            ("api.cluster.local", 443, true),
            ("cluster.local", 443, false),
            ("k8s.corp", 443, true),
            ("example.com", 6443, true),
            ("api.example.com", 6443, true),
            ("example.com", 443, false),
            ("notexample.com", 6443, false),
            ("192.0.2.7", 443, true),
            ("192.0.2.70", 443, false),
            ("[fd00::1]", 443, true),
            ("[fe80::1]", 443, false),
            ("EXAMPLE.com", 6443, true),
            ("localhost", 443, true),
            ("127.0.0.1", 443, true),
            ("[::1]", 443, true),
        ] {
            assert_eq!(bypassed(host, port, list), expected, "{host}:{port}");
        }
        assert!(bypassed("example.com", 443, "*"));
        assert!(bypassed("10.0.0.1", 443, "0.0.0.0/0"));
        assert!(!bypassed("example.com", 443, ""));
        assert!(!bypassed("example.com", 443, ".,,/,a/b,10.0.0.0/99"));
    }
}
