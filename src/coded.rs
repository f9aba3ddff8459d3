//! Declares enums whose values have stable codes: one table gives the enum, its list and its texts.
//!
//! Codes are part of the stored and wire formats, so a code never changes. Rust names may.
//! The enums of `store::blob` are not declared here, because they are open: a value that is newer than
//! this crate keeps its text.

/// Declares an enum with `ALL`, an accessor for the code, `Display` and `Serialize` by that code.
///
/// `by as_str` names the accessor. Attributes of the enum may add derives.
macro_rules! coded_enum {
    (
        $(#[$meta:meta])*
        pub enum $name:ident by $accessor:ident {
            $($(#[$variant_meta:meta])* $variant:ident = $code:literal,)+
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_meta])* $variant,)+
        }

        impl $name {
            /// All values that this version of the crate knows, in the order of their declaration.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Returns the stable code, which is also the value's text in JSON.
            pub fn $accessor(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)+
                }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.$accessor())
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.$accessor())
            }
        }
    };
}

pub(crate) use coded_enum;
