//! Which lists bring many wanted records at the least cost. Pure.
//!
//! A list costs the API server and the wire every body in it, a read one body
//! and a round trip. A list with no limit comes out of the API server's watch
//! cache, where each page of one makes it look through etcd; so what would be
//! too much for one answer is not paged, but asked for release by release.

use std::collections::{BTreeMap, HashSet};

use super::listing::Selection;
use super::records::MAX_SELECTOR;
use crate::helm::{CURRENT_SELECTOR, Driver, OWNER_SELECTOR};
use crate::survey::{RecordId, Survey};

/// A list pays if this share of it is wanted.
const PAYS: usize = 4;

/// Up to so many of a namespace are read one by one.
const FEW: usize = 16;

/// About how many bodies one answer holds: some 30 MB, as helm(1) asks for when
/// it lists a namespace.
const BODIES: usize = 500;

/// What is to be read, of all that there is.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub(super) ids: HashSet<RecordId>,
    pub(super) lists: Vec<Selection>,
}

impl Wanted {
    /// These of the records that were seen.
    pub fn of(survey: &Survey, wanted: impl Fn(&RecordId) -> bool) -> Self {
        let ids = survey.records.iter().map(|record| &record.id);
        let ids: HashSet<RecordId> = ids.filter(|id| wanted(id)).cloned().collect();
        if ids.is_empty() {
            return Self::default();
        }
        let mut places = BTreeMap::<_, Place<'_>>::new();
        for record in &survey.records {
            let wanted = ids.contains(&record.id);
            if let Some(release) = record.label("name").filter(|_| record.labeled()) {
                let place = (record.id.driver, record.id.namespace.as_str());
                let counts = places.entry(place).or_default().entry(release).or_default();
                counts.add(record.label("status") == Some("superseded"), wanted);
            }
        }
        let lists = places.into_iter().flat_map(|((driver, namespace), place)| {
            let selection = move |labels| Selection {
                driver,
                namespace: Some(namespace.to_owned()),
                labels: Some(labels),
                fields: None,
                whole: true,
                // One number counts the changes of all Secrets; ConfigMaps may
                // be counted elsewhere.
                at_least: survey.version.filter(|_| driver == Driver::Secret),
            };
            worth_listing(&place).into_iter().map(selection)
        });
        let lists = lists.collect();
        Self { ids, lists }
    }

    /// These, whatever else there is.
    pub fn only(ids: impl IntoIterator<Item = RecordId>) -> Self {
        let (ids, lists) = (ids.into_iter().collect(), Vec::new());
        Self { ids, lists }
    }

    /// How many they are.
    pub fn count(&self) -> usize {
        self.ids.len()
    }
}

/// The labeled records of one driver in one namespace, by release.
type Place<'a> = BTreeMap<&'a str, Counts>;

/// How many records there are, and how many of them are wanted; apart, those
/// that are superseded and those that are not.
#[derive(Clone, Copy, Default)]
struct Counts {
    current: Share,
    superseded: Share,
}

#[derive(Clone, Copy, Default)]
struct Share {
    all: usize,
    wanted: usize,
}

impl Counts {
    fn add(&mut self, superseded: bool, wanted: bool) {
        let share = match superseded {
            true => &mut self.superseded,
            false => &mut self.current,
        };
        share.all += 1;
        share.wanted += usize::from(wanted);
    }

    fn both(&self) -> Share {
        self.current.and(self.superseded)
    }
}

impl Share {
    fn and(self, other: Self) -> Self {
        Self {
            all: self.all + other.all,
            wanted: self.wanted + other.wanted,
        }
    }

    fn sum(shares: impl Iterator<Item = Self>) -> Self {
        shares.fold(Self::default(), Self::and)
    }

    fn pays(self) -> bool {
        self.wanted * PAYS >= self.all
    }
}

/// The label selectors whose lists cost less than reading one by one.
fn worth_listing(place: &Place<'_>) -> Vec<String> {
    let some = |share: fn(&Counts) -> Share| {
        let shares = place.values().map(share);
        Share::sum(shares.filter(|share| share.wanted > 0))
    };
    let (both, current) = (some(Counts::both), some(|counts| counts.current));
    let superseded = both.wanted - current.wanted;
    if superseded > FEW && both.pays() {
        by_release(OWNER_SELECTOR, place, Counts::both)
    } else if current.wanted > FEW && current.pays() {
        by_release(CURRENT_SELECTOR, place, |counts| counts.current)
    } else {
        Vec::new()
    }
}

