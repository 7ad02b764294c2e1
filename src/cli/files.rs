//! Surveys, archives and what kubectl printed in files: `check --save` and `check --from`.
#![expect(
    clippy::disallowed_methods,
    reason = "the files that the user names on the command line are opened here"
)]

use std::cell::Cell;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::rc::Rc;

use flate2::Compression;
use flate2::read::{GzDecoder, MultiGzDecoder};
use flate2::write::GzEncoder;

use super::connect;
use crate::error::{Exit, Failure};
use crate::helm::Driver;
use crate::store::{ARCHIVE_MAGIC, Store, StoreError};
use crate::survey::file::{self, Saved};
use crate::survey::{Payload, Skipped, Survey, stored};

/// The most that is read of a file, in bytes, before it was compressed: more
/// than the records of any cluster.
const LIMIT: u64 = 16 << 30;

/// What a gzip file begins with, and no JSON.
const GZIP: u8 = 0x1f;

/// Writes a survey as JSON, private to the user; compressed if the file's name
/// ends in `.gz`.
pub(super) fn save(file: &Path, survey: &Survey) -> Result<(), Failure> {
    let saved = Saved::new(survey);
    let written = create(file).and_then(|out| {
        let mut out = BufWriter::new(out);
        match gzipped(file) {
            true => {
                let mut gzip = GzEncoder::new(out, Compression::default());
                serde_json::to_writer(&mut gzip, &saved)?;
                gzip.finish()?.flush()
            }
            false => {
                serde_json::to_writer(&mut out, &saved)?;
                out.flush()
            }
        }
    });
    written.map_err(|error| {
        Failure::caused(
            Exit::Unreachable,
            format!("failed to write {}", file.display()),
            error,
        )
        .hint("make its folder, or name a file that you may write to: `{self} check --save FILE`")
    })
}

/// Reads a secret of one line out of a file.
pub(super) fn secret(file: &Path) -> Result<String, Failure> {
    const LONGEST: u64 = 64 << 10;
    let mut text = String::new();
    let read = File::open(file).and_then(|file| file.take(LONGEST).read_to_string(&mut text));
    match read {
        Ok(_) => Ok(text),
        Err(error) => {
            let message = format!("failed to read {}", file.display());
            Err(Failure::caused(Exit::Usage, message, error))
        }
    }
}

/// Reads a survey that [`save`] wrote, or makes one of what kubectl printed;
/// `-` is stdin.
pub(super) fn load(file: &Path) -> Result<Survey, Failure> {
    let loaded = match file == Path::new("-") {
        true => read(io::stdin().lock()),
        false => File::open(file).and_then(read),
    };
    let judged = |error: StoreError| match error {
        StoreError::NoParent { parent } => {
            let message = format!("the archive holds only what snapshot {parent} lacks");
            let hint = "an archive that was written without --parent can be judged alone";
            Failure::new(Exit::Unreachable, message).hint(hint)
        }
        error => connect::unstored(error),
    };
    let loaded = match loaded {
        Ok(Held::Survey(survey)) => return Ok(survey),
        Ok(Held::Archive(read)) => return read.map_err(judged),
        Err(error) => Err(error),
    };
    loaded.map_err(|error| {
        let name = match file == Path::new("-") {
            true => "stdin".into(),
            false => file.display().to_string(),
        };
        let message = format!("failed to read records from {name}");
        Failure::caused(Exit::Unreachable, message, error).hint(
            "it must be what `{self} check --save` wrote, what `kubectl get secrets,configmaps -A -o json` printed, or an archive that `{self} backup export` wrote",
        )
    })
}

/// No line of a log is longer: an audit event may hold two whole objects.
const LONGEST_LINE: u64 = 16 << 20;

/// Hands out a file's lines, `-` for stdin, compressed or not; one that is too
/// long in pieces.
pub(super) fn lines(file: &Path, line: impl FnMut(&[u8])) -> io::Result<()> {
    match file == Path::new("-") {
        true => unpacked_lines(io::stdin().lock(), line),
        false => unpacked_lines(File::open(file)?, line),
    }
}

