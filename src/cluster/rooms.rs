//! Room for what is read, used again and again. To give megabytes back to the
//! system and to have them cleared anew costs more than to fill them.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// What is smaller the allocator holds on to itself.
const SMALLEST: usize = 64 << 10;

/// How many bytes wait at most to be used again.
const KEPT: usize = 16 << 20;

/// Room that some readers take and some workers give back.
#[derive(Clone, Default)]
pub(super) struct Rooms(Arc<Mutex<Free>>);

#[derive(Default)]
struct Free {
    rooms: Vec<Vec<u8>>,
    bytes: usize,
}

impl Rooms {
    /// Empty room for so many bytes, and some more: the next revision of a release
    /// is a little longer than the last.
    pub(super) fn take(&self, length: usize) -> Vec<u8> {
        if length < SMALLEST {
            return Vec::with_capacity(length);
        }
        let free = self.with(|free| free.take(length));
        free.unwrap_or_else(|| Vec::with_capacity(length.next_multiple_of(SMALLEST)))
    }

    /// Takes room back, whatever part of it is used, unless somebody else holds it.
    pub(super) fn give_back(&self, bytes: Bytes) {
        if let Ok(mut bytes) = bytes.try_into_mut() {
            // Else what is used would be moved to where the room begins.
            bytes.clear();
            self.give(bytes.into());
        }
    }

    fn give(&self, mut room: Vec<u8>) {
        room.clear();
        if room.capacity() >= SMALLEST {
            self.with(|free| free.give(room));
        }
    }

    /// Nobody waits here for long.
    fn with<T>(&self, work: impl FnOnce(&mut Free) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Free {
    /// The room that came last of those that are large enough, and not too large.
    fn take(&mut self, length: usize) -> Option<Vec<u8>> {
        let fits = |room: &Vec<u8>| (length..=length / 2 * 3).contains(&room.capacity());
        let room = self.rooms.remove(self.rooms.iter().rposition(fits)?);
        self.bytes -= room.capacity();
        Some(room)
    }

    fn give(&mut self, room: Vec<u8>) {
        if self.bytes + room.capacity() <= KEPT {
            self.bytes += room.capacity();
            self.rooms.push(room);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_used_again_where_it_fits() {
        let rooms = Rooms::default();
        let mut room = rooms.take(SMALLEST * 3);
        room.push(7);
        rooms.give(room);
        for (other, fresh) in [
            (SMALLEST * 3 + 1, SMALLEST * 4),
            (SMALLEST - 1, SMALLEST - 1),
        ] {
            assert_eq!(rooms.take(other).capacity(), fresh);
        }
        assert_eq!(rooms.take(SMALLEST).capacity(), SMALLEST);
        let again = rooms.take(SMALLEST * 2);
        assert_eq!((again.capacity(), again.len()), (SMALLEST * 3, 0));
        assert_eq!(rooms.take(SMALLEST * 2).capacity(), SMALLEST * 2);
    }

    #[test]
    fn room_comes_back_whole_once_nobody_holds_a_part() {
        let rooms = Rooms::default();
        let mut room = rooms.take(SMALLEST * 3);
        room.extend_from_slice(b"before and after");
        let part = Bytes::from(room).slice(7..10);
        let held = part.clone();
        rooms.give_back(part);
        assert_eq!(rooms.take(SMALLEST * 2).capacity(), SMALLEST * 2);
        assert_eq!(&held[..], b"and");
        rooms.give_back(held);
        assert_eq!(rooms.take(SMALLEST * 2).capacity(), SMALLEST * 3);
    }

    #[test]
    fn no_more_is_kept_than_that() {
        let rooms = Rooms::default();
        let most = KEPT / SMALLEST;
        for _ in 0..most + 9 {
            rooms.give(Vec::with_capacity(SMALLEST));
        }
        rooms.give(Vec::with_capacity(SMALLEST - 1));
        assert_eq!(
            rooms.with(|free| (free.rooms.len(), free.bytes)),
            (most, KEPT)
        );
    }
}
