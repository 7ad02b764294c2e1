//! `backup export --format archive`: whole snapshots, for another store.

use std::io::{self, Write};
use std::path::Path;

use super::out::{self, NewFile};
use crate::cli::args::ExportArgs;
use crate::cli::settings::Settings;
use crate::cli::{connect, print};
use crate::error::{Exit, Failure};
use crate::report::archive::{self as report, Written};
use crate::snapshot::SnapshotId;
use crate::store::{Exported, Store};

/// How the name of an archive ends.
const ENDING: &str = "zda";

pub(super) fn export(
    settings: &Settings,
    store: &Store,
    args: &ExportArgs,
) -> Result<Exit, Failure> {
    if settings.global.namespace.is_some() {
        let message = "an archive holds whole snapshots";
        let hint = "leave out -n; --format manifests takes parts";
        return Err(Failure::new(Exit::Usage, message).hint(hint));
    }
    let Some(to) = &args.to else {
        return Err(Failure::new(Exit::Usage, "give --to"));
    };
    if !args.releases.is_empty() && !out::is_folder(to) {
        let message = "several snapshots make several archives";
        let hint = "give a directory with --to; releases cannot be named here";
        return Err(Failure::new(Exit::Usage, message).hint(hint));
    }
    let find = |id: &String| store.find(id).map_err(connect::unstored);
    let parent = args.parent.as_ref().map(find).transpose()?;
    let wanted = [&args.snapshot].into_iter().chain(&args.releases);
    let wanted = wanted.map(find).collect::<Result<Vec<_>, _>>()?;
    let mut archives = Vec::new();
    for snapshot in &wanted {
        archives.push(one(settings, store, snapshot, parent.as_ref(), to)?);
    }
    if to == Path::new("-") {
        return Ok(Exit::Done);
    }
    let text = match settings.json() {
        true => report::exported_json(&archives),
        false => report::exported_text(&archives, &settings.voice),
    };
    print(settings, &text)
}

/// Writes one archive.
fn one(
    settings: &Settings,
    store: &Store,
    snapshot: &SnapshotId,
    parent: Option<&SnapshotId>,
    to: &Path,
) -> Result<Written, Failure> {
    let export = |out: &mut dyn Write| {
        let exported = store.export(snapshot, parent, out);
        exported.map_err(connect::unstored)
    };
    if to == Path::new("-") {
        let mut out = io::BufWriter::with_capacity(1 << 16, Stdout(settings));
        let exported = export(&mut out)?;
        return Ok(written("-", exported));
    }
    if !out::is_folder(to) {
        let mut file = NewFile::begin(to)?;
        let exported = export(&mut file)?;
        file.finish()?;
        return Ok(written(&to.display().to_string(), exported));
    }
    out::make_folder(to)?;
    let mut file = NewFile::begin(&to.join(format!("{snapshot}.{ENDING}")))?;
    let exported = export(&mut file)?;
    let digest = exported.digest.as_bytes()[..8].iter();
    let digest: String = digest.map(|byte| format!("{byte:02x}")).collect();
    let path = file.finish_as(&format!("zadig-doctor-{snapshot}-{digest}.{ENDING}"))?;
    Ok(written(&path.display().to_string(), exported))
}

fn written(to: &str, exported: Exported) -> Written {
    Written {
        to: to.to_owned(),
        snapshot: exported.snapshot,
        parent: exported.parent,
        digest: exported.digest,
        histories: exported.histories,
        kept: exported.kept,
        objects: exported.objects,
        bytes: exported.bytes,
    }
}

struct Stdout<'a>(&'a Settings);

impl Write for Stdout<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.terminal.exact(bytes).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
