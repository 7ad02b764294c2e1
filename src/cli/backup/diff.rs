//! `backup diff`: what changed between two snapshots, or since one.

use super::sides::{CLUSTER, Side};
use super::{mask, objects, pick};
use crate::cli::args::DiffArgs;
use crate::cli::print;
use crate::cli::settings::Settings;
use crate::error::{Exit, Failure};
use crate::helm::{release, yaml};
use crate::live::masked::{self, Mask};
use crate::report::count;
use crate::report::diff::{self as report, Comparison};
use crate::snapshot::diff::{self, Texts};

pub(super) async fn diff(settings: &Settings, args: &DiffArgs) -> Result<Exit, Failure> {
    pick::no_selector(settings)?;
    let [before, after] = sides(settings, args).await?;
    let mask = mask()?;
    let mut sides = [before.whole(), after.whole()];
    let held = [&before, &after].map(|side| side.held(settings, &args.releases));
    let all: Vec<_> = sides
        .iter()
        .flat_map(|side| &side.unread)
        .cloned()
        .collect();
    // What one side was not asked for is neither added nor removed.
    let both = |one: &diff::Held| before.covers(&one.id) && after.covers(&one.id);
    let covered = held
        .clone()
        .map(|held| held.into_iter().filter(both).collect());
    found(args, &held, &covered)?;
    let left =
        held.iter().map(Vec::len).sum::<usize>() - covered.iter().map(Vec::len).sum::<usize>();
    if left > 0 {
        let left = count(left, "record");
        let text = format!(
            "not compared: {left} of which only one side tells whether it should hold them"
        );
        settings.terminal.say(&text);
    }
    let [first, second] = covered.map(|held| diff::known(held, &all));
    let one_cluster = before.cluster().is_some() && before.cluster() == after.cluster();
    let pairs = diff::pairs(&first, &second);
    let progress = settings
        .terminal
        .progress_of("comparing releases", pairs.len());
    let mut releases = Vec::new();
    for pair in &pairs {
        progress.step();
        let [of_before, of_after] = pair.needs(one_cluster);
        let (old, not_old) = before.read(&of_before).await;
        let (new, not_new) = after.read(&of_after).await;
        sides[0].unread.extend(not_old);
        sides[1].unread.extend(not_new);
        let texts = |json: &[u8]| texts(json, &mask);
        releases.extend(pair.compare(one_cluster, [&old, &new], texts));
    }
    drop(progress);
    let objects = objects::both(settings, [&before, &after], &args.releases, &mask).await;
    let objects = objects.map(|[first, second]| {
        sides[0].unread.extend(first.unread);
        sides[1].unread.extend(second.unread);
        diff::compare(&first.texts, &second.texts)
    });
    let comparison = Comparison {
        sides,
        compared: pairs.len(),
        releases,
        objects,
    };
    let text = match settings.json() {
        true => report::diff_json(&comparison),
        false => report::diff_text(&comparison, &settings.voice),
    };
    print(settings, &text)?;
    Ok(match (comparison.complete(), comparison.same()) {
        (false, _) => Exit::Unreachable,
        (true, false) => Exit::Findings,
        (true, true) => Exit::Done,
    })
}

async fn sides(settings: &Settings, args: &DiffArgs) -> Result<[Side; 2], Failure> {
    let saved = |id: &str| Side::saved(settings, id);
    let now = async |other: &Side| match other.snapshot() {
        Some(snapshot) => Side::now(settings, &args.releases, snapshot).await,
        None => Err(itself()),
    };
    match (args.before.as_str(), args.after.as_str()) {
        (CLUSTER, CLUSTER) => Err(itself()),
        (CLUSTER, after) => {
            let after = saved(after)?;
            Ok([now(&after).await?, after])
        }
        (before, CLUSTER) => {
            let before = saved(before)?;
            let after = now(&before).await?;
            Ok([before, after])
        }
        (before, after) => Ok([saved(before)?, saved(after)?]),
    }
}

fn itself() -> Failure {
    let message = "the cluster cannot be compared with itself";
    Failure::new(Exit::Usage, message).hint("`{self} backup list` lists the snapshots")
}

/// What both sides hold.
type Both = [Vec<diff::Held>; 2];

/// That each release that was named is there, before or after, and both sides
/// were asked for it.
fn found(args: &DiffArgs, held: &Both, covered: &Both) -> Result<(), Failure> {
    let holds = |held: &Both, name: &String| {
        let mut ids = held.iter().flatten().map(|held| held.id.key());
        ids.any(|key| key.is_some_and(|key| key.release == *name))
    };
    let Some(lost) = args.releases.iter().find(|name| !holds(covered, name)) else {
        return Ok(());
    };
    let message = match holds(held, lost) {
        true => format!(
            "only one side tells whether it should hold release {lost}: they cannot be compared"
        ),
        false => format!("neither side holds a release {lost}"),
    };
    Err(Failure::new(Exit::Usage, message)
        .hint("`{self} backup show SNAPSHOT` lists what one holds"))
}

/// How a payload is shown: what Secrets hold as digests.
fn texts(json: &[u8], mask: &Mask) -> Texts {
    let mut texts = Texts::default();
    if let Ok(values) = release::content::values(json) {
        texts.values = yaml::text(&values);
    }
    let Ok(view) = release::parse(json) else {
        return texts;
    };
    let shown = |prefix: &str, manifest: &str| {
        let documents = masked::documents(manifest, mask).into_iter();
        let named = documents.map(|one| (format!("{prefix}{}", one.name), one.text));
        named.collect::<Vec<_>>()
    };
    texts.documents = shown("", &view.manifest);
    for hook in &view.hooks {
        texts.documents.extend(shown("hook ", &hook.manifest));
    }
    texts
}
