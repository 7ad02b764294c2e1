//! What a payload's JSON says, read as Helm 3 and Helm 4 read it.
//!
//! Both store `release v1` (helm v3.21 `pkg/release/release.go`, v4.2
//! `pkg/release/v1/release.go`); Helm 4 adds `apply_method` and leaves zero
//! times out where Helm 3 writes `""`. The view is transient: it borrows from
//! the JSON, and the bulk (templates, files, values) is stepped over.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use crate::helm::json::{self, Kind, Scanner, SyntaxError};

pub mod content;

pub use content::content;

/// How many hooks a release may have, and events or policies a hook; a chart's
/// hooks number in the tens.
const LIST_LIMIT: usize = 10_000;

/// Go's zero time: the first moment of year 1.
const ZERO: Timestamp = Timestamp::constant(-62_135_596_800, 0);

/// Why Helm cannot use a payload's JSON. Never holds values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// It is not JSON, or something follows it.
    #[error("JSON: {0}")]
    Syntax(SyntaxError),
    /// A field is not of the type Helm decodes it to.
    #[error("JSON: {field} is not {wanted}")]
    Type {
        /// The field's dotted path.
        field: &'static str,
        /// `a string`.
        wanted: &'static str,
    },
    /// `info.resources` holds objects, as the output of `helm status -o json`
    /// does; Go cannot decode them, because their type is an interface.
    #[error("JSON: info.resources holds objects, which Helm cannot decode")]
    Resources,
    /// `info` is missing. Helm decodes this and then dies of a nil pointer,
    /// `helm list` included.
    #[error("no info, on which Helm crashes")]
    NoInfo,
    /// A list is longer than any real one.
    #[error("JSON: {field} has more than {LIST_LIMIT} elements")]
    TooMany {
        /// The field's dotted path.
        field: &'static str,
    },
}

impl From<SyntaxError> for ParseError {
    fn from(error: SyntaxError) -> Self {
        Self::Syntax(error)
    }
}

/// A payload. Missing fields are empty or zero, as in Go. It has no `Debug`:
/// manifests hold Secrets.
#[derive(Default)]
pub struct View<'a> {
    /// `name`.
    pub name: Cow<'a, str>,
    /// `namespace`: the release's, which may differ from the storage namespace.
    pub namespace: Cow<'a, str>,
    /// `version`: the revision.
    pub version: i64,
    /// `info`.
    pub info: Info<'a>,
    /// `chart.metadata`; `None` where there is none, which `helm list` shows
    /// as `MISSING`.
    pub chart: Option<Chart<'a>>,
    /// `apply_method`: Helm 4's `ssa` or `csa`; empty means `csa`.
    pub apply_method: Cow<'a, str>,
    /// `manifest`: all documents but hooks and CRDs.
    pub manifest: Cow<'a, str>,
    /// `hooks`.
    pub hooks: Vec<Hook<'a>>,
}

/// `info`. A zero time (`""`, `null`, absent, the first moment of year 1) is
/// `None`.
#[derive(Default)]
pub struct Info<'a> {
    /// `first_deployed`.
    pub first_deployed: Option<Timestamp>,
    /// `last_deployed`: the clock of the machine that ran Helm.
    pub last_deployed: Option<Timestamp>,
    /// `deleted`.
    pub deleted: Option<Timestamp>,
    /// `description`.
    pub description: Cow<'a, str>,
    /// `status`, as it is spelled.
    pub status: Cow<'a, str>,
}

/// `chart.metadata`.
#[derive(Default)]
pub struct Chart<'a> {
    /// `name`.
    pub name: Cow<'a, str>,
    /// `version`.
    pub version: Cow<'a, str>,
    /// `appVersion`.
    pub app_version: Cow<'a, str>,
}

