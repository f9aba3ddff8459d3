//! Whether a listing can start from a name: for the store in general, and for one name.
//!
//! The service starts at a wrong position if the first character after the prefix is a mark, a format
//! character or a modifier (Unicode categories Mn, Me, Cf, Lm and Sk; found by DataChain, 0.62).

use std::{ops::RangeInclusive, sync::LazyLock};

use regex_syntax::hir::{Class, HirKind};

/// The knowledge about the store's support for `start_from`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StartFrom {
    /// No answer has shown it yet.
    Unknown,
    /// A listing starts at the requested name.
    Supported,
    /// A listing starts elsewhere, so requests only use prefixes.
    Ignored,
}

/// The characters that must not come first after the prefix, as ranges that do not touch.
static UNSAFE: LazyLock<Vec<RangeInclusive<char>>> = LazyLock::new(|| {
    let class = regex_syntax::parse(r"[\p{Mn}\p{Me}\p{Cf}\p{Lm}\p{Sk}]");
    match class.map(regex_syntax::hir::Hir::into_kind) {
        Ok(HirKind::Class(Class::Unicode(class))) => {
            class.iter().map(|range| range.start()..=range.end()).collect()
        }
        // Without the Unicode tables no name would be safe; the unit test would notice.
        _ => vec!['\0'..=char::MAX],
    }
});

/// Returns whether a listing of the prefix can start from this name.
pub(super) fn is_safe(prefix: &str, start: &str) -> bool {
    let Some(first) = start.strip_prefix(prefix).unwrap_or(start).chars().next() else {
        return true;
    };
    // Fast path: in ASCII only `^` and `` ` `` are modifiers.
    if first.is_ascii_alphanumeric() {
        return true;
    }
    // The ranges ascend, so only the first that ends at or after the character can contain it.
    let at = UNSAFE.partition_point(|range| *range.end() < first);
    !UNSAFE.get(at).is_some_and(|range| range.contains(&first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_character_after_the_prefix_counts() {
        for (prefix, start, is_start_safe) in [
            ("", "a^", true),
            ("", "^a", false),
            ("", "`", false),
            ("a", "a`b", false),
            ("^", "^a", true),
            ("a/", "a/\u{301}x", false),
            ("", "\u{2b0}", false),
            ("", "/a", true),
        ] {
            assert_eq!(is_safe(prefix, start), is_start_safe, "{prefix:?} {start:?}");
        }
        let count = ('\0'..=char::MAX).filter(|first| !is_safe("", &first.to_string())).count();
        assert!((2000..4000).contains(&count), "{count}");
    }
}