fn unpacked_lines(input: impl Read, line: impl FnMut(&[u8])) -> io::Result<()> {
    let mut input = BufReader::new(input);
    match input.fill_buf()?.first() {
        // Rotated logs are put together as they are.
        Some(&GZIP) => each_line(BufReader::new(MultiGzDecoder::new(input)), line),
        _ => each_line(input, line),
    }
}

fn each_line(mut input: impl BufRead, mut line: impl FnMut(&[u8])) -> io::Result<()> {
    let mut found = Vec::new();
    loop {
        found.clear();
        let mut bounded = (&mut input).take(LONGEST_LINE);
        match bounded.read_until(b'\n', &mut found)? {
            0 => return Ok(()),
            _ => line(&found),
        }
    }
}

/// What a file was found to hold.
enum Held {
    Survey(Survey),
    Archive(Result<Survey, StoreError>),
}

fn read(input: impl Read) -> io::Result<Held> {
    let mut input = BufReader::new(input);
    // A pipe may hand out a single byte; it tells an archive from gzip and JSON.
    let first = input.fill_buf()?.first().copied();
    match first {
        first if first == ARCHIVE_MAGIC.bytes().next() => Ok(Held::Archive(archived(input))),
        first if first == Some(GZIP) => {
            parse(BufReader::new(GzDecoder::new(input))).map(Held::Survey)
        }
        _ => parse(input).map(Held::Survey),
    }
}

/// What an archive holds, as a dump of the same records would be judged: a file
/// does not say what happened since, so nothing in it is stale.
fn archived(input: impl Read) -> Result<Survey, StoreError> {
    let store = Store::scratch()?;
    let imported = store.import(input)?;
    let snapshot = store.snapshot(&imported.snapshot.0)?;
    let mut survey = Survey {
        unread: snapshot.missing,
        ..Survey::default()
    };
    let mut holding = store.holding(&snapshot.id)?;
    for saved in &snapshot.records {
        let raw = holding.raw_record(&saved.id)?;
        let mut record = stored::from_metadata(&raw.object["metadata"], saved.id.driver);
        let others = stored::text(&raw.object, saved.id.driver).map(|(_, others)| others);
        let others = others.unwrap_or_default();
        let others: Vec<&str> = others.iter().map(String::as_str).collect();
        record.payload = Payload::read(raw.payload.as_deref(), &others);
        survey.records.push(record);
    }
    let lacks = |driver: &Driver| !snapshot.records.iter().any(|one| one.id.driver == *driver);
    let skipped = Driver::ALL.into_iter().filter(lacks).map(|driver| Skipped {
        what: driver.resource().to_owned(),
        reason: "the file holds none".to_owned(),
    });
    survey.skipped = skipped.collect();
    Ok(survey.sorted())
}

fn parse(input: impl Read) -> io::Result<Survey> {
    let left = Rc::new(Cell::new(u64::MAX));
    let metered = Metered {
        input: input.take(LIMIT),
        left: Rc::clone(&left),
    };
    let mut json = serde_json::Deserializer::from_reader(metered);
    let read = file::read(&mut json, &left).and_then(|read| json.end().map(|()| read));
    match read {
        Ok(read) => read.map_err(io::Error::other),
        // Such an error may quote what it found.
        Err(error) if error.is_data() => {
            let (line, column) = (error.line(), error.column());
            let text =
                format!("it is not of the form that it should be, at line {line}, column {column}");
            Err(io::Error::other(text))
        }
        Err(error) => Err(error.into()),
    }
}

/// Hands out no more than is left.
struct Metered<R> {
    input: R,
    left: Rc<Cell<u64>>,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let left = self.left.get();
        if left == 0 {
            return Err(io::Error::other(
                "an object in it is larger than any record",
            ));
        }
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buf.len());
        let read = self.input.read(buf.get_mut(..most).unwrap_or_default())?;
        self.left
            .set(left.saturating_sub(u64::try_from(read).unwrap_or(u64::MAX)));
        Ok(read)
    }
}

fn gzipped(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "gz")
}

fn create(file: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_cannot_save_is_told_what_to_do() {
        let failure = save(Path::new("/no/such/folder/file"), &Survey::default()).unwrap_err();
        assert_eq!(failure.exit, Exit::Unreachable);
        assert!(failure.hint.unwrap().contains("--save FILE"));
    }
}
