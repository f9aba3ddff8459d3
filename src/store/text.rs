//! [`Text`], and what the types of texts in a [`Blob`](super::Blob) have in common.
//!
//! These types hold a text exactly as the service sent it. They differ in how they store it,
//! because a scan holds thousands of blobs in memory, and each byte and allocation of a blob
//! counts.

/// Implements `as_str`, `From<&str>`, `Display`, `Debug` and `Serialize` for a tuple struct around
/// a text.
///
/// `$of` creates the inner value from a `&str`; the inner value dereferences to `str`.
macro_rules! text_type {
    ($name:ident, $of:expr) => {
        impl $name {
            /// Returns the text as the service sent it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self($of(text))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
    };
}

pub(super) use text_type;

/// A text that few blobs have, such as a version ID.
///
/// Takes one pointer in a blob without such a text.
// A box of a box, because `Box<str>` has two pointers.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Box<Box<str>>);

text_type!(Text, |text: &str| Box::new(text.into()));