/// One of `hooks`. It has no `Debug`, for its manifest.
#[derive(Default)]
pub struct Hook<'a> {
    /// `name`: of the hook's object.
    pub name: Cow<'a, str>,
    /// `kind`: of the hook's object.
    pub kind: Cow<'a, str>,
    /// `path`: the template it came from.
    pub path: Cow<'a, str>,
    /// `manifest`: its document.
    pub manifest: Cow<'a, str>,
    /// `events`: `pre-upgrade`, ….
    pub events: Vec<Cow<'a, str>>,
    /// `last_run`.
    pub last_run: LastRun<'a>,
    /// `weight`.
    pub weight: i64,
    /// `delete_policies`: `before-hook-creation`, ….
    pub delete_policies: Vec<Cow<'a, str>>,
}

/// A hook's `last_run`.
#[derive(Default)]
pub struct LastRun<'a> {
    /// `started_at`.
    pub started_at: Option<Timestamp>,
    /// `completed_at`.
    pub completed_at: Option<Timestamp>,
    /// `phase`: empty, `Unknown`, `Running`, `Succeeded` or `Failed`.
    pub phase: Cow<'a, str>,
}

/// Reads a payload's JSON by the rules of Go's decoder: unknown fields are
/// passed over, keys match whatever their case, of duplicates the last one
/// counts and objects add up (as in Helm 3), `null` and `""` for a time change
/// nothing.
///
/// Two departures, found by comparing 80,000 damaged payloads with Go: of two
/// `hooks` arrays Go mixes the elements, here the last one counts; the last day
/// of year 9999 becomes the last moment that jiff knows.
///
/// Of what is not kept, only that it is JSON is checked; so Helm may still
/// stumble over, say, a template whose name is a number, or a value in `config`
/// that no float holds.
///
/// # Errors
///
/// If Helm could not decode it, or would crash on it.
pub fn parse(json: &[u8]) -> Result<View<'_>, ParseError> {
    let mut reader = Reader(Scanner::new(json));
    let mut view = View::default();
    let mut info = None;
    reader.object("the text", |reader, key| match key {
        "name" => reader.text("name", &mut view.name),
        "namespace" => reader.text("namespace", &mut view.namespace),
        "version" => reader.integer("version", &mut view.version),
        "info" => reader.info(&mut info),
        "chart" => reader.chart(&mut view.chart),
        "config" => reader.opaque("config", Kind::Object),
        "apply_method" => reader.text("apply_method", &mut view.apply_method),
        "manifest" => reader.text("manifest", &mut view.manifest),
        "hooks" => reader.hooks(&mut view.hooks),
        _ => reader.skip(),
    })?;
    reader.0.end()?;
    view.info = info.ok_or(ParseError::NoInfo)?;
    Ok(view)
}

/// A scanner that knows Helm's types.
struct Reader<'a>(Scanner<'a>);

impl<'a> Reader<'a> {
    /// Hands the key, in lower case, of each member of the object that comes
    /// next to `member`, which must read the value. `false` for a `null`.
    fn object(
        &mut self,
        field: &'static str,
        mut member: impl FnMut(&mut Self, &str) -> Result<(), ParseError>,
    ) -> Result<bool, ParseError> {
        if !self.is(field, Kind::Object)? {
            return Ok(false);
        }
        self.0.enter(b'{')?;
        while let Some(key) = self.0.next_key()? {
            let key = json::unquote(self.0.slice(key));
            member(self, &json::fold(key))?;
        }
        Ok(true)
    }

    /// Whether a value of this kind comes next; a `null` is stepped over.
    fn is(&mut self, field: &'static str, kind: Kind) -> Result<bool, ParseError> {
        let wanted = match kind {
            Kind::Object => "an object",
            Kind::Array => "an array",
            Kind::Number => "an integer",
            _ => "a string",
        };
        match self.0.kind()? {
            Kind::Null => self.skip().map(|()| false),
            found if found == kind => Ok(true),
            _ => Err(ParseError::Type { field, wanted }),
        }
    }

