//! Finding records: by type and by label, metadata only.
//!
//! Each selection alone misses some: a record without labels still makes
//! `helm upgrade` answer `release: already exists`, and Helm itself selects by
//! label whatever the type. ConfigMaps have no type to select by, so a
//! ConfigMap record that lost its labels is not found.
//!
//! Lists that run side by side are of different moments. Labels come and go, but
//! the type of a Secret never changes (`ValidateSecretUpdate` in Kubernetes), so
//! it is by type that one list is of what the other leaves out.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use futures::future::join_all;
use futures::{StreamExt, TryStreamExt, stream};
use tokio::sync::Semaphore;

use super::Cluster;
use super::error::ApiError;
use super::listing::Selection;
use super::url::Url;
use crate::helm::{Digest, Driver, OWNER_SELECTOR, SECRET_TYPE};
use crate::survey::{Record, Scope, Survey, Unread};

/// Lists of metadata under way at a time. Of all releases only one is long, and
/// each more would cost a connection: both sides more than a short list takes.
const LISTS_AT_ONCE: usize = 2;

/// How the API server calls those whom it does not know.
const ANONYMOUS: &str = r#"User "system:anonymous""#;

/// Longer selectors do not fit into a URL that proxies take; releases are then
/// picked out here.
pub(super) const MAX_SELECTOR: usize = 2000;

/// How an identity begins that is no more than where the cluster was found.
const ADDRESS: &str = "the API server at ";

/// Whether an identity names a cluster, wherever it was found.
pub fn is_name(identity: &str) -> bool {
    !identity.starts_with(ADDRESS)
}

impl Cluster {
    /// Looks at the cluster: all records in scope with their payloads unread,
    /// the cluster's identity, the server's time, and what could not be read.
    ///
    /// # Errors
    ///
    /// Only if the API server cannot be spoken to at all; see
    /// [`ApiError::is_total`].
    pub async fn survey(&self, scope: &Scope) -> Result<Survey, ApiError> {
        let mut survey = self.open_survey(scope).await?;
        self.list_records(&mut survey).await;
        Ok(survey)
    }

    /// A survey that says where and when, and holds nothing yet.
    pub(super) async fn open_survey(&self, scope: &Scope) -> Result<Survey, ApiError> {
        Ok(Survey {
            cluster: Some(self.identity().await?),
            time: self.server_time(),
            scope: scope.clone(),
            ..Survey::default()
        })
    }

    /// Fills a survey with all records in its scope.
    pub(super) async fn list_records(&self, survey: &mut Survey) {
        let records = &mut survey.records;
        let looked = self
            .records(&survey.scope, |record| records.push(record))
            .await;
        survey.version = looked.version;
        survey.unread = looked.unread;
        newest_of_each(&mut survey.records);
        survey.unread.sort_unstable();
    }

    /// What names the cluster: the uid of namespace `kube-system`, or where that
    /// may not be read, the API server's address.
    ///
    /// # Errors
    ///
    /// Only those of [`ApiError::is_total`] and a time out.
    pub async fn identity(&self) -> Result<String, ApiError> {
        let url = Url::group_version("v1")?.join("namespaces")?;
        let address = || format!("{ADDRESS}{}", self.server());
        match self.get(&url.join("kube-system")?).await {
            Ok(namespace) => {
                let uid = namespace["metadata"]["uid"].as_str();
                Ok(uid.map_or_else(address, str::to_owned))
            }
            // Whatever we sent did not even count as a login.
            Err(ApiError::Forbidden { message }) if message.contains(ANONYMOUS) => {
                let login = self.0.login.clone();
                Err(ApiError::Unauthorized { message, login })
            }
            Err(ApiError::Forbidden { .. }) => Ok(address()),
            Err(ApiError::NotFound) => self.is_kubernetes().await.map(|()| address()),
            Err(error) => Err(error),
        }
    }

    /// A web server finds no namespaces either, and then nothing at all.
    async fn is_kubernetes(&self) -> Result<(), ApiError> {
        let version = self.get(&Url::version()).await;
        match version.is_ok_and(|version| version["gitVersion"].is_string()) {
            true => Ok(()),
            false => Err(ApiError::Garbled {
                what: "it is not Kubernetes",
            }),
        }
    }

