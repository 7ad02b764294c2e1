//! Surveys in files: `check --save` and `check --from`.
#![expect(
    clippy::disallowed_methods,
    reason = "the files that the user names on the command line are opened here"
)]

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use serde::{Deserialize, Serialize};

use crate::error::{Exit, Failure};
use crate::survey::Survey;

/// The largest survey that is read, in bytes: one of a million records.
const LIMIT: u64 = 2 << 30;

/// Names the format of the file; another one is refused.
const SCHEMA: &str = "zadig-doctor/survey/v1";

#[derive(Serialize)]
struct Saved<'a> {
    schema: &'a str,
    survey: &'a Survey,
}

#[derive(Deserialize)]
struct Loaded {
    schema: String,
    survey: Survey,
}

/// Writes a survey as JSON, private to the user; compressed if the file's name
/// ends in `.gz`.
pub(super) fn save(file: &Path, survey: &Survey) -> Result<(), Failure> {
    let schema = SCHEMA;
    let saved = create(file).and_then(|out| {
        let mut out = BufWriter::new(out);
        match gzipped(file) {
            true => {
                let mut gzip = GzEncoder::new(out, Compression::default());
                serde_json::to_writer(&mut gzip, &Saved { schema, survey })?;
                gzip.finish()?.flush()
            }
            false => {
                serde_json::to_writer(&mut out, &Saved { schema, survey })?;
                out.flush()
            }
        }
    });
    saved.map_err(|error| {
        Failure::caused(
            Exit::Unreachable,
            format!("failed to write {}", file.display()),
            error,
        )
    })
}

/// Reads a survey that [`save`] wrote.
pub(super) fn load(file: &Path) -> Result<Survey, Failure> {
    let loaded = File::open(file).and_then(|input| {
        let input = BufReader::new(input);
        let loaded: Result<Loaded, _> = match gzipped(file) {
            true => serde_json::from_reader(GzDecoder::new(input).take(LIMIT)),
            false => serde_json::from_reader(input.take(LIMIT)),
        };
        match loaded.map_err(io::Error::from)? {
            Loaded { schema, survey } if schema == SCHEMA => Ok(survey),
            Loaded { schema, .. } => Err(io::Error::other(format!("its format is {schema:?}"))),
        }
    });
    loaded.map(Survey::sorted).map_err(|error| {
        Failure::caused(
            Exit::Unreachable,
            format!("failed to read a survey from {}", file.display()),
            error,
        )
        .hint("it must be a file that `{self} check --save` wrote")
    })
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
