//! The few lines of a document that say which object it is.
//!
//! Nine tenths of a manifest are specifications and data, whose YAML costs more
//! than inflating the record. What this can not tell for certain it leaves to
//! the parser.

/// The sections that name an object.
const NAMING: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// The sections `apiVersion`, `kind` and `metadata` of a document whose top
/// level is a block mapping as Helm's charts write it; `None` if anything about
/// its lines is out of the ordinary, or if it is a list.
///
/// A line that begins a section may stand inside a quoted text. It would have
/// to be the only one of its key, in a document without that key, which no API
/// server takes.
pub(super) fn outline(document: &str) -> Option<String> {
    // A carriage return alone ends a line too.
    if memchr::memchr(b'\r', document.as_bytes()).is_some() {
        return None;
    }
    let mut kept = String::new();
    let mut found = [false; NAMING.len()];
    // Whether the section that the line is of is kept.
    let mut keep = None;
    for line in document.split_inclusive('\n') {
        match line.as_bytes().first() {
            // Within a quoted text it is no comment.
            Some(b'#' | b'\n') => (),
            Some(b' ') if keep.is_some() => (),
            // An element of the section's list.
            Some(b'-') if keep.is_some() && line[1..].starts_with([' ', '\n']) => (),
            _ => keep = Some(begins(section(line)?, &mut found)?),
        }
        if keep == Some(true) {
            kept.push_str(line);
        }
    }
    // What an alias stands for may have been left out.
    let whole = found.iter().all(|found| *found) && !kept.contains('*');
    whole.then_some(kept)
}

/// Whether a section is one to keep; `None` if it is there twice, or is a list's.
fn begins(section: &str, found: &mut [bool; NAMING.len()]) -> Option<bool> {
    if section == "items" {
        return None;
    }
    let Some(at) = NAMING.iter().position(|naming| *naming == section) else {
        return Some(false);
    };
    let before = found.get_mut(at)?;
    (!std::mem::replace(before, true)).then_some(true)
}

/// The key that a line begins with.
fn section(line: &str) -> Option<&str> {
    let (key, rest) = line.split_once(':')?;
    let plain = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (plain && (rest.is_empty() || rest.starts_with([' ', '\n']))).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMED: &str = "apiVersion: v1\nkind: A\nmetadata:\n  name: x\n";

    #[test]
    fn only_what_names_the_object_is_kept() {
        let document = "# Source: a\nkind: A\nspec:\n  kind: B\n- x\n\n  - y: |\n    apiVersion: v2\nmetadata:\n  # why\n\n  name: x\ndata: {a: \"b\n  c\"}\napiVersion: v1";
        assert_eq!(
            outline(document).unwrap(),
            "kind: A\nmetadata:\n  # why\n\n  name: x\napiVersion: v1"
        );
        assert_eq!(outline(NAMED).unwrap(), NAMED);
    }

    #[test]
    fn what_is_out_of_the_ordinary_is_left_to_the_parser() {
        for strange in [
            "kind: B\n",
            "items: []\n",
            "\"kind\": B\n",
            "? kind\n: B\n",
            "<<: *a\n",
            "...\n",
            "}\n",
            "\tkind: B\n",
            "spec:x\n",
            "-x\n",
            "a: x\rkind: B\n",
            "\u{feff}a: x\n",
        ] {
            assert_eq!(outline(&format!("{NAMED}{strange}")), None, "{strange:?}");
        }
        assert_eq!(outline("kind: A\nmetadata: {name: x}\n"), None);
        for within in [
            "# c\n {kind: B, x: \"\napiVersion: v1\nkind: A\nmetadata:\n  name: x\n# \"}\n",
            "apiVersion: v1\nmetadata:\n  name: x\n  labels: {a: &k A}\nx: &k B\nkind: *k\n",
        ] {
            assert_eq!(outline(within), None, "{within:?}");
        }
        let quoted = "kind: A\napiVersion: v1\nmetadata: {a: \"\n# \", name: x}\n";
        assert_eq!(outline(quoted).unwrap(), quoted);
        assert_eq!(outline(&NAMED.replace('\n', "\r\n")), None);
    }
}
