//! Asking Zadig, for the verbs that compare with it.

use std::error::Error;

use super::args::ZadigArgs;
use super::settings::{Settings, to_std};
use super::{connect, files};
use crate::cluster::Cluster;
use crate::diagnose::claims::Claims;
use crate::diagnose::zadig::labeled_project;
use crate::error::{Exit, Failure};
use crate::store::Store;
use crate::survey::Survey;
use crate::zadig::{Asked, ConnectError, ConnectOptions, Token, Zadig};

/// The Zadig that was asked for, not yet spoken to; `None` if none was.
pub(super) fn connect(settings: &Settings, args: &ZadigArgs) -> Result<Option<Zadig>, Failure> {
    let Some(url) = args.zadig.clone() else {
        return Ok(None);
    };
    if url.starts_with("http://") && !is_own_machine(&url) {
        let text = "Zadig is reached without TLS: whoever is in between can read the token";
        settings.terminal.say(text);
    }
    let options = ConnectOptions {
        url,
        token: token(settings, args)?,
        ca_file: args.zadig_ca.clone(),
        proxies: settings.proxies(),
        request_timeout: settings.request_timeout().map(to_std),
    };
    Zadig::connect(options)
        .map(Some)
        .map_err(|error| unconnected(&error))
}

fn is_own_machine(url: &str) -> bool {
    let rest = url.trim_start_matches("http://");
    ["127.0.0.1", "localhost", "[::1]"].iter().any(|host| {
        rest.strip_prefix(host)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
    })
}

/// From a file, else from the environment, else typed.
fn token(settings: &Settings, args: &ZadigArgs) -> Result<Token, Failure> {
    let (text, from) = match (&args.zadig_token_file, settings.zadig_token()) {
        (Some(file), _) => (files::secret(file)?, file.display().to_string()),
        (None, Some(token)) => (token, "ZADIG_TOKEN".to_owned()),
        (None, None) if settings.terminal.interactive => {
            let typed = settings.terminal.secret("API token of Zadig");
            (typed.unwrap_or_default(), "what was typed".to_owned())
        }
        (None, None) => {
            let message = "Zadig takes an API token, and none was given";
            return Err(Failure::new(Exit::Usage, message).hint(TO_GET));
        }
    };
    Token::read(&text).ok_or_else(|| {
        Failure::new(Exit::Usage, format!("there is no API token in {from}")).hint(TO_GET)
    })
}

const TO_GET: &str = "an administrator finds it in Zadig under account settings, API Token; set ZADIG_TOKEN, or give \
                      --zadig-token-file FILE";

fn unconnected(error: &ConnectError) -> Failure {
    let hint = match error {
        ConnectError::Url(_) => "write it as https://HOST, as your browser has it",
        ConnectError::Proxy(_) => "look at the variables HTTPS_PROXY and HTTP_PROXY",
        ConnectError::Authority { .. } => "give the right file with --zadig-ca",
        ConnectError::Client(_) => "is --zadig the address of Zadig?",
    };
    let failure = Failure::new(Exit::Usage, format!("failed to {error}"));
    let source = error.source().map(|cause| cause.to_string().into());
    Failure { source, ..failure }.hint(hint)
}

/// Asks Zadig, and adds what it told, and what it told earlier.
pub(super) async fn ask(
    settings: &Settings,
    zadig: &Zadig,
    (cluster, given): (&Cluster, Option<String>),
    store: Option<&Store>,
    survey: &mut Survey,
) {
    let progress = settings.terminal.progress("reading Zadig");
    let asked = Asked {
        namespace: survey.scope.namespace.clone(),
        projects: labeled(survey),
        place: cluster.zadig_place(given).await,
    };
    let mut seen = zadig.read(&asked).await;
    drop(progress);
    if let (Some(store), Some(uid)) = (store, &survey.cluster) {
        // Without an earlier read nothing is called gone, and that is said.
        seen.earlier = store.zadig_reads(uid, zadig.server()).unwrap_or_default();
    }
    survey.zadig = Some(seen);
}

/// The projects that namespaces name.
fn labeled(survey: &Survey) -> std::collections::BTreeSet<String> {
    let names = survey.namespaces.iter().map(|seen| seen.name.as_str());
    names
        .filter_map(|name| labeled_project(survey, name))
        .map(str::to_owned)
        .collect()
}

/// Keeps what this read knew, if it was whole, for the next to agree with.
pub(super) fn keep(settings: &Settings, store: Option<&Store>, survey: &Survey) {
    let kept = Claims::of(survey).and_then(|claims| claims.to_keep());
    let (Some(reads), Some(zadig), Some(uid)) = (kept, &survey.zadig, &survey.cluster) else {
        return;
    };
    let done = match store {
        Some(store) => store.keep_zadig_reads(uid, &zadig.server, &reads),
        None => return,
    };
    if let Err(error) = done {
        let text = format!("what Zadig told could not be kept for the next check: {error}");
        settings.terminal.say(&text);
    }
}

/// The store for earlier reads. Where there can be none, the check goes on.
pub(super) fn store(settings: &Settings) -> Option<Store> {
    match connect::store(settings) {
        Ok(store) => Some(store),
        Err(failure) => {
            let text = format!("what Zadig told cannot be kept for the next check: {failure}");
            settings.terminal.say(&text);
            None
        }
    }
}
