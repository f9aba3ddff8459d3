//! From which names a listing can start.
//!
//! The service begins at a wrong place if the first character behind the prefix is a mark, a format
//! character or a modifier (Unicode categories Mn, Me, Cf, Lm and Sk; found by DataChain, 0.62).

use std::{ops::RangeInclusive, sync::LazyLock};

use regex_syntax::hir::{Class, HirKind};

/// The characters that a start must not have first, as ranges that do not touch
static UNSAFE: LazyLock<Vec<RangeInclusive<char>>> = LazyLock::new(|| {
    let class = regex_syntax::parse(r"[\p{Mn}\p{Me}\p{Cf}\p{Lm}\p{Sk}]");
    match class.map(regex_syntax::hir::Hir::into_kind) {
        Ok(HirKind::Class(Class::Unicode(class))) => {
            class.iter().map(|range| range.start()..=range.end()).collect()
        }
        // Without the tables no start is safe, which the unit test would show.
        _ => vec!['\0'..=char::MAX],
    }
});

fn unsafe_range(prefix: &str, start: &str) -> Option<&'static RangeInclusive<char>> {
    let first = start.strip_prefix(prefix).unwrap_or(start).chars().next()?;
    // Of ASCII only `^` and `` ` `` are modifiers.
    if first.is_ascii_alphanumeric() {
        return None;
    }
    let at = UNSAFE.partition_point(|range| *range.end() < first);
    UNSAFE.get(at).filter(|range| range.contains(&first))
}

/// Whether a listing can start from this name
pub(super) fn is_safe(prefix: &str, start: &str) -> bool {
    unsafe_range(prefix, start).is_none()
}

/// The name to start from so that nothing from `start` on is missed: itself if that is safe, or else
/// one that comes before it in every order; `None` if only the prefix does
pub(super) fn safe_start(prefix: &str, start: &str) -> Option<String> {
    let Some(range) = unsafe_range(prefix, start) else { return Some(start.to_owned()) };
    // The ranges do not touch, so that the character before one is safe.
    let before = u32::from(*range.start()).checked_sub(1).and_then(char::from_u32)?;
    let prefix = start.strip_prefix(prefix).map_or("", |_| prefix);
    Some(format!("{prefix}{before}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Orders;

    #[test]
    fn a_safe_start_comes_before_in_every_order() {
        let mut count = 0;
        for first in ('\0'..=char::MAX).filter(|first| !is_safe("p/", &format!("p/{first}"))) {
            count += 1;
            let start = format!("p/{first}x");
            let safe = safe_start("p/", &start).unwrap();
            assert!(is_safe("p/", &safe), "{safe:?}");
            assert_eq!(Orders::that_have(&safe, &start), Some(Orders::ALL), "{start:?} {safe:?}");
        }
        assert!((2000..4000).contains(&count), "{count}");
    }

    #[test]
    fn only_the_first_character_behind_the_prefix_counts() {
        for (prefix, start, want) in [
            ("", "a^", "a^"),
            ("", "^a", "]"),
            ("", "`", "_"),
            ("a", "a`b", "a_"),
            ("^", "^a", "^a"),
            ("a/", "a/\u{301}x", "a/\u{2af}"),
            ("", "\u{2b0}", "\u{2af}"),
            ("", "/a", "/a"),
        ] {
            assert_eq!(safe_start(prefix, start).as_deref(), Some(want), "{prefix:?} {start:?}");
        }
    }
}
