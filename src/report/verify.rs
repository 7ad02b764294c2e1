//! What `backup verify` prints.

use serde::Serialize;

use super::{count, json as to_json};
use crate::survey::Unread;

/// What a comparison of a snapshot with the cluster found.
#[derive(Clone, Debug, Default)]
pub struct Compared {
    /// The snapshot.
    pub snapshot: String,
    /// How many records are the same, to the last byte.
    pub same: usize,
    /// Records that did not change, and are other ones than what was saved.
    pub differ: Vec<String>,
    /// How many changed since.
    pub changed: usize,
    /// How many are there no more.
    pub gone: usize,
    /// How many were made since.
    pub new: usize,
    /// What could not be read, then or now.
    pub unread: Vec<Unread>,
    /// Whether the snapshot lacks some of what it should hold.
    pub incomplete: bool,
    /// Whether the cluster could not be listed as a whole.
    pub partial: bool,
}

#[derive(Serialize)]
struct VerifyV1<'a> {
    schema: &'static str,
    snapshots: usize,
    objects: usize,
    damaged: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<ClusterV1<'a>>,
}

#[derive(Serialize)]
struct ClusterV1<'a> {
    snapshot: &'a str,
    same: usize,
    differ: &'a [String],
    changed: usize,
    gone: usize,
    new: usize,
    unread: Vec<UnreadV1<'a>>,
}

#[derive(Serialize)]
struct UnreadV1<'a> {
    what: &'a str,
    reason: &'a str,
}

impl<'a> From<&'a Unread> for UnreadV1<'a> {
    fn from(Unread { what, reason }: &'a Unread) -> Self {
        Self { what, reason }
    }
}

/// `backup verify -o json`: schema `zadig-doctor/verification/v1`. `numbers` are
/// those of snapshots and objects.
pub fn json(numbers: (usize, usize), damaged: &[String], compared: Option<&Compared>) -> String {
    to_json(&VerifyV1 {
        schema: "zadig-doctor/verification/v1",
        snapshots: numbers.0,
        objects: numbers.1,
        damaged,
        cluster: compared.map(|one| ClusterV1 {
            snapshot: &one.snapshot,
            same: one.same,
            differ: &one.differ,
            changed: one.changed,
            gone: one.gone,
            new: one.new,
            unread: one.unread.iter().map(UnreadV1::from).collect(),
        }),
    })
}

/// `backup verify` for a person.
pub fn text(numbers: (usize, usize), damaged: &[String], compared: Option<&Compared>) -> String {
    let lines = damaged.iter().map(|what| format!("damaged: {what}\n"));
    let mut text: String = lines.collect();
    let state = match damaged.is_empty() {
        true => "all whole".to_owned(),
        false => format!("{} found", count(damaged.len(), "damage")),
    };
    text += &format!(
        "read {} of {} and compared every digest: {state}\n",
        count(numbers.1, "object"),
        count(numbers.0, "snapshot")
    );
    if let Some(compared) = compared {
        text += &with_cluster(compared);
    }
    text
}

fn with_cluster(compared: &Compared) -> String {
    let mut text = String::new();
    for what in &compared.differ {
        text += &format!("differs: {what} did not change, but is not what was saved\n");
    }
    for Unread { what, reason } in &compared.unread {
        text += &format!("unread: {what}: {reason}\n");
    }
    let state = match (compared.differ.len(), compared.unread.is_empty()) {
        (0, true) => "the same, byte by byte".to_owned(),
        (0, false) => "the same, as far as it could be read".to_owned(),
        (some, _) => format!("the same, and {some} not"),
    };
    text += &format!(
        "compared snapshot {} with the cluster: {} {state}\n",
        compared.snapshot,
        count(compared.same, "record")
    );
    let gone = match compared.partial {
        true => "gone, or not read now",
        false => "gone",
    };
    let new = match compared.incomplete {
        true => "new, or not read then",
        false => "new",
    };
    let since = [
        (compared.changed, "changed"),
        (compared.gone, gone),
        (compared.new, new),
    ];
    let since = since.iter().filter(|(number, _)| *number > 0);
    let since: Vec<_> = since
        .map(|(number, what)| format!("{number} {what}"))
        .collect();
    if !since.is_empty() {
        text += &format!("since then: {}\n", since.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_named_and_what_changed_is_counted() {
        let mut compared = Compared {
            snapshot: "3f9a".into(),
            same: 12,
            changed: 2,
            new: 1,
            ..Compared::default()
        };
        let whole = text((1, 40), &[], Some(&compared));
        insta::assert_snapshot!(whole, @r"
        read 40 objects of 1 snapshot and compared every digest: all whole
        compared snapshot 3f9a with the cluster: 12 records the same, byte by byte
        since then: 2 changed, 1 new
        ");
        (compared.gone, compared.incomplete, compared.partial) = (3, true, true);
        compared.differ = vec!["Secret shop/web.v1".into()];
        compared.unread = vec![Unread {
            what: "secrets in namespace shop".into(),
            reason: "forbidden".into(),
        }];
        let broken = text(
            (1, 40),
            &["object 7: it is cut off".into()],
            Some(&compared),
        );
        insta::assert_snapshot!(broken, @r"
        damaged: object 7: it is cut off
        read 40 objects of 1 snapshot and compared every digest: 1 damage found
        differs: Secret shop/web.v1 did not change, but is not what was saved
        unread: secrets in namespace shop: forbidden
        compared snapshot 3f9a with the cluster: 12 records the same, and 1 not
        since then: 2 changed, 3 gone, or not read now, 1 new, or not read then
        ");
    }
}
