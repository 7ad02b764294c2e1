//! Which snapshots rules like `--keep-daily 7` keep, as restic means them.
//!
//! Pure: the time is handed in. Snapshots are judged among their likes: of the
//! same cluster, reason and scope, so that what was saved before a repair never
//! takes the place of a backup of everything. Hours, days, weeks (ISO 8601),
//! months and years are UTC's.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Zoned};

use crate::snapshot::{SnapshotId, Summary};

/// Rules; a snapshot that any of them keeps is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// The newest ones.
    pub last: u32,
    /// All within that time before the newest one.
    pub within: Option<Within>,
    /// Of so many hours that have any, the newest each.
    pub hourly: u32,
    /// The same of days.
    pub daily: u32,
    /// The same of weeks.
    pub weekly: u32,
    /// The same of months.
    pub monthly: u32,
    /// The same of years.
    pub yearly: u32,
    /// Those that bear all tags of one of these lists.
    pub tags: Vec<Vec<String>>,
}

/// A duration as restic writes it: `2y5m7d3h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Within {
    years: u16,
    months: u16,
    days: u16,
    hours: u16,
}

/// What became of one snapshot, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Which.
    pub id: SnapshotId,
    /// The rules that keep it; none if it is to be forgotten.
    pub kept: Vec<String>,
}

impl Decision {
    /// Whether it is kept.
    pub fn keeps(&self) -> bool {
        !self.kept.is_empty()
    }
}

impl Policy {
    /// Whether there is no rule at all, by which everything would be forgotten.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Text that is no such duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a duration such as 14d, 48h or 1y6m")]
pub struct WithinError;

impl std::str::FromStr for Within {
    type Err = WithinError;

    fn from_str(text: &str) -> Result<Self, WithinError> {
        let mut within = Self {
            years: 0,
            months: 0,
            days: 0,
            hours: 0,
        };
        let mut rest = text;
        while !rest.is_empty() {
            let unit = rest
                .find(|c: char| !c.is_ascii_digit())
                .ok_or(WithinError)?;
            let number = rest[..unit].parse().map_err(|_| WithinError)?;
            match rest.as_bytes()[unit] {
                b'y' => within.years = number,
                b'm' => within.months = number,
                b'd' => within.days = number,
                b'h' => within.hours = number,
                _ => return Err(WithinError),
            }
            rest = &rest[unit + 1..];
        }
        let empty = (within.years, within.months, within.days, within.hours) == (0, 0, 0, 0);
        match empty {
            true => Err(WithinError),
            false => Ok(within),
        }
    }
}

impl std::fmt::Display for Within {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = [
            (self.years, 'y'),
            (self.months, 'm'),
            (self.days, 'd'),
            (self.hours, 'h'),
        ];
        let mut parts = parts.into_iter().filter(|(number, _)| *number > 0);
        parts.try_for_each(|(number, unit)| write!(f, "{number}{unit}"))
    }
}

impl Within {
    /// The time so long before another; `None` if there is none.
    fn before(&self, time: Timestamp) -> Option<Timestamp> {
        let span = Span::new()
            .years(i16::try_from(self.years).ok()?.min(9_999))
            .months(self.months)
            .days(self.days)
            .hours(self.hours);
        let before = time.to_zoned(TimeZone::UTC).checked_sub(span);
        before.ok().map(|zoned| zoned.timestamp())
    }
}

/// Decides about every snapshot, in their order. `now` tells which of them are of
/// the future, after which nothing is measured.
///
/// A snapshot whose row is damaged is kept: what it says of itself, its time
/// first of all, is not to be believed.
pub fn decide(snapshots: &[Summary], policy: &Policy, now: Timestamp) -> Vec<Decision> {
    let mut kept: BTreeMap<&SnapshotId, Vec<String>> = BTreeMap::new();
    let mut groups: BTreeMap<_, Vec<&Summary>> = BTreeMap::new();
    for one in snapshots {
        if one.damaged.is_some() {
            let reason = "damaged: only forgotten by name".to_owned();
            kept.insert(&one.id, vec![reason]);
            continue;
        }
        let scope = format!("{:?}", one.about.scope);
        let group = (&one.about.cluster, &one.about.reason, scope);
        groups.entry(group).or_default().push(one);
    }
    for group in groups.into_values() {
        judge(group, policy, now, &mut kept);
    }
    let decision = |one: &Summary| Decision {
        id: one.id.clone(),
        kept: kept.remove(&one.id).unwrap_or_default(),
    };
    snapshots.iter().map(decision).collect()
}

