//! Asking Zadig, for the verbs that compare with it.

use std::error::Error;

use tokio::sync::OnceCell;

use self::found::Aim;
use super::args::{Writing, ZadigArgs};
use super::settings::{Settings, to_std};
use super::{connect, files};
use crate::cluster::Cluster;
use crate::diagnose::Policy;
use crate::diagnose::claims::Claims;
use crate::diagnose::zadig::labeled_project;
use crate::error::{Exit, Failure};
use crate::plan::Plan;
use crate::store::Store;
use crate::survey::{SeenZadig, Survey};
use crate::zadig::{Asked, ConnectError, ConnectOptions, Token, Zadig};

mod found;

/// The Zadig that was asked for. It may still have to be found.
pub(super) struct Wanted {
    args: ZadigArgs,
    aim: Aim,
    /// Once it is known where it is, or why it is not.
    reached: OnceCell<Result<Zadig, String>>,
    /// Where nobody can be asked, it was read at once: a pipe gives it only once.
    token: Option<Token>,
}

/// The Zadig that was asked for, not yet spoken to; `None` if none was.
pub(super) fn connect(settings: &Settings, args: &ZadigArgs) -> Result<Option<Wanted>, Failure> {
    let Some(text) = &args.zadig else {
        return Ok(None);
    };
    let aim = Aim::of(text)?;
    let (reached, token) = match &aim {
        Aim::At(url) => {
            let token = token(settings, args)?;
            (Some(Ok(at(settings, args, url.clone(), token)?)), None)
        }
        // What cannot be asked for later is missed now.
        Aim::Found(_) if !settings.terminal.interactive => (None, Some(token(settings, args)?)),
        Aim::Found(_) => (None, None),
    };
    Ok(Some(Wanted {
        args: args.clone(),
        aim,
        reached: OnceCell::new_with(reached),
        token,
    }))
}

impl Wanted {
    /// Finds it, if that is still to be done; once.
    async fn reach(
        &self,
        settings: &Settings,
        cluster: &Cluster,
    ) -> Result<&Result<Zadig, String>, Failure> {
        let find = async || {
            let named = match &self.aim {
                Aim::Found(named) => named.as_deref(),
                Aim::At(_) => None,
            };
            match found::find(settings, cluster, named).await {
                Ok(url) => {
                    let known = self.token.clone();
                    let token = known.map_or_else(|| token(settings, &self.args), Ok)?;
                    at(settings, &self.args, url, token).map(Ok)
                }
                Err(why) => Ok(Err(format!("Zadig was not asked: {why}"))),
            }
        };
        self.reached.get_or_try_init(find).await
    }
}

/// The Zadig at that address.
fn at(settings: &Settings, args: &ZadigArgs, url: String, token: Token) -> Result<Zadig, Failure> {
    if url.starts_with("http://") && !is_own_machine(&url) {
        let text = "Zadig is reached without TLS: whoever is in between can read the token";
        settings.terminal.say(text);
    }
    let options = ConnectOptions {
        url,
        token,
        ca_file: args.zadig_ca.clone(),
        proxies: settings.proxies(),
        request_timeout: settings.request_timeout().map(to_std),
    };
    Zadig::connect(options).map_err(|error| unconnected(&error))
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
    zadig: &Wanted,
    (cluster, given): (&Cluster, Option<String>),
    store: Option<&Store>,
    survey: &mut Survey,
) -> Result<(), Failure> {
    let reached = zadig.reach(settings, cluster).await?;
    let progress = settings.terminal.progress("reading Zadig");
    let asked = Asked {
        namespace: survey.scope.namespace.clone(),
        projects: labeled(survey),
        place: cluster.zadig_place(given).await,
    };
    let mut seen = match reached {
        Ok(zadig) => zadig.read(&asked).await,
        Err(why) => SeenZadig {
            failed: Some(why.clone()),
            place: asked.place,
            ..SeenZadig::default()
        },
    };
    drop(progress);
    if let (Some(store), Some(uid)) = (store, &survey.cluster) {
        // Without an earlier read nothing is called gone, and that is said.
        seen.earlier = store.zadig_reads(uid, &seen.server).unwrap_or_default();
    }
    survey.zadig = Some(seen);
    Ok(())
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

/// Zadig beside a verb that writes: nothing is written where it is at work.
pub(super) struct Watch {
    zadig: Option<Wanted>,
    given: Option<String>,
    policy: Policy,
}

/// A plan that Zadig does not stand in the way of.
pub(super) struct Held {
    pub(super) plan: Plan,
    /// What to press in Zadig when it is done.
    press: Vec<String>,
}

impl Watch {
    /// Over the Zadig that was asked for, if one was.
    pub(super) fn over(
        settings: &Settings,
        args: &ZadigArgs,
        policy: Policy,
    ) -> Result<Self, Failure> {
        Ok(Self {
            zadig: connect(settings, args)?,
            given: args.zadig_cluster.clone(),
            policy,
        })
    }

    /// Refuses what is in environments that Zadig is at work on. Where that
    /// cannot be known, nothing is done.
    pub(super) async fn hold(
        &self,
        settings: &Settings,
        cluster: &Cluster,
        seen: &Survey,
        plan: Plan,
    ) -> Result<Held, Failure> {
        let zadig = self.zadig.as_ref().filter(|_| !plan.steps.is_empty());
        let Some(zadig) = zadig else {
            let press = Vec::new();
            return Ok(Held { plan, press });
        };
        let mut survey = Survey {
            cluster: seen.cluster.clone(),
            time: seen.time,
            scope: seen.scope.clone(),
            ..Survey::default()
        };
        let here = (cluster, self.given.clone());
        ask(settings, zadig, here, None, &mut survey).await?;
        if let Some(why) = survey.zadig.as_ref().and_then(|seen| seen.doubt()) {
            let message = format!("whether Zadig is at work there cannot be known: {why}");
            let hint =
                "nothing was changed; without --zadig and ZADIG_URL only the cluster is looked at";
            return Err(Failure::new(Exit::Unreachable, message).hint(hint));
        }
        let Some(claims) = Claims::of(&survey) else {
            let press = Vec::new();
            return Ok(Held { plan, press });
        };
        let plan = plan.without(|namespace| claims.against_writing(namespace, &self.policy));
        let releases = plan.releases().into_iter();
        let press = releases.flat_map(|(namespace, release)| claims.to_press(namespace, release));
        let press = press.collect();
        Ok(Held { plan, press })
    }
}

impl Held {
    /// Says what is left to do in Zadig, after all was done here.
    pub(super) fn say(&self, settings: &Settings, exit: Exit, writing: &Writing) {
        if exit == Exit::Done && !writing.dry_run {
            self.press
                .iter()
                .for_each(|text| settings.terminal.say(text));
        }
    }
}
