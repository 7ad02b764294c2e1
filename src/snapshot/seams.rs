//! Where a release's JSON may be cut, so that what revisions share is stored
//! once.
//!
//! Between two revisions a chart's templates and files stay as they are, while
//! the rest changes everywhere a little. So the member `chart` is cut out, and
//! a large one is cut between its fields and between the elements of
//! `templates` and `files`. The cuts are places in the bytes: nothing is parsed
//! into values, nothing is written anew, and the pieces joined in order are the
//! bytes that were cut, whatever those were. Bytes that are no release have no
//! chart, which is never an error.

use std::ops::Range;

use crate::helm::json::{self, Kind};

/// Charts below this are not worth a piece of their own.
const SMALL: usize = 1024;

/// A piece that has reached this is not continued across the end of a field, so
/// that a values file that changes does not take the templates with it.
const FIELD: usize = 8 << 10;

/// No piece that has reached this is continued. Templates are compressed well
/// together and shared well apart; most of a chart's changes are in its values.
const FULL: usize = 512 << 10;

/// What has this size stands alone, or it would be stored again with each change
/// of a small neighbour.
const LARGE: usize = 64 << 10;

/// Where the value of the member `chart` of a release's decoded JSON begins, if
/// it has one.
pub fn chart(json: &[u8]) -> Option<usize> {
    let mut scan = json::Scanner::new(json);
    scan.enter(b'{').ok()?;
    while let Some(key) = scan.next_key().ok()? {
        if &json[key.start + 1..key.end - 1] == b"chart" {
            scan.kind().ok()?;
            return Some(scan.offset());
        }
        scan.skip().ok()?;
    }
    None
}

/// The pieces of the chart that begins there, in order and without gaps, to where
/// it ends. None if it is small, or broken. They are told by the chart's own bytes
/// alone.
pub fn pieces(json: &[u8], chart: usize) -> Vec<Range<usize>> {
    let rest = json.get(chart..).unwrap_or_default();
    let value = match json::Scanner::new(rest).skip() {
        Ok(value) if value.len() >= SMALL => value.start + chart..value.end + chart,
        _ => return Vec::new(),
    };
    let mut cut = Cut::default();
    for (field, key, inner) in within(json, value.clone(), value) {
        match &json[key] {
            b"templates" | b"files" => {
                for (element, _, _) in within(json, field, inner) {
                    cut.add(element);
                }
            }
            _ => cut.add(field),
        }
        cut.end_if(FIELD);
    }
    cut.end_if(1);
    cut.pieces
}

/// Pieces being gathered.
#[derive(Default)]
struct Cut {
    pieces: Vec<Range<usize>>,
    /// The last one, which may still grow; empty where there is none.
    open: Range<usize>,
}

impl Cut {
    fn add(&mut self, region: Range<usize>) {
        let large = region.len() >= LARGE;
        self.end_if(if large { 1 } else { FULL });
        match self.open.is_empty() {
            true => self.open = region,
            false => self.open.end = region.end,
        }
        self.end_if(if large { 1 } else { FULL });
    }

    /// Ends the open piece if it has reached that size.
    fn end_if(&mut self, size: usize) {
        if self.open.len() >= size {
            self.pieces.push(std::mem::take(&mut self.open));
        }
    }
}

/// A member of an object or an element of an array: the bytes from the end of
/// the one before it to its own end, its key without quotes (empty in an array),
/// and its value.
type Region = (Range<usize>, Range<usize>, Range<usize>);

/// The members or elements of `value`, with their regions stretched so that
/// together they cover `outer`.
fn within(json: &[u8], outer: Range<usize>, value: Range<usize>) -> Vec<Region> {
    let mut regions = regions(json, value);
    if let Some((first, _, _)) = regions.first_mut() {
        first.start = outer.start;
    }
    if let Some((last, _, _)) = regions.last_mut() {
        last.end = outer.end;
    }
    regions
}

/// The members or elements of the object or array that fills `value`, as far as
/// it is JSON; what follows the last of them is part of it. One region if it is
/// neither.
fn regions(json: &[u8], value: Range<usize>) -> Vec<Region> {
    let mut found = Vec::new();
    // Where this is no JSON, what was found so far is all there is.
    let _ = find_regions(&json[value.clone()], value.start, &mut found);
    match found.last_mut() {
        Some((last, _, _)) => last.end = value.end,
        None if value.start == value.end => {}
        None => found.push((value.clone(), 0..0, value)),
    }
    found
}

