//! Room that is used again and again. Pure.

use std::collections::TryReserveError;

/// What is larger gets as much as it needs: it may be hostile.
const LARGE: usize = 8 << 20;

/// Empties some bytes and makes room for so many, or more: what is not written to
/// costs nothing, and the next ones may be a few more. Nothing is moved.
pub(super) fn make(bytes: &mut Vec<u8>, length: usize) -> Result<(), TryReserveError> {
    bytes.clear();
    if bytes.capacity() < length {
        // Given back first: both together would be too much.
        *bytes = Vec::new();
        let more = match length <= LARGE {
            true => length.next_power_of_two(),
            false => length,
        };
        bytes.try_reserve_exact(more)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_and_nothing_in_it() {
        let mut bytes = vec![7; 3];
        make(&mut bytes, 1000).unwrap();
        assert_eq!((bytes.len(), bytes.capacity()), (0, 1024));
        make(&mut bytes, 1).unwrap();
        assert_eq!(bytes.capacity(), 1024);
        make(&mut bytes, LARGE + 1).unwrap();
        assert_eq!(bytes.capacity(), LARGE + 1);
        assert!(make(&mut bytes, usize::MAX).is_err());
    }
}
