//! Where a release's JSON may be cut, so that what two revisions share is
//! stored once.
//!
//! Between two revisions a chart's templates and files stay as they are, while
//! `info`, `config` and a few documents of the manifest change. So the JSON is
//! cut between top-level fields; inside `chart` between its fields and between
//! the elements of `templates` and `files`; inside `hooks` between its elements;
//! and inside the string `manifest` between documents. The cuts are places in
//! the bytes: nothing is parsed into values, nothing is written anew, and the
//! pieces joined in order are the bytes that were cut, whatever those were.
//! Bytes that are no release yield fewer cuts, never an error.

use std::ops::Range;

use crate::helm::json::{self, Kind};

/// Pieces below this are merged with their small neighbours: what an object
/// costs beside its bytes is about a tenth of this.
const SMALL: usize = 1024;

/// Cuts a release's decoded JSON at its seams.
///
/// The ranges cover every byte exactly once and in order; none is empty unless
/// `json` is, which has no pieces at all. Equal parts of two releases become
/// equal pieces as long as they are not small.
pub fn split(json: &[u8]) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    let mut small = 0..0;
    for (region, key, value) in regions(json, 0..json.len()) {
        if region.len() < SMALL {
            extend(&mut pieces, &mut small, region);
            continue;
        }
        flush(&mut pieces, &mut small);
        let inner = match &json[key] {
            b"chart" => chart(json, region, value),
            b"hooks" => elements(json, region, value),
            b"manifest" => documents(json, region),
            _ => vec![region],
        };
        merge(&mut pieces, inner);
    }
    flush(&mut pieces, &mut small);
    pieces
}

/// Cuts a member `chart` between its fields, and `templates` and `files` between
/// their elements.
fn chart(json: &[u8], region: Range<usize>, value: Range<usize>) -> Vec<Range<usize>> {
    let mut cut = Vec::new();
    for (field, key, value) in within(json, region, value) {
        match &json[key] {
            b"templates" | b"files" => cut.extend(elements(json, field, value)),
            _ => cut.push(field),
        }
    }
    cut
}

/// Cuts a member whose value is an array between the elements.
fn elements(json: &[u8], region: Range<usize>, value: Range<usize>) -> Vec<Range<usize>> {
    within(json, region, value)
        .into_iter()
        .map(|(element, _, _)| element)
        .collect()
}

/// Cuts a member whose value is a string of YAML documents before each `---`
/// that begins a line.
fn documents(json: &[u8], region: Range<usize>) -> Vec<Range<usize>> {
    // As JSON escapes it: a backslash, `n`, and then the three dashes.
    const SEAM: &[u8] = br"\n---";
    let mut cut = Vec::new();
    let mut start = region.start;
    for at in region.start..region.end.saturating_sub(SEAM.len()) {
        if json[at..].starts_with(SEAM) {
            cut.push(start..at + 2);
            start = at + 2;
        }
    }
    cut.push(start..region.end);
    cut
}

/// Joins neighbours that are small; what is not small stays by itself, so that
/// a changing small piece never takes a large one with it.
fn merge(pieces: &mut Vec<Range<usize>>, cut: Vec<Range<usize>>) {
    let mut small = 0..0;
    for piece in cut {
        if piece.len() < SMALL {
            extend(pieces, &mut small, piece);
        } else {
            flush(pieces, &mut small);
            pieces.push(piece);
        }
    }
    flush(pieces, &mut small);
}

fn extend(pieces: &mut Vec<Range<usize>>, small: &mut Range<usize>, piece: Range<usize>) {
    let start = if small.start == small.end {
        piece.start
    } else {
        small.start
    };
    *small = start..piece.end;
    if small.len() >= SMALL {
        flush(pieces, small);
    }
}

