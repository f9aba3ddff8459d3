use super::{Finding, findings::known};

/// What about a name breaks file systems, URLs or terminals further down
///
/// Source: Microsoft Learn, "Naming and referencing containers, blobs, and metadata".
pub(super) fn of(name: &str) -> Option<&'static Finding> {
    if name.chars().any(|c| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}')) {
        return Some(&known::CONTROL);
    }
    if name.contains('\\') {
        return Some(&known::BACKSLASH);
    }
    let mut segments = 0;
    for segment in name.split('/') {
        segments += 1;
        match segment {
            "." | ".." => return Some(&known::DOTS),
            "" => return Some(&known::EMPTY_SEGMENT),
            _ if segment.ends_with('.') => return Some(&known::TRAILING_DOT),
            _ => {}
        }
    }
    (segments > 254).then_some(&known::SEGMENTS)
}
