//! The form of GUIDs, by which the IDs of tenants, applications and requests are recognized.
//!
//! Only this form is printed in messages without a check for secrets, because no key or token of
//! Azure has it.

/// Returns whether a text is a GUID in the form `8-4-4-4-12`, in upper or lower case.
pub(crate) fn is_guid(value: &str) -> bool {
    value.len() == 36
        && value.bytes().enumerate().all(|(n, b)| match n {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}
