//! What one saved record tells of its revision.

use jiff::Timestamp;

use crate::helm::codec::{self, DecodeError};
use crate::helm::release;
use crate::survey::RawRecord;

/// Why a saved record tells nothing, as a fragment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Untold {
    /// We do not read it; Helm may.
    #[error("{}", codec::TOO_LARGE)]
    TooLarge,
    /// It cannot be decoded, by Helm or by us.
    #[error("{0}")]
    Undecodable(String),
}

impl From<DecodeError> for Untold {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::TooLarge => Self::TooLarge,
            error => Self::Undecodable(error.to_string()),
        }
    }
}

/// What a list of revisions says of one, as `helm history` does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// `info.status`, as it is spelled.
    pub status: String,
    /// `info.last_deployed`: the clock of the machine that ran Helm.
    pub updated: Option<Timestamp>,
    /// `NAME-VERSION`; `None` where there is no chart.
    pub chart: Option<String>,
    /// The chart's `appVersion`.
    pub app_version: String,
    /// `info.description`.
    pub description: String,
}

impl Told {
    /// Reads it from a payload's JSON.
    ///
    /// # Errors
    ///
    /// Why it cannot be read.
    pub fn read(json: &[u8]) -> Result<Self, Untold> {
        let view = release::parse(json);
        let view = view.map_err(|error| Untold::Undecodable(error.to_string()))?;
        let chart = view.chart.as_ref();
        Ok(Self {
            status: view.info.status.to_string(),
            updated: view.info.last_deployed,
            chart: chart.map(|chart| format!("{}-{}", chart.name, chart.version)),
            app_version: chart.map_or_else(String::new, |chart| chart.app_version.to_string()),
            description: view.info.description.to_string(),
        })
    }
}

/// The JSON in a record's payload.
///
/// # Errors
///
/// Why it cannot be unpacked.
pub fn plain(record: &RawRecord) -> Result<Vec<u8>, Untold> {
    decoded(record.payload.as_deref())
}

/// The JSON of a payload's text.
///
/// # Errors
///
/// As of [`plain`].
pub fn decoded(text: Option<&[u8]>) -> Result<Vec<u8>, Untold> {
    let none = || Untold::Undecodable("it has no payload".to_owned());
    Ok(codec::decode(text.ok_or_else(none)?, codec::PLAIN_LIMIT)?.json)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::helm::Driver;
    use crate::survey::RecordId;

    fn record(payload: Option<&[u8]>) -> RawRecord {
        RawRecord {
            id: RecordId {
                namespace: "shop".into(),
                driver: Driver::Secret,
                name: "sh.helm.release.v1.web.v1".into(),
            },
            object: json!({"metadata": {}}),
            payload: payload.map(|text| text.to_vec().into()),
        }
    }

    #[test]
    fn a_payload_tells() {
        let json = include_bytes!("../helm/release/helm3.json");
        let text = codec::encode(json, codec::TEXT_LIMIT).unwrap();
        let plain = plain(&record(Some(&text))).unwrap();
        assert_eq!(plain, json);
        let told = Told::read(&plain).unwrap();
        assert_eq!(
            (told.status.as_str(), told.app_version.as_str()),
            ("pending-upgrade", "v9")
        );
        assert_eq!(told.chart.as_deref(), Some("web-1.2.3"));
        assert_eq!(told.updated.unwrap().to_string(), "2026-03-02T08:30:00.5Z");
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let why = |payload| plain(&record(payload)).unwrap_err().to_string();
        assert_eq!(why(None), "it has no payload");
        assert_eq!(why(Some(b"")), "empty");
        assert_eq!(
            Told::read(b"{}").unwrap_err().to_string(),
            "no info, on which Helm crashes"
        );
        assert_eq!(Untold::from(DecodeError::TooLarge), Untold::TooLarge);
    }
}
