//! Seals: one digest over the columns of a row.

use crate::helm::Digest;

/// The digest over some fields. Each goes in behind its length, so that no two
/// lists of fields look alike.
pub(super) fn seal(fields: &[&[u8]]) -> Digest {
    let length = fields.iter().map(|field| size_of::<u64>() + field.len());
    let mut sealed = Vec::with_capacity(length.sum());
    for field in fields {
        sealed.extend((field.len() as u64).to_be_bytes());
        sealed.extend_from_slice(field);
    }
    Digest::of(&sealed)
}

/// A field that may be absent: nothing is not the same as an empty one.
pub(super) fn optional(field: Option<&[u8]>) -> Vec<u8> {
    match field {
        Some(field) => [&[1], field].concat(),
        None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_do_not_run_into_each_other() {
        assert_ne!(seal(&[b"ab", b"c"]), seal(&[b"a", b"bc"]));
        assert_ne!(seal(&[b"a"]), seal(&[b"a", b""]));
        assert_ne!(optional(None), optional(Some(b"")));
    }
}
