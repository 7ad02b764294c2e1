//! JSON with its strings of base64 kept as the bytes that they stand for. Pure.
//!
//! Helm keeps templates and files in base64, whose groups of three bytes hide
//! from a compressor what two texts share. Only strings that encode to the very
//! same base64 again are folded, so that unfolding gives back every byte.
//!
//! Folded bytes are runs, each behind its length (LEB128): JSON as it was, then
//! bytes to be encoded, and so on in turn.

use base64_simd::STANDARD;

use super::room;

/// Shorter strings are left alone: they would cost more than they save.
const SHORTEST: usize = 64;

/// Folds JSON, or any other bytes, into `folded`; `None` if there is nothing to
/// fold.
pub(super) fn fold(plain: &[u8], folded: &mut Vec<u8>) -> Option<()> {
    // It only becomes shorter, but for a few lengths.
    room::make(folded, plain.len()).ok()?;
    let mut done = 0;
    let mut start = 0;
    for quote in memchr::memchr_iter(b'"', plain) {
        let text = &plain[start..quote];
        if text.len() >= SHORTEST && STANDARD.check(text).is_ok() {
            run(folded, &plain[done..start]);
            let length = STANDARD.decoded_length(text).ok()?;
            head(folded, length);
            STANDARD.decode_append(text, folded).ok()?;
            done = quote;
        }
        start = quote + 1;
    }
    if done == 0 {
        return None;
    }
    run(folded, &plain[done..]);
    Some(())
}

/// Unfolds to at most `limit` bytes, which replace those of `plain`; `None` if
/// these were never folded, or to more.
pub(super) fn unfold(mut folded: &[u8], limit: usize, plain: &mut Vec<u8>) -> Option<()> {
    // The limit may be a damaged length.
    room::make(plain, limit).ok()?;
    let mut as_it_was = true;
    while !folded.is_empty() {
        let run = next(&mut folded)?;
        let end = match as_it_was {
            true => plain.len() + run.len(),
            false => plain.len() + base64::encoded_len(run.len(), true)?,
        };
        if end > limit {
            return None;
        }
        match as_it_was {
            true => plain.extend_from_slice(run),
            false => {
                STANDARD.encode_append(run, plain);
            }
        }
        as_it_was = !as_it_was;
    }
    Some(())
}

fn run(folded: &mut Vec<u8>, bytes: &[u8]) {
    head(folded, bytes.len());
    folded.extend_from_slice(bytes);
}

fn head(folded: &mut Vec<u8>, mut length: usize) {
    while length >= 0x80 {
        folded.push(length as u8 | 0x80);
        length >>= 7;
    }
    folded.push(length as u8);
}

fn next<'a>(folded: &mut &'a [u8]) -> Option<&'a [u8]> {
    let mut length = 0_usize;
    for shift in (0..28).step_by(7) {
        let (byte, rest) = folded.split_first()?;
        *folded = rest;
        length |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            let (run, rest) = folded.split_at_checked(length)?;
            *folded = rest;
            return Some(run);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::*;

    fn folded(plain: &[u8]) -> Option<Vec<u8>> {
        let mut folded = vec![1; 3];
        fold(plain, &mut folded).map(|()| folded)
    }

    fn unfolded(folded: &[u8], limit: usize) -> Option<Vec<u8>> {
        let mut plain = vec![1; 3];
        unfold(folded, limit, &mut plain).map(|()| plain)
    }

    fn json(texts: &[&str]) -> Vec<u8> {
        let data: Vec<_> = texts.iter().map(|text| STANDARD.encode(text)).collect();
        serde_json::to_vec(&serde_json::json!({"name": "a", "data": data})).unwrap()
    }

    #[test]
    fn texts_are_kept_as_they_are_meant() {
        let text = "a template that is long enough to be kept as its text, whatever it says\n";
        let plain = json(&[text, text, "short"]);
        let folded = folded(&plain).unwrap();
        let found = folded.windows(text.len()).filter(|w| *w == text.as_bytes());
        assert_eq!(found.count(), 2);
        assert_eq!(unfolded(&folded, plain.len()).unwrap(), plain);
        assert_eq!(unfolded(&folded, plain.len() - 1), None);
    }

    #[test]
    fn what_would_not_come_back_the_same_is_left_alone() {
        let encoded = STANDARD.encode(vec![7; 100]);
        let bad_padding = encoded.trim_end_matches('=');
        // The last symbol has bits that stand for nothing.
        let bits = encoded.replace("Bw==", "Bx==");
        assert_ne!(bits, encoded);
        for text in [bad_padding, &bits, &"x".repeat(99), &"-".repeat(100)] {
            assert!(folded(format!("\"{text}\"").as_bytes()).is_none(), "{text}");
        }
        assert!(folded(b"").is_none());
    }

    proptest! {
        #[test]
        fn any_bytes_come_back(
            pieces in prop::collection::vec((any::<Vec<u8>>(), prop::collection::vec(any::<u8>(), 0..90)), 0..8),
        ) {
            let mut plain = Vec::new();
            for (raw, data) in pieces {
                plain.extend(raw);
                plain.push(b'"');
                plain.extend(STANDARD.encode(data).into_bytes());
                plain.push(b'"');
            }
            if let Some(folded) = folded(&plain) {
                prop_assert_eq!(unfolded(&folded, plain.len()), Some(plain));
            }
        }

        #[test]
        fn random_bytes_never_panic(folded in any::<Vec<u8>>()) {
            let _ = unfolded(&folded, 1000);
        }
    }
}
