//! What a payload holds in full: the user's values, and the chart as it was
//! recorded.
//!
//! The bulk that [`super::parse`] steps over, as the spans it is. A record never
//! holds a chart's sub-charts: in Helm they are a field that is not stored.

use std::borrow::Cow;

use serde_json::Value;

use super::{Kind, ParseError, Reader, Scanner, push};

/// The user's values and the chart. It has no `Debug`: values hold secrets.
#[derive(Default)]
pub struct Content<'a> {
    /// `config`: the values that the user gave, as JSON; `None` where there are
    /// none.
    pub config: Option<&'a [u8]>,
    /// `chart`; `None` where there is none.
    pub chart: Option<Package<'a>>,
}

/// `chart`, each part as the JSON it is; `None` where it is missing or `null`.
#[derive(Default)]
pub struct Package<'a> {
    /// `metadata`: what `Chart.yaml` said.
    pub metadata: Option<&'a [u8]>,
    /// `lock`: what `Chart.lock` said.
    pub lock: Option<&'a [u8]>,
    /// `values`: the chart's own.
    pub values: Option<&'a [u8]>,
    /// `schema`: `values.schema.json` in base64; empty where there is none.
    pub schema: Cow<'a, str>,
    /// `templates`.
    pub templates: Vec<File<'a>>,
    /// `files`: all others, CRDs among them.
    pub files: Vec<File<'a>>,
}

/// A file of a chart.
#[derive(Default)]
pub struct File<'a> {
    /// Its path in the chart. Nobody vouches for it.
    pub name: Cow<'a, str>,
    /// Its bytes in base64.
    pub data: Cow<'a, str>,
}

/// Reads what a payload holds in full, by the rules of [`super::parse`].
///
/// # Errors
///
/// If Helm could not decode it.
pub fn content(json: &[u8]) -> Result<Content<'_>, ParseError> {
    let mut reader = Reader(Scanner::new(json));
    let mut content = Content::default();
    reader.object("the text", |reader, key| match key {
        "config" => reader.raw("config", &mut content.config),
        "chart" => reader.package(&mut content.chart),
        _ => reader.skip(),
    })?;
    reader.0.end()?;
    Ok(content)
}

/// The values that the user gave; an empty object where there are none.
///
/// # Errors
///
/// If Helm could not decode them, or they are nested deeper than anybody writes.
pub fn values(json: &[u8]) -> Result<Value, ParseError> {
    let config = content(json)?.config.unwrap_or(b"{}");
    let field = "config";
    let wanted = "an object of fewer than 128 levels";
    serde_json::from_slice(config).map_err(|_| ParseError::Type { field, wanted })
}

impl<'a> Reader<'a> {
    /// An object as the bytes it is; a `null` is none.
    fn raw(&mut self, field: &'static str, to: &mut Option<&'a [u8]>) -> Result<(), ParseError> {
        *to = match self.is(field, Kind::Object)? {
            true => {
                let span = self.0.skip()?;
                Some(self.0.slice(span))
            }
            false => None,
        };
        Ok(())
    }

    fn package(&mut self, to: &mut Option<Package<'a>>) -> Result<(), ParseError> {
        let mut chart = to.take().unwrap_or_default();
        let found = self.object("chart", |reader, key| match key {
            "metadata" => reader.raw("chart.metadata", &mut chart.metadata),
            "lock" => reader.raw("chart.lock", &mut chart.lock),
            "values" => reader.raw("chart.values", &mut chart.values),
            "schema" => reader.text("chart.schema", &mut chart.schema),
            "templates" => reader.files("chart.templates", &mut chart.templates),
            "files" => reader.files("chart.files", &mut chart.files),
            _ => reader.skip(),
        })?;
        *to = found.then_some(chart);
        Ok(())
    }

    fn files(&mut self, field: &'static str, to: &mut Vec<File<'a>>) -> Result<(), ParseError> {
        to.clear();
        if !self.is(field, Kind::Array)? {
            return Ok(());
        }
        self.0.enter(b'[')?;
        while self.0.next_item()? {
            let mut file = File::default();
            let found = self.object(field, |reader, key| match key {
                "name" => reader.text(field, &mut file.name),
                "data" => reader.text(field, &mut file.data),
                _ => reader.skip(),
            })?;
            if found {
                push(field, file, to)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bulk_of_a_payload_is_read() {
        let content = content(include_bytes!("helm3.json")).unwrap();
        assert!(content.config.unwrap().starts_with(b"{"));
        let chart = content.chart.unwrap();
        assert!(chart.metadata.unwrap().starts_with(b"{"));
        assert!(chart.templates.iter().all(|file| !file.name.is_empty()));
    }

    #[test]
    fn what_is_missing_is_none_and_what_is_wrong_is_named() {
        let empty = content(br#"{"chart":{"lock":null,"files":[null,{}]},"config":null}"#);
        let Ok(Content {
            config: None,
            chart: Some(chart),
        }) = empty
        else {
            panic!("not read");
        };
        assert!(chart.metadata.is_none() && chart.lock.is_none());
        assert_eq!((chart.templates.len(), chart.files.len()), (0, 1));
        assert!(content(b"{}").is_ok_and(|content| content.chart.is_none()));
        let wrong = content(br#"{"chart":{"templates":[{"name":1}]}}"#).err();
        let wrong = wrong.unwrap().to_string();
        assert_eq!(wrong, "JSON: chart.templates is not a string");
        assert!(content(br#"{"config":{}} x"#).is_err());
        assert_eq!(values(b"{}").unwrap(), serde_json::json!({}));
    }
}
