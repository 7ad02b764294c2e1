//! Finding Zadig in the cluster, for who does not have its address at hand.
//!
//! The address comes from objects that others may have written, and an
//! administrator's token is to go there. So it goes only where a person said that
//! it may: to what the settings in a namespace that they named say, or to an
//! address that they were shown; and never without TLS, which an address that
//! somebody typed may do.

use crate::cli::settings::Settings;
use crate::cluster::Cluster;
use crate::error::{Exit, Failure};
use crate::helm::key::is_namespace;
use crate::zadig;

/// What `--zadig` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Aim {
    /// An address.
    At(String),
    /// Wherever it is, by the settings in that namespace, or in the one where it
    /// runs.
    Found(Option<String>),
}

/// The word for a Zadig that is to be found.
const WORD: &str = "auto";

/// Longer addresses are none.
const LONGEST: usize = 300;

/// So many namespaces are named.
const TOLD: usize = 5;

impl Aim {
    /// # Errors
    ///
    /// If what is to be its namespace can be none's name.
    pub(super) fn of(text: &str) -> Result<Self, Failure> {
        match text.split_once(':') {
            None if text == WORD => Ok(Self::Found(None)),
            Some((WORD, namespace)) if is_namespace(namespace) => {
                Ok(Self::Found(Some(namespace.to_owned())))
            }
            Some((WORD, namespace)) => {
                let message = format!("no namespace is called {namespace:?}");
                Err(Failure::new(Exit::Usage, message)
                    .hint("write --zadig=auto:NAMESPACE, or --zadig=auto, or the address"))
            }
            _ => Ok(Self::At(text.to_owned())),
        }
    }
}

/// The address that the cluster names and to which the token may go, which is
/// told; else why there is none.
pub(super) async fn find(
    settings: &Settings,
    cluster: &Cluster,
    named: Option<&str>,
) -> Result<String, String> {
    let namespace = match named {
        Some(namespace) => namespace.to_owned(),
        None => home(cluster).await?,
    };
    let whose = format!("ConfigMap aslan-config of namespace {namespace}");
    let address = match cluster.zadig_address(&namespace).await {
        Ok(Some(text)) => usable(&text).map_err(|why| format!("{whose} names {why}"))?,
        Ok(None) => {
            return Err(format!(
                "there is no {whose}, or it names no ADDRESS: give Zadig's with --zadig"
            ));
        }
        Err(error) => {
            return Err(format!(
                "{whose} could not be read, which takes get on it: {}",
                error.reason()
            ));
        }
    };
    let terminal = &settings.terminal;
    let allowed = named.is_some()
        || (terminal.interactive
            && terminal.confirm(&format!(
                "{whose} says that Zadig is at {address}. Send the API token there?"
            )));
    if !allowed {
        return Err(format!(
            "{whose} says that it is at {address}, and nobody said that the token may go there, as \
             --zadig={WORD}:{namespace} or the address does"
        ));
    }
    terminal.say(&format!(
        "Zadig is at {address}, as {whose} says; the API token is sent there"
    ));
    Ok(address)
}

/// The one namespace in which Zadig runs.
async fn home(cluster: &Cluster) -> Result<String, String> {
    let told = cluster.zadig_homes().await;
    if let Some(gap) = told.missing {
        return Err(format!(
            "where it runs could not be read, which takes list on deployments; --zadig={WORD}:NAMESPACE says \
             where: {}",
            gap.reason
        ));
    }
    match told.items.as_slice() {
        [one] => Ok(one.clone()),
        [] => {
            Err("no Deployment aslan is in this cluster: give its address with --zadig".to_owned())
        }
        many => Err(format!(
            "{} namespaces have a Deployment aslan, such as {}: --zadig={WORD}:NAMESPACE says which is meant",
            many.len(),
            many[..many.len().min(TOLD)].join(", ")
        )),
    }
}

/// The address as it can be used; else what is there instead. Zadig takes one
/// without its scheme, too.
fn usable(text: &str) -> Result<String, String> {
    let text = text.trim();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/[]%".contains(c);
    if text.is_empty() || text.len() > LONGEST || !text.chars().all(plain) {
        return Err("what is no address".to_owned());
    }
    match text.split_once("://") {
        None => parsed(format!("https://{text}")),
        Some(("https", _)) => parsed(text.to_owned()),
        Some(("http", _)) => Err(format!(
            "{text}, where whoever is in between could read the token: if it may go there all the same, give that \
             with --zadig"
        )),
        Some(_) => Err("what is no address of a web server".to_owned()),
    }
}

fn parsed(url: String) -> Result<String, String> {
    match zadig::address(&url) {
        Ok(_) => Ok(url),
        Err(_) => Err("what is no address".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_and_an_address_are_told_apart() {
        let found = |namespace: Option<&str>| Aim::Found(namespace.map(str::to_owned));
        let aim = |text: &str| Aim::of(text).map_err(|failure| failure.exit);
        assert_eq!(aim("auto"), Ok(found(None)));
        assert_eq!(aim("auto:zadig"), Ok(found(Some("zadig"))));
        for address in ["https://auto", "auto.example.com", "automatic", ""] {
            assert_eq!(aim(address), Ok(Aim::At(address.to_owned())));
        }
        for none in ["auto:", "auto:UPPER", "auto:a/..", "auto:-a"] {
            assert_eq!(aim(none), Err(Exit::Usage), "{none}");
        }
    }

    #[test]
    fn no_found_address_is_without_tls() {
        let https = |text: &str| usable(text).unwrap();
        assert_eq!(
            https(" https://zadig.corp:8443\n"),
            "https://zadig.corp:8443"
        );
        assert_eq!(https("zadig.corp"), "https://zadig.corp");
        assert_eq!(https("10.0.0.1:30080"), "https://10.0.0.1:30080");
        for bad in [
            "http://zadig.corp",
            "http://127.0.0.1",
            "HTTP://zadig.corp",
            "ftp://zadig.corp",
            "https://u:p@zadig.corp",
            "https://zadig.corp/?x",
            "https://a b",
            "https://",
            "https://[::1",
            "https://a:b",
            "https://:80",
            "https://a;reboot",
            "https://\u{1b}[2J",
            "",
        ] {
            assert!(usable(bad).is_err(), "{bad}");
        }
        assert!(usable(&"a".repeat(LONGEST + 1)).is_err());
    }
}
