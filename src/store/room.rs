//! Room that is used again and again. Pure.

use std::collections::TryReserveError;

/// Empties some bytes and makes room for so many, or more: what is not written to
/// costs nothing, and the next ones may be a few more. Nothing is moved.
pub(super) fn make(bytes: &mut Vec<u8>, length: usize) -> Result<(), TryReserveError> {
    bytes.clear();
    if bytes.capacity() < length {
        // Given back first: both together would be too much.
        *bytes = Vec::new();
        bytes.try_reserve_exact(length.checked_next_power_of_two().unwrap_or(length))?;
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
        assert!(make(&mut bytes, usize::MAX).is_err());
    }
}