    /// Whether that namespace exists; `None` if it may not be read.
    ///
    /// # Errors
    ///
    /// Of the request.
    pub async fn has_namespace(&self, name: &str) -> Result<Option<bool>, ApiError> {
        let url = Url::group_version("v1")?.join("namespaces")?;
        let url = match url.join(name) {
            Ok(url) => url,
            Err(_) => return Ok(Some(false)),
        };
        match self.get(&url).await {
            Ok(_) => Ok(Some(true)),
            Err(ApiError::NotFound) => Ok(Some(false)),
            Err(ApiError::Forbidden { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Hands every record in scope to `sink` as it arrives, in no order, payloads
    /// unread. One that changes meanwhile may come in both states.
    ///
    /// With a label selector or named releases, all records of the releases
    /// found are handed out, also those that lost the labels: a history with
    /// holes would be judged wrongly.
    pub async fn records(&self, scope: &Scope, sink: impl FnMut(Record) + Send) -> Looked {
        let lists = Lists {
            scope,
            sink: Mutex::new(sink),
            turns: Semaphore::new(LISTS_AT_ONCE),
        };
        let asked = |driver: &Driver| scope.driver.is_none_or(|asked| asked == *driver);
        let drivers = Driver::ALL.into_iter().filter(asked);
        let listed = join_all(drivers.map(|driver| self.records_of(driver, &lists)));
        let mut looked = Looked::default();
        for mut of_driver in listed.await {
            looked.version = looked.version.or(of_driver.version);
            looked.unread.append(&mut of_driver.unread);
        }
        looked
    }

    async fn records_of<S>(&self, driver: Driver, lists: &Lists<'_, S>) -> Looked
    where
        S: FnMut(Record) + Send,
    {
        let mut looked = Looked::default();
        match self.select_all(driver, lists).await {
            Ok(version) => looked.version = version,
            Err(error) => {
                let namespace = lists.scope.namespace.as_deref();
                let unread = Unread::listing(driver, namespace, error.reason());
                looked.unread.push(unread);
            }
        }
        looked
    }

    /// Lists all selections of a driver; returns the newest state that a list is of.
    async fn select_all<S>(
        &self,
        driver: Driver,
        lists: &Lists<'_, S>,
    ) -> Result<Option<u64>, ApiError>
    where
        S: FnMut(Record) + Send,
    {
        let found = &Mutex::new(Found::new(lists.scope));
        let selections = selections(lists.scope, driver);
        // Of a selector of the user's own, the first list tells the others what it means.
        let at_once = match own_selector(lists.scope) {
            Some(_) => 1,
            None => selections.len(),
        };
        let selected = stream::iter(selections)
            .map(async |(first, selection)| self.select(selection, first, found, lists).await);
        let versions: Vec<_> = selected.buffered(at_once).try_collect().await?;
        Ok(versions.into_iter().flatten().max())
    }

    /// Lists a selection; returns of which state of the cluster it is.
    async fn select<S>(
        &self,
        selection: Selection,
        first: bool,
        found: &Mutex<Found<'_>>,
        lists: &Lists<'_, S>,
    ) -> Result<Option<u64>, ApiError>
    where
        S: FnMut(Record) + Send,
    {
        let driver = selection.driver;
        let _turn = lists.turns.acquire().await;
        let mut listing = self.list(selection);
        while let Some(item) = listing.next().await? {
            let record = item.record(driver)?;
            let takes = |found: &mut Found<'_>| found.takes(&record, first);
            if locked(found, takes) {
                locked(&lists.sink, |sink| sink(record));
            }
        }
        Ok(listing.version())
    }
}

/// The lists of one look, and where what they bring goes.
struct Lists<'a, S> {
    scope: &'a Scope,
    sink: Mutex<S>,
    turns: Semaphore,
}

/// Sorts records, and of one that came in several states keeps the newest: it was
/// made anew under its name, or a list began anew.
fn newest_of_each(records: &mut Vec<Record>) {
    // Both are numbers, and one with more digits is larger.
    fn version(record: &Record) -> (usize, &str) {
        (record.resource_version.len(), &record.resource_version)
    }
    records.sort_unstable_by(|a, b| a.id.cmp(&b.id).then_with(|| version(b).cmp(&version(a))));
    records.dedup_by(|older, newest| older.id == newest.id);
}

/// Lists come in side by side, one task's: nobody waits here.
fn locked<T, R>(shared: &Mutex<T>, work: impl FnOnce(&mut T) -> R) -> R {
    work(&mut shared.lock().unwrap_or_else(PoisonError::into_inner))
}

/// What came of listing records.
#[derive(Clone, Debug, Default)]
pub struct Looked {
    /// The newest `resourceVersion` of the first driver's lists.
    pub version: Option<u64>,
    /// What could not be read.
    pub unread: Vec<Unread>,
}

/// The selections of a driver, and whether each is the first: that one says
/// which releases the user's own selector means, the others bring what else
/// these releases have.
fn selections(scope: &Scope, driver: Driver) -> Vec<(bool, Selection)> {
    let select = |labels: Option<String>, fields: Option<String>| Selection {
        driver,
        namespace: scope.namespace.clone(),
        labels,
        fields,
        whole: false,
        at_least: None,
    };
    let of_type = |is: &str| Some(format!("type{is}{SECRET_TYPE}"));
    let labeled = || Some(OWNER_SELECTOR.to_owned());
    if driver == Driver::Secret && !is_narrow(scope) {
        let all = [select(None, of_type("=")), select(labeled(), of_type("!="))];
        return all.map(|one| (false, one)).into();
    }
    let mut all = vec![(true, select(Some(labels(scope, OWNER_SELECTOR)), None))];
    if own_selector(scope).is_some() {
        all.push((false, select(labeled(), None)));
    }
    if driver == Driver::Secret {
        all.push((false, select(None, of_type("="))));
    }
    all
}

/// Whether it means some releases alone.
fn is_narrow(scope: &Scope) -> bool {
    scope.selector.is_some() || !scope.releases.is_empty()
}

/// The user's own label selector.
fn own_selector(scope: &Scope) -> Option<&str> {
    scope.selector.as_deref().filter(|own| !own.is_empty())
}

/// Helm's label, the user's selector, and the releases by name where that is
/// possible.
pub(super) fn labels(scope: &Scope, first: &str) -> String {
    let mut selector = first.to_owned();
    if let Some(own) = own_selector(scope) {
        selector.push(',');
        selector.push_str(own);
    }
    let plain = |name: &String| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        let ends = |end: Option<u8>| end.is_some_and(|b| b.is_ascii_alphanumeric());
        let framed = ends(name.bytes().next()) && ends(name.bytes().last());
        framed && name.len() <= 63 && name.bytes().all(plain)
    };
    let names = scope.releases.join(",");
    let fits = selector.len() + names.len() < MAX_SELECTOR;
    if !scope.releases.is_empty() && scope.releases.iter().all(plain) && fits {
        selector.push_str(&format!(",name in ({names})"));
    }
    selector
}

/// What one driver's selections brought so far.
struct Found<'a> {
    scope: &'a Scope,
    /// In which states records came. Digests are short, and all of one length.
    states: HashSet<Digest>,
    /// Storage namespace and name of the releases that the label selection
    /// brought.
    releases: HashSet<(String, String)>,
}

impl<'a> Found<'a> {
    fn new(scope: &'a Scope) -> Self {
        Self {
            scope,
            states: HashSet::new(),
            releases: HashSet::new(),
        }
    }

    /// Whether this record is in scope and new.
    fn takes(&mut self, record: &Record, first: bool) -> bool {
        if is_narrow(self.scope) && !self.means(record, first) {
            return false;
        }
        let state = [&record.uid, "/", &record.resource_version].concat();
        self.states.insert(Digest::of(state.as_bytes()))
    }

    /// Whether it belongs to one of the releases that are meant.
    fn means(&mut self, record: &Record, first: bool) -> bool {
        let key = record.id.key().map(|key| key.release);
        let label = record.label("name").map(str::to_owned);
        let names = [key, label];
        let named = |name: &Option<String>| {
            name.as_ref()
                .is_some_and(|name| self.scope.releases.contains(name))
        };
        if !self.scope.releases.is_empty() && !names.iter().any(named) {
            return false;
        }
        let of = |name: String| (record.id.namespace.clone(), name);
        let mut releases = names.into_iter().flatten().map(of);
        if first {
            self.releases.extend(releases);
            return true;
        }
        own_selector(self.scope).is_none()
            || releases.any(|release| self.releases.contains(&release))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::item::from_json;
    use super::*;

    fn record(uid: &str, key: &str, label: Option<&str>) -> Record {
        let labels = label.map_or(json!({}), |name| json!({"name": name}));
        from_json(
            &json!({"namespace": "shop", "uid": uid, "name": key, "labels": labels}),
            Driver::Secret,
        )
    }

    fn scope(selector: Option<&str>, releases: &[&str]) -> Scope {
        Scope {
            namespace: None,
            selector: selector.map(str::to_owned),
            releases: releases.iter().map(|&name| name.to_owned()).collect(),
            driver: None,
        }
    }

    const WEB_1: &str = "sh.helm.release.v1.web.v1";
    const WEB_2: &str = "sh.helm.release.v1.web.v2";

    #[test]
    fn each_record_comes_once() {
        let scope = scope(None, &[]);
        let mut found = Found::new(&scope);
        assert!(found.takes(&record("1", WEB_1, Some("web")), true));
        assert!(!found.takes(&record("1", WEB_1, Some("web")), false));
        assert!(found.takes(&record("2", "odd", None), false));
    }

    #[test]
    fn named_releases_are_found_by_label_or_key() {
        let scope = scope(None, &["web"]);
        let mut found = Found::new(&scope);
        assert!(found.takes(&record("1", WEB_1, None), false));
        assert!(found.takes(&record("2", "odd", Some("web")), true));
        assert!(!found.takes(&record("3", "sh.helm.release.v1.webs.v1", None), false));
        assert!(!found.takes(&record("4", "odd", None), false));
    }

    #[test]
    fn a_selector_means_whole_releases() {
        let scope = scope(Some("team=a"), &[]);
        let mut found = Found::new(&scope);
        assert!(found.takes(&record("1", WEB_1, Some("web")), true));
        assert!(found.takes(&record("2", WEB_2, None), false));
        assert!(!found.takes(&record("3", "sh.helm.release.v1.db.v1", None), false));
    }

    #[test]
    fn of_a_record_in_several_states_the_newest_stays() {
        let state = |uid: &str, name: &str, version: &str| Record {
            resource_version: version.to_owned(),
            ..record(uid, name, None)
        };
        let scope = scope(None, &[]);
        let mut found = Found::new(&scope);
        let mut records = vec![
            state("1", WEB_1, "9"),
            state("2", WEB_1, "12"),
            state("3", WEB_2, "14"),
            state("3", WEB_2, "13"),
        ];
        assert!(records.iter().all(|record| found.takes(record, false)));
        newest_of_each(&mut records);
        let left = records
            .iter()
            .map(|one| (&*one.uid, &*one.resource_version));
        assert_eq!(left.collect::<Vec<_>>(), [("2", "12"), ("3", "14")]);
    }

    #[test]
    fn selectors() {
        assert_eq!(labels(&scope(None, &[]), OWNER_SELECTOR), "owner=helm");
        assert_eq!(
            labels(&scope(Some("team=a"), &["web", "db"]), OWNER_SELECTOR),
            "owner=helm,team=a,name in (web,db)"
        );
        // What is no label value would make the whole list invalid.
        for bad in ["a)", "-a", "a.", ""] {
            assert_eq!(labels(&scope(None, &[bad]), OWNER_SELECTOR), "owner=helm");
        }
        let many: Vec<String> = (0..1000).map(|i| format!("release-{i}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(labels(&scope(None, &many), OWNER_SELECTOR), "owner=helm");
    }

    #[test]
    fn secrets_are_looked_for_by_type_and_by_label() {
        let told = |scope: &Scope, driver| {
            let all = selections(scope, driver).into_iter();
            let told = all.map(|(_, one)| (one.labels, one.fields));
            told.collect::<Vec<_>>()
        };
        let some = |text: &str| Some(text.to_owned());
        let all = scope(None, &[]);
        // The second is the exact rest of the first, whatever becomes of labels.
        let typed = (None, some("type=helm.sh/release.v1"));
        let rest = (some("owner=helm"), some("type!=helm.sh/release.v1"));
        assert_eq!(told(&all, Driver::Secret), [typed.clone(), rest]);
        let labeled = (some("owner=helm"), None);
        assert_eq!(told(&all, Driver::ConfigMap), [labeled]);
        // A name cannot be selected by type, so all are looked through.
        let named = (some("owner=helm,name in (web)"), None);
        assert_eq!(told(&scope(None, &["web"]), Driver::Secret), [named, typed]);
    }

    #[test]
    fn a_selector_of_the_users_own_leaves_no_holes() {
        let maps = selections(&scope(Some("team=a"), &[]), Driver::ConfigMap);
        let labels: Vec<_> = maps.iter().map(|(_, one)| one.labels.as_deref()).collect();
        assert_eq!(labels, [Some("owner=helm,team=a"), Some("owner=helm")]);
        assert_eq!((maps[0].0, maps[1].0), (true, false));
    }
}
