//! Sizes for people: in binary units, with the exact number where the unit rounds.
//!
//! For messages and reports only. Stored formats and JSON contain plain numbers of bytes.

use std::fmt;

/// A size in bytes that is displayed with a unit, for example `256 MiB` or `1.5 KiB (1,500 bytes)`.
///
/// The exact number follows if the unit rounds it, so that a size just above a limit never looks
/// equal to the limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bytes(pub(crate) u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: &[(&str, u32)] = &[("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
        let bytes = self.0;
        // The largest unit that fits at least once; below 1 KiB there is none.
        let Some((unit, shift)) = UNITS.iter().find(|(_, shift)| bytes >> shift > 0) else {
            return write!(f, "{bytes} {}", if bytes == 1 { "byte" } else { "bytes" });
        };
        if bytes.is_multiple_of(1 << shift) {
            return write!(f, "{} {unit}", bytes >> shift);
        }
        // Groups of three digits from the right.
        let exact = bytes.to_string();
        let groups = exact.as_bytes().rchunks(3).rev();
        let groups: Vec<_> = groups.filter_map(|group| str::from_utf8(group).ok()).collect();
        let rounded = bytes as f64 / (1_u64 << shift) as f64;
        write!(f, "{rounded:.1} {unit} ({} bytes)", groups.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::Bytes;

    /// Sizes on, just below and just above the border of a unit.
    #[test]
    fn rounded_sizes_show_the_exact_number_too() {
        for (bytes, want) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1023, "1023 bytes"),
            (1024, "1 KiB"),
            (1500, "1.5 KiB (1,500 bytes)"),
            (256 << 20, "256 MiB"),
            ((256 << 20) + 1, "256.0 MiB (268,435,457 bytes)"),
            (512 << 30, "512 GiB"),
            (u64::MAX, "16777216.0 TiB (18,446,744,073,709,551,615 bytes)"),
        ] {
            assert_eq!(Bytes(bytes).to_string(), want);
        }
    }
}