fn flush(pieces: &mut Vec<Range<usize>>, small: &mut Range<usize>) {
    if small.start < small.end {
        pieces.push(small.clone());
    }
    *small = 0..0;
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

    fn texts(json: &[u8]) -> Vec<String> {
        split(json)
            .into_iter()
            .map(|range| String::from_utf8_lossy(&json[range]).into_owned())
            .collect()
    }

    fn assert_cover(json: &[u8]) {
        let mut at = 0;
        for piece in split(json) {
            assert_eq!(piece.start, at);
            assert!(piece.end > piece.start);
            at = piece.end;
        }
        assert_eq!(at, json.len());
    }

    fn release(description: &str, image: &str) -> Vec<u8> {
        let template = |n: u32| json!({"name": format!("t{n}"), "data": "x".repeat(2000)});
        let document = |n: u32, image: &str| {
            format!(
                "---\n# Source: a/t{n}\nkind: Deployment\nimage: {image}\n{}\n",
                "# \"pad\" ".repeat(300)
            )
        };
        let release = json!({
            "name": "shop",
            "info": {"description": description},
            "chart": {
                "metadata": {"name": "shop", "version": "1"},
                "lock": null,
                "templates": [template(1), template(2)],
                "values": {"a": "b".repeat(3000)},
                "files": [],
            },
            "manifest": document(1, image) + &document(2, "fixed"),
            "hooks": [{"name": "h", "manifest": "y".repeat(1500)}, {"name": "i"}],
            "version": 3,
            "namespace": "shop",
        });
        serde_json::to_vec(&release).unwrap()
    }

    #[test]
    fn the_seams_are_where_a_release_has_them() {
        let json = release("Install complete", "web:1");
        let starts: Vec<String> = texts(&json)
            .iter()
            .map(|text| text.chars().take(16).collect())
            .collect();
        assert_eq!(
            starts,
            [
                r#"{"name":"shop",""#,
                r#","chart":{"metad"#,
                r#","templates":[{""#,
                r#",{"name":"t2","d"#,
                r#","values":{"a":""#,
                r#","files":[]}"#,
                r#","manifest":"---"#,
                r"---\n# Source: a",
                r#","hooks":[{"name"#,
                r#",{"name":"i"}]"#,
                r#","version":3,"na"#,
            ]
            .map(|start| start.to_owned()),
            "{starts:#?}"
        );
    }

    #[test]
    fn revisions_share_all_but_what_changed() {
        let (old, new) = (
            texts(&release("Install complete", "web:1")),
            texts(&release("Upgrade complete after a while", "web:1.0.1")),
        );
        let changed: Vec<_> = new.iter().filter(|text| !old.contains(text)).collect();
        assert_eq!(changed.len(), 2, "{changed:#?}");
        assert!(changed[0].contains("Upgrade complete"));
        assert!(changed[1].contains("web:1.0.1"));
    }

    #[test]
    fn small_pieces_are_merged() {
        let members: Vec<String> = (0..10_000).map(|n| format!("\"k{n}\":{n}")).collect();
        let json = format!("{{{}}}", members.join(","));
        assert_cover(json.as_bytes());
        assert!(split(json.as_bytes()).len() <= json.len() / SMALL + 1);
    }

    #[test]
    fn depth_costs_no_stack() {
        for open in ["[", "{\"chart\":"] {
            let json = open.repeat(500_000);
            assert_cover(json.as_bytes());
        }
    }

    #[test]
    fn what_is_no_release_is_covered_too() {
        assert!(split(b"").is_empty());
        for json in [
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
        ] {
            assert_cover(json.as_bytes());
        }
    }

    /// Bytes that are nearly a release: its own, with some overwritten.
    fn torn() -> impl Strategy<Value = Vec<u8>> {
        let hits = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..20);
        (hits, any::<prop::sample::Index>()).prop_map(|(hits, cut)| {
            let mut json = release("Install complete", "web:1");
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
        fn json_like_bytes_are_covered(json in r#"[\[\]{}:,"\\ a1n-]{0,4000}"#) {
            assert_cover(json.as_bytes());
        }

        #[test]
        fn torn_releases_are_covered(json in torn()) {
            assert_cover(&json);
        }
    }
}