    fn skip(&mut self) -> Result<(), ParseError> {
        self.0.skip()?;
        Ok(())
    }

    fn opaque(&mut self, field: &'static str, kind: Kind) -> Result<(), ParseError> {
        if self.is(field, kind)? {
            self.skip()?;
        }
        Ok(())
    }

    fn text(&mut self, field: &'static str, to: &mut Cow<'a, str>) -> Result<(), ParseError> {
        if self.is(field, Kind::String)? {
            let span = self.0.skip()?;
            *to = json::unquote(self.0.slice(span));
        }
        Ok(())
    }

    fn integer(&mut self, field: &'static str, to: &mut i64) -> Result<(), ParseError> {
        if self.is(field, Kind::Number)? {
            let span = self.0.skip()?;
            let wanted = "an integer";
            *to = std::str::from_utf8(self.0.slice(span))
                .ok()
                .and_then(|digits| digits.parse().ok())
                .ok_or(ParseError::Type { field, wanted })?;
        }
        Ok(())
    }

    fn time(&mut self, field: &'static str, to: &mut Option<Timestamp>) -> Result<(), ParseError> {
        let mut text = Cow::Borrowed("");
        self.text(field, &mut text)?;
        if !text.is_empty() {
            let wanted = "an RFC 3339 time";
            let time = rfc3339(&text).ok_or(ParseError::Type { field, wanted })?;
            *to = Some(time).filter(|time| *time != ZERO);
        }
        Ok(())
    }

    fn info(&mut self, to: &mut Option<Info<'a>>) -> Result<(), ParseError> {
        let mut info = to.take().unwrap_or_default();
        let found = self.object("info", |reader, key| match key {
            "first_deployed" => reader.time("info.first_deployed", &mut info.first_deployed),
            "last_deployed" => reader.time("info.last_deployed", &mut info.last_deployed),
            "deleted" => reader.time("info.deleted", &mut info.deleted),
            "description" => reader.text("info.description", &mut info.description),
            "status" => reader.text("info.status", &mut info.status),
            "notes" => reader.opaque("info.notes", Kind::String),
            "resources" => reader.resources(),
            _ => reader.skip(),
        })?;
        *to = found.then_some(info);
        Ok(())
    }

    /// `info.resources` is a map of lists of an interface type: Go reads empty
    /// lists and `null`s only.
    fn resources(&mut self) -> Result<(), ParseError> {
        self.object("info.resources", |reader, _| {
            if reader.is("info.resources", Kind::Array)? {
                reader.0.enter(b'[')?;
                while reader.0.next_item()? {
                    if reader.0.kind()? != Kind::Null {
                        return Err(ParseError::Resources);
                    }
                    reader.skip()?;
                }
            }
            Ok(())
        })?;
        Ok(())
    }

    fn chart(&mut self, to: &mut Option<Chart<'a>>) -> Result<(), ParseError> {
        let mut metadata = to.take();
        let found = self.object("chart", |reader, key| {
            if key != "metadata" {
                return reader.skip();
            }
            let mut chart = metadata.take().unwrap_or_default();
            let found = reader.object("chart.metadata", |reader, key| match key {
                "name" => reader.text("chart.metadata.name", &mut chart.name),
                "version" => reader.text("chart.metadata.version", &mut chart.version),
                "appversion" => reader.text("chart.metadata.appVersion", &mut chart.app_version),
                _ => reader.skip(),
            })?;
            metadata = found.then_some(chart);
            Ok(())
        })?;
        *to = metadata.filter(|_| found);
        Ok(())
    }

    fn hooks(&mut self, to: &mut Vec<Hook<'a>>) -> Result<(), ParseError> {
        to.clear();
        if !self.is("hooks", Kind::Array)? {
            return Ok(());
        }
        self.0.enter(b'[')?;
        while self.0.next_item()? {
            let mut hook = Hook::default();
            // A null is a nil pointer to Helm, and names no object to us.
            if self.hook(&mut hook)? {
                push("hooks", hook, to)?;
            }
        }
        Ok(())
    }