/// Snapshots that are told apart by a span of time.
struct Rule {
    left: u32,
    name: &'static str,
    span: fn(&Zoned, usize) -> (i16, i16, i8),
    last: Option<(i16, i16, i8)>,
}

fn rules(policy: &Policy) -> [Rule; 6] {
    let rule = |left, name, span| Rule {
        left,
        name,
        span,
        last: None,
    };
    [
        // Each of the last ones is a span of its own.
        rule(policy.last, "last", |_, nth| {
            let nth = nth as u32;
            ((nth >> 15) as i16, (nth & 0x7fff) as i16, 0)
        }),
        rule(policy.hourly, "hourly", |time, _| {
            (time.year(), time.day_of_year(), time.hour())
        }),
        rule(policy.daily, "daily", |time, _| {
            (time.year(), time.day_of_year(), 0)
        }),
        rule(policy.weekly, "weekly", |time, _| {
            let week = time.date().iso_week_date();
            (week.year(), week.week().into(), 0)
        }),
        rule(policy.monthly, "monthly", |time, _| {
            (time.year(), time.month().into(), 0)
        }),
        rule(policy.yearly, "yearly", |time, _| (time.year(), 0, 0)),
    ]
}

/// Decides about snapshots that are alike.
fn judge<'a>(
    mut group: Vec<&'a Summary>,
    policy: &Policy,
    now: Timestamp,
    kept: &mut BTreeMap<&'a SnapshotId, Vec<String>>,
) {
    // Stable, and the later of two of one moment first.
    group.reverse();
    group.sort_by_key(|one| std::cmp::Reverse(one.about.time));
    let times = group.iter().map(|one| one.about.time);
    let newest = times.filter(|time| *time <= now).max();
    let since = policy.within.and_then(|within| within.before(newest?));
    let mut rules = rules(policy);
    for (nth, one) in group.iter().enumerate() {
        let mut reasons = Vec::new();
        let has = |tags: &&Vec<String>| tags.iter().all(|tag| one.about.tags.contains(tag));
        for tags in policy.tags.iter().filter(has) {
            reasons.push(format!("tagged {}", tags.join(",")));
        }
        if let (Some(within), Some(since)) = (policy.within, since)
            && one.about.time > since
        {
            reasons.push(format!("within {within}"));
        }
        let time = one.about.time.to_zoned(TimeZone::UTC);
        let oldest = nth + 1 == group.len();
        for rule in rules.iter_mut().filter(|rule| rule.left > 0) {
            let span = Some((rule.span)(&time, nth));
            let first = span != rule.last;
            // While a rule is not used up, it also keeps the oldest one, so that
            // the history kept is as long as it can be.
            if first || oldest {
                rule.last = span;
                rule.left -= u32::from(rule.left != u32::MAX);
                let which = if first { "" } else { "oldest " };
                reasons.push(format!("{which}{}", rule.name));
            }
        }
        kept.insert(&one.id, reasons);
    }
    // A night in which half could not be read is not to cost the last whole one.
    if let Some(whole) = group.iter().find(|one| one.complete())
        && group.first().is_some_and(|newest| !newest.complete())
        && let Some(reasons) = kept.get_mut(&whole.id).filter(|reasons| reasons.is_empty())
    {
        reasons.push("last complete".to_owned());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::snapshot::About;
    use crate::survey::Unread;

    fn summary(number: usize, time: &str) -> Summary {
        Summary {
            id: SnapshotId(format!("{number:016x}")),
            about: About {
                time: time.parse().unwrap(),
                cluster: Some("c".to_owned()),
                reason: "backup".to_owned(),
                ..About::default()
            },
            releases: 0,
            records: 0,
            objects: 0,
            bytes: 0,
            missing: Vec::new(),
            damaged: None,
        }
    }

    fn all(times: &[&str]) -> Vec<Summary> {
        times
            .iter()
            .enumerate()
            .map(|(n, time)| summary(n, time))
            .collect()
    }

    fn kept(snapshots: &[Summary], policy: &Policy) -> Vec<String> {
        let now = "2030-01-01T00:00:00Z".parse().unwrap();
        let decisions = decide(snapshots, policy, now);
        decisions.iter().map(|one| one.kept.join("; ")).collect()
    }

    #[test]
    fn an_incomplete_one_does_not_cost_the_last_complete_one() {
        let mut snapshots = all(&[
            "2026-10-01T00:00:00Z",
            "2026-10-02T00:00:00Z",
            "2026-10-03T00:00:00Z",
        ]);
        let policy = Policy {
            last: 1,
            ..Policy::default()
        };
        assert_eq!(kept(&snapshots, &policy), ["", "", "last"]);
        snapshots[2].missing.push(Unread {
            what: "secrets".to_owned(),
            reason: "timed out".to_owned(),
        });
        assert_eq!(kept(&snapshots, &policy), ["", "last complete", "last"]);
    }

    #[test]
    fn durations_are_read_as_restic_writes_them() {
        let within = |text: &str| text.parse::<Within>().map(|within| within.to_string());
        assert_eq!(within("2y5m7d3h"), Ok("2y5m7d3h".to_owned()));
        assert_eq!(within("48h"), Ok("48h".to_owned()));
        for wrong in ["", "d", "3", "3x", "0d", "-1d", "99999999d", "1.5d", "3d "] {
            assert_eq!(within(wrong), Err(WithinError), "{wrong}");
        }
    }

    #[test]
    fn each_rule_keeps_the_newest_of_its_spans() {
        let snapshots = all(&[
            "2024-12-31T23:00:00Z",
            "2025-01-01T10:00:00Z",
            "2025-01-01T10:30:00Z",
            "2025-01-01T11:00:00Z",
            "2025-01-02T09:00:00Z",
            "2025-02-01T09:00:00Z",
        ]);
        let policy = |set: fn(&mut Policy)| {
            let mut policy = Policy::default();
            set(&mut policy);
            policy
        };
        assert_eq!(
            kept(&snapshots, &policy(|policy| policy.last = 2)),
            ["", "", "", "", "last", "last"]
        );
        assert_eq!(
            kept(&snapshots, &policy(|policy| policy.hourly = 4)),
            ["", "", "hourly", "hourly", "hourly", "hourly"]
        );
        assert_eq!(
            kept(&snapshots, &policy(|policy| policy.daily = 3)),
            ["", "", "", "daily", "daily", "daily"]
        );
        // The last day of 2024 is of the first week of 2025.
        assert_eq!(
            kept(&snapshots, &policy(|policy| policy.weekly = 9)),
            ["oldest weekly", "", "", "", "weekly", "weekly"]
        );
        assert_eq!(
            kept(&snapshots, &policy(|policy| policy.monthly = 9)),
            ["monthly", "", "", "", "monthly", "monthly"]
        );
        assert_eq!(
            kept(&snapshots, &policy(|policy| policy.yearly = 1)),
            ["", "", "", "", "", "yearly"]
        );
    }

    #[test]
    fn within_counts_from_the_newest_that_is_not_of_the_future() {
        let snapshots = all(&[
            "2025-01-01T00:00:00Z",
            "2025-01-30T00:00:00Z",
            "2025-01-31T00:00:00Z",
            "2099-01-01T00:00:00Z",
        ]);
        let policy = Policy {
            within: Some("2d".parse().unwrap()),
            ..Policy::default()
        };
        assert_eq!(
            kept(&snapshots, &policy),
            ["", "within 2d", "within 2d", "within 2d"]
        );
    }

    #[test]
    fn tags_keep_what_bears_them_all() {
        let mut snapshots = all(&["2025-01-01T00:00:00Z", "2025-01-02T00:00:00Z"]);
        snapshots[0].about.tags = vec!["a".to_owned(), "b".to_owned()];
        snapshots[1].about.tags = vec!["a".to_owned()];
        let policy = Policy {
            tags: vec![vec!["a".to_owned(), "b".to_owned()]],
            ..Policy::default()
        };
        assert_eq!(kept(&snapshots, &policy), ["tagged a,b", ""]);
    }

    #[test]
    fn snapshots_are_judged_among_their_likes() {
        let mut snapshots = all(&[
            "2025-01-01T00:00:00Z",
            "2025-01-02T00:00:00Z",
            "2025-01-03T00:00:00Z",
            "2025-01-04T00:00:00Z",
            "2025-01-05T00:00:00Z",
        ]);
        snapshots[1].about.reason = "unstick".to_owned();
        snapshots[2].about.cluster = None;
        snapshots[3].about.scope.namespace = Some("shop".to_owned());
        snapshots[4].damaged = Some("its seal is broken".to_owned());
        let policy = Policy {
            last: 1,
            ..Policy::default()
        };
        assert_eq!(kept(&snapshots, &policy)[..4], ["last"; 4]);
        assert!(kept(&snapshots, &policy)[4].starts_with("damaged"));
    }

    fn any_policy() -> impl Strategy<Value = Policy> {
        let count = 0_u32..5;
        let counts = [(); 6].map(|()| count.clone());
        (counts, prop::option::of(1_u16..60)).prop_map(|(counts, days)| Policy {
            last: counts[0],
            hourly: counts[1],
            daily: counts[2],
            weekly: counts[3],
            monthly: counts[4],
            yearly: counts[5],
            within: days.map(|days| Within {
                years: 0,
                months: 0,
                days,
                hours: 0,
            }),
            tags: Vec::new(),
        })
    }

    fn any_snapshots() -> impl Strategy<Value = Vec<Summary>> {
        // Three years, some of them in the same hour.
        prop::collection::vec(0_i64..3 * 365 * 24 * 2, 0..40).prop_map(|halves| {
            let time = |half| Timestamp::from_second(1_700_000_000 + half * 1800).unwrap();
            let numbered = halves.into_iter().enumerate();
            numbered
                .map(|(n, half)| summary(n, &time(half).to_string()))
                .collect()
        })
    }

    proptest! {
        #[test]
        fn rules_only_ever_add(snapshots in any_snapshots(), one in any_policy(), last in 0_u32..9) {
            let now = Timestamp::from_second(2_000_000_000).unwrap();
            let more = Policy { last: one.last.max(last), ..one.clone() };
            let kept = decide(&snapshots, &one, now);
            let with_more = decide(&snapshots, &more, now);
            for (before, after) in kept.iter().zip(&with_more) {
                prop_assert!(!before.keeps() || after.keeps());
            }
        }

        #[test]
        fn no_rule_keeps_more_than_it_says(snapshots in any_snapshots(), policy in any_policy()) {
            let now = Timestamp::from_second(2_000_000_000).unwrap();
            let decisions = decide(&snapshots, &policy, now);
            prop_assert_eq!(decisions.len(), snapshots.len());
            for (name, count) in [
                ("last", policy.last), ("hourly", policy.hourly), ("daily", policy.daily),
                ("weekly", policy.weekly), ("monthly", policy.monthly), ("yearly", policy.yearly),
            ] {
                let by = decisions.iter().flat_map(|one| &one.kept).filter(|kept| kept.ends_with(name));
                prop_assert!(by.count() <= count as usize);
            }
            let newest = snapshots.iter().map(|one| one.about.time).max();
            let of_newest = snapshots.iter().zip(&decisions).filter(|(one, _)| Some(one.about.time) == newest);
            prop_assert!(policy.is_empty() || newest.is_none() || of_newest.into_iter().any(|(_, one)| one.keeps()));
        }

        #[test]
        fn to_forget_twice_is_to_forget_once(snapshots in any_snapshots(), policy in any_policy()) {
            let now = Timestamp::from_second(2_000_000_000).unwrap();
            let decisions = decide(&snapshots, &policy, now);
            let left: Vec<_> = snapshots
                .into_iter()
                .zip(&decisions)
                .filter(|(_, one)| one.keeps())
                .map(|(one, _)| one)
                .collect();
            prop_assert!(decide(&left, &policy, now).iter().all(Decision::keeps));
        }
    }
}