fn find_regions(
    json: &[u8],
    offset: usize,
    found: &mut Vec<Region>,
) -> Result<(), json::SyntaxError> {
    let mut scan = json::Scanner::new(json);
    let moved = |span: Range<usize>| span.start + offset..span.end + offset;
    let mut start = 0;
    match scan.kind()? {
        Kind::Object => {
            scan.enter(b'{')?;
            while let Some(key) = scan.next_key()? {
                let value = scan.skip()?;
                let region = moved(start..value.end);
                start = value.end;
                found.push((region, moved(key.start + 1..key.end - 1), moved(value)));
            }
        }
        Kind::Array => {
            scan.enter(b'[')?;
            while scan.next_item()? {
                let value = scan.skip()?;
                found.push((moved(start..value.end), 0..0, moved(value.clone())));
                start = value.end;
            }
        }
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn cut(json: &[u8]) -> Vec<Range<usize>> {
        chart(json).map_or(Vec::new(), |start| pieces(json, start))
    }

    fn texts(json: &[u8]) -> Vec<String> {
        cut(json)
            .into_iter()
            .map(|range| String::from_utf8_lossy(&json[range]).into_owned())
            .collect()
    }

    /// No gaps, nothing empty, all inside.
    fn assert_cover(json: &[u8]) {
        let pieces = cut(json);
        for pair in pieces.windows(2) {
            assert_eq!(pair[0].end, pair[1].start);
        }
        assert!(pieces.iter().all(|piece| piece.start < piece.end));
        assert!(pieces.last().is_none_or(|last| last.end <= json.len()));
    }

    fn release(templates: &[usize], values: usize) -> Vec<u8> {
        let templates = templates.iter().enumerate();
        let templates: Vec<_> = templates
            .map(|(n, size)| json!({"name": format!("t{n}"), "data": "x".repeat(*size)}))
            .collect();
        let release = json!({
            "name": "shop",
            "info": {"description": "Install complete"},
            "chart": {
                "metadata": {"name": "shop", "version": "1"},
                "lock": null,
                "templates": templates,
                "values": {"a": "b".repeat(values)},
                "files": [],
            },
            "manifest": "---\n",
            "version": 3,
        });
        serde_json::to_vec(&release).unwrap()
    }

    #[test]
    fn a_small_chart_is_one_piece() {
        let json = release(&[500, 500], 100);
        let pieces = texts(&json);
        assert_eq!(pieces.len(), 1);
        assert!(pieces[0].starts_with(r#"{"metadata":"#) && pieces[0].ends_with(r#""files":[]}"#));
        assert!(cut(&release(&[], 10)).is_empty());
    }

    #[test]
    fn a_large_chart_is_cut_between_fields_and_elements() {
        let json = release(&[70_000, 60_000, 60_000, 60_000, 60_000, 2_000], 9_000);
        let starts: Vec<String> = texts(&json)
            .iter()
            .map(|text| text.chars().take(18).collect())
            .collect();
        assert_eq!(
            starts,
            [
                r#"{"metadata":{"name"#,
                r#","templates":[{"na"#,
                r#",{"name":"t1","dat"#,
                r#","values":{"a":"bb"#,
                r#","files":[]}"#,
            ],
        );
    }

    #[test]
    fn a_chart_that_changed_shares_what_did_not() {
        let old = texts(&release(&[70_000, 9_000, 80_000], 9_000));
        let new = texts(&release(&[70_000, 9_001, 80_000], 9_000));
        let changed = new.iter().filter(|text| !old.contains(text));
        assert_eq!(changed.count(), 1);
    }

    #[test]
    fn depth_costs_no_stack() {
        for open in ["[", "{\"chart\":"] {
            let json = open.repeat(500_000);
            assert_cover(json.as_bytes());
        }
    }

    #[test]
    fn what_is_no_release_has_no_chart() {
        for json in [
            "",
            "{",
            "}",
            "\"",
            "\"\\",
            "{\"",
            "{\"a",
            "{\"a\"",
            "{\"a\":",
            "{:",
            "[,,,",
            "null",
            "{1:2}",
            "\u{0}",
            "{\"a\":\"\\",
            "{} trailing",
            "]",
            "{\"chart\":",
        ] {
            assert!(cut(json.as_bytes()).is_empty(), "{json}");
        }
    }

    /// Bytes that are nearly a release: its own, with some overwritten.
    fn torn() -> impl Strategy<Value = Vec<u8>> {
        let hits = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..20);
        (hits, any::<prop::sample::Index>()).prop_map(|(hits, cut)| {
            let mut json = release(&[20_000, 900, 900], 9_000);
            for (at, byte) in hits {
                let at = at.index(json.len());
                json[at] = byte;
            }
            let end = cut.index(json.len() + 1);
            json.truncate(end);
            json
        })
    }

    proptest! {
        #[test]
        fn random_bytes_are_covered(json in prop::collection::vec(any::<u8>(), 0..5000)) {
            assert_cover(&json);
        }

        #[test]
        fn json_like_bytes_are_covered(json in r#"\{"chart":[\[\]{}:,"\\ a1n-]{0,4000}"#) {
            assert_cover(json.as_bytes());
        }

        #[test]
        fn torn_releases_are_covered(json in torn()) {
            assert_cover(&json);
        }
    }
}