    fn hook(&mut self, hook: &mut Hook<'a>) -> Result<bool, ParseError> {
        self.object("hooks", |reader, key| match key {
            "name" => reader.text("hooks.name", &mut hook.name),
            "kind" => reader.text("hooks.kind", &mut hook.kind),
            "path" => reader.text("hooks.path", &mut hook.path),
            "manifest" => reader.text("hooks.manifest", &mut hook.manifest),
            "events" => reader.texts("hooks.events", &mut hook.events),
            "last_run" => reader.last_run(&mut hook.last_run),
            "weight" => reader.integer("hooks.weight", &mut hook.weight),
            "delete_policies" => reader.texts("hooks.delete_policies", &mut hook.delete_policies),
            _ => reader.skip(),
        })
    }

    fn last_run(&mut self, run: &mut LastRun<'a>) -> Result<(), ParseError> {
        self.object("hooks.last_run", |reader, key| match key {
            "started_at" => reader.time("hooks.last_run.started_at", &mut run.started_at),
            "completed_at" => reader.time("hooks.last_run.completed_at", &mut run.completed_at),
            "phase" => reader.text("hooks.last_run.phase", &mut run.phase),
            _ => reader.skip(),
        })?;
        Ok(())
    }

    fn texts(&mut self, field: &'static str, to: &mut Vec<Cow<'a, str>>) -> Result<(), ParseError> {
        to.clear();
        if !self.is(field, Kind::Array)? {
            return Ok(());
        }
        self.0.enter(b'[')?;
        while self.0.next_item()? {
            let mut text = Cow::Borrowed("");
            self.text(field, &mut text)?;
            push(field, text, to)?;
        }
        Ok(())
    }
}

fn push<T>(field: &'static str, item: T, to: &mut Vec<T>) -> Result<(), ParseError> {
    if to.len() == LIST_LIMIT {
        return Err(ParseError::TooMany { field });
    }
    to.push(item);
    Ok(())
}

/// Reads a time as Go's `time.Time` does: in the shape of RFC 3339, with a
/// comma as good as a point, offsets of up to 24 hours, and no leap seconds.
fn rfc3339(text: &str) -> Option<Timestamp> {
    let digit = |byte: u8| if byte.is_ascii_digit() { b'0' } else { byte };
    let shape: Vec<u8> = text.bytes().take(64).map(digit).collect();
    let rest = shape.strip_prefix(b"0000-00-00T00:00:00")?;
    let fraction = match rest {
        [b'.' | b',', digits @ ..] => digits.iter().take_while(|b| **b == b'0').count(),
        _ => 0,
    };
    // Go cuts a fraction after nanoseconds; jiff refuses what is longer.
    let point = usize::from(fraction > 0);
    let moment: DateTime = text.get(..19 + point + fraction.min(9))?.parse().ok()?;
    let offset = match &rest[point + fraction..] {
        b"Z" => Offset::UTC,
        b"+00:00" | b"-00:00" => offset(text.get(19 + point + fraction..)?)?,
        _ => return None,
    };
    if text.get(17..19)? == "60" {
        return None;
    }
    // The one day that jiff lacks is the last of year 9999.
    Some(offset.to_timestamp(moment).unwrap_or(Timestamp::MAX))
}

/// `+02:00`, its shape being certain.
fn offset(zone: &str) -> Option<Offset> {
    let hours: i32 = zone.get(1..3)?.parse().ok()?;
    let minutes: i32 = zone.get(4..6)?.parse().ok()?;
    if hours > 24 || minutes > 60 {
        return None;
    }
    let seconds = (hours * 60 + minutes) * 60;
    let east = zone.starts_with('+');
    Offset::from_seconds(if east { seconds } else { -seconds }).ok()
}

#[cfg(test)]
mod tests;
