//! Checksums of what is in hand. Pure.

use libdeflater::Crc;

/// A CRC-32: whether bytes are those that were packed a moment ago, after a way on
/// which nobody forges them. It costs a tenth of a digest, and is never stored.
/// Whether they are those that the digest was made of, only the digest tells: so
/// does whatever reads them later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sum(u32);

impl Sum {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut sum = Crc::new();
        sum.update(bytes);
        Self(sum.sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bit_makes_another_sum() {
        let bytes = [7; 1000];
        let sum = Sum::of(&bytes);
        assert_eq!(Sum::of(&[7; 1000]), sum);
        for at in [0, 999] {
            let mut other = bytes;
            other[at] ^= 1;
            assert_ne!(Sum::of(&other), sum);
        }
        assert_ne!(Sum::of(&bytes[1..]), sum);
    }
}