/// The selectors that together select the releases of which something is wanted:
/// one, if all there are fit into an answer.
fn by_release(first: &str, place: &Place<'_>, share: fn(&Counts) -> Share) -> Vec<String> {
    let all = Share::sum(place.values().map(share));
    if all.all <= BODIES && all.pays() {
        return vec![first.to_owned()];
    }
    let mut selectors = Vec::new();
    let (mut names, mut bodies) = (String::new(), 0);
    let wanted = place.iter().map(|(name, counts)| (name, share(counts)));
    for (name, share) in wanted.filter(|(_, share)| share.wanted > 0) {
        let fits = bodies + share.all <= BODIES && names.len() + name.len() < MAX_SELECTOR;
        if !names.is_empty() && !fits {
            selectors.push(format!("{first},name in ({names})"));
            names.clear();
            bodies = 0;
        }
        if !names.is_empty() {
            names.push(',');
        }
        names.push_str(name);
        bodies += share.all;
    }
    if !names.is_empty() {
        selectors.push(format!("{first},name in ({names})"));
    }
    selectors
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::super::item::from_json;
    use super::*;
    use crate::survey::Record;

    /// Releases `a0`, `a1`, … in each of the namespaces, each with as many old
    /// revisions and one current.
    fn survey(namespaces: &[&str], releases: usize, old: usize) -> Survey {
        let mut records = Vec::new();
        for (namespace, release) in namespaces
            .iter()
            .flat_map(|namespace| (0..releases).map(move |release| (namespace, release)))
        {
            for version in 0..=old {
                let status = if version == old {
                    "deployed"
                } else {
                    "superseded"
                };
                let (name, version) = (format!("a{release}"), version.to_string());
                let labels =
                    json!({"owner": "helm", "name": name, "status": status, "version": version});
                let metadata = json!({
                    "namespace": namespace, "name": format!("{name}.v{version}"), "labels": labels,
                });
                records.push(from_json(&metadata, Driver::Secret));
            }
        }
        Survey {
            records,
            version: Some(7),
            ..Survey::default()
        }
    }

    fn lists(survey: &Survey, wanted: impl Fn(&Record) -> bool) -> Vec<(String, String)> {
        let seen: BTreeMap<_, _> = survey.records.iter().map(|one| (&one.id, one)).collect();
        let wanted = Wanted::of(survey, |id| wanted(seen[id]));
        let lists = wanted.lists.into_iter();
        lists
            .map(|list| (list.namespace.unwrap(), list.labels.unwrap()))
            .collect()
    }

    fn current(record: &Record) -> bool {
        record.label("status") == Some("deployed")
    }

    fn whole(namespace: &str, labels: &str) -> (String, String) {
        (namespace.to_owned(), labels.to_owned())
    }

    #[test]
    fn few_are_read_one_by_one() {
        assert_eq!(lists(&survey(&["a"], FEW, 0), |_| true), []);
        assert_eq!(
            lists(&survey(&["a"], 1, FEW), |record| !current(record)),
            []
        );
        let one_more = lists(&survey(&["a"], FEW + 1, 0), |_| true);
        assert_eq!(one_more, [whole("a", CURRENT_SELECTOR)]);
    }

    #[test]
    fn current_ones_are_listed_without_the_superseded() {
        let both = lists(&survey(&["a", "b"], 20, 9), current);
        let expected = [whole("a", CURRENT_SELECTOR), whole("b", CURRENT_SELECTOR)];
        assert_eq!(both, expected);
    }

    #[test]
    fn a_small_share_is_not_worth_a_list() {
        let one_of_each = |record: &Record| record.label("version") == Some("0");
        assert_eq!(lists(&survey(&["a"], 20, 9), one_of_each), []);
    }

    #[test]
    fn a_namespace_that_fits_into_an_answer_is_listed_whole() {
        let all = lists(&survey(&["a"], BODIES / 10, 9), |_| true);
        assert_eq!(all, [whole("a", OWNER_SELECTOR)]);
    }

    #[test]
    fn a_larger_one_is_listed_some_releases_at_a_time() {
        let seen = survey(&["a"], 3 * BODIES / 10, 9);
        let all = lists(&seen, |_| true);
        assert_eq!(all.len(), 3);
        let mut named = BTreeSet::new();
        for (_, labels) in &all {
            let names = labels.strip_prefix("owner=helm,name in (").unwrap();
            let names: Vec<_> = names.strip_suffix(')').unwrap().split(',').collect();
            assert_eq!(names.len(), BODIES / 10);
            named.extend(names);
        }
        assert_eq!(named.len(), 3 * BODIES / 10);
    }

    #[test]
    fn only_releases_of_which_something_is_wanted_are_asked_for() {
        let two = |record: &Record| matches!(record.label("name"), Some("a1" | "a3"));
        let of_two = lists(&survey(&["a"], 60, 9), two);
        assert_eq!(of_two, [whole("a", "owner=helm,name in (a1,a3)")]);
    }

    #[test]
    fn a_long_history_is_one_list_and_long_names_make_short_lists() {
        let long = survey(&["a"], 1, 2 * BODIES);
        assert_eq!(
            lists(&long, |_| true),
            [whole("a", "owner=helm,name in (a0)")]
        );
        let mut named = survey(&["a"], 2 * BODIES, 0);
        for (number, record) in named.records.iter_mut().enumerate() {
            record.labels.insert("name", &format!("{number:053}"));
        }
        let all = lists(&named, |_| true);
        assert!(
            all.iter()
                .all(|(_, labels)| labels.len() < MAX_SELECTOR + 100)
        );
        assert_eq!(all.len(), 1 + 2 * BODIES / (MAX_SELECTOR / 54));
    }

    #[test]
    fn what_no_label_tells_is_read_by_name() {
        let mut seen = survey(&["a"], 30, 0);
        seen.records
            .iter_mut()
            .for_each(|record| record.labels.remove("owner"));
        let wanted = Wanted::of(&seen, |_| true);
        assert_eq!((wanted.count(), wanted.lists.len()), (30, 0));
    }
}
