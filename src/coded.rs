//! Declares enums whose values have stable codes: one table gives the enum, its list and its texts.
//!
//! Codes are part of the stored and wire formats, so a code never changes. Rust names may.
//! An enum is open by default: a code of a newer version is read as `Other`, so that a service can be
//! rolled back without losing what it stored. A closed enum is one that only people and configurations
//! write, and refuses what it does not know. Open enums are strict in such places by [`strict`].
//! The enums of `store::blob` are not declared here, because a value that is newer than this crate keeps
//! its text there.

use std::{collections::BTreeMap, fmt, marker::PhantomData};

use serde::{Deserialize, Deserializer, de};

/// An enum that [`coded_enum!`] declares.
pub(crate) trait Coded: Copy + 'static {
    /// All known values.
    const KNOWN: &'static [Self];
    /// The value for codes that are not known, or `None` if the enum is closed.
    const OTHER: Option<Self>;

    /// Returns the stable code.
    fn code(self) -> &'static str;
}

/// The error for a text that is none of the stable codes of a type.
///
/// The message lists the known codes. It shows the text only if it looks like a code, because people paste
/// secrets into the wrong field.
///
/// ```
/// use azure_asset_sync::lifecycle::State;
///
/// let error = "conected".parse::<State>().unwrap_err();
/// assert!(error.to_string().starts_with("unknown value `conected`; expected one of `draft`, "));
/// assert!(error.known().contains(&"connected"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownCode {
    text: Option<String>,
    known: Vec<&'static str>,
}

impl UnknownCode {
    /// Makes the error for a text that is no code of the type.
    fn of<T: Coded>(text: &str) -> Self {
        /// No code is longer, and most secrets are.
        const LONGEST: usize = 32;
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b' ');
        let is_shown = text.len() <= LONGEST && text.bytes().all(is_plain);
        let known = T::KNOWN.iter().map(|value| value.code()).collect();
        Self { text: is_shown.then(|| text.to_owned()), known }
    }

    /// Returns the codes that this version of the crate knows.
    pub fn known(&self) -> &[&'static str] {
        &self.known
    }
}

impl fmt::Display for UnknownCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown value")?;
        if let Some(text) = &self.text {
            write!(f, " `{text}`")?;
        }
        let separators = std::iter::once("; expected one of ").chain(std::iter::repeat(", "));
        for (separator, code) in separators.zip(&self.known) {
            write!(f, "{separator}`{code}`")?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownCode {}

/// Returns the value of a code.
///
/// # Errors
/// [`UnknownCode`] if the text is not the code of a known value.
pub(crate) fn parse<T: Coded>(text: &str) -> Result<T, UnknownCode> {
    let known = T::KNOWN.iter().find(|value| value.code() == text);
    known.copied().ok_or_else(|| UnknownCode::of::<T>(text))
}

/// Reads a code. If the type is open, a code that is not known becomes its `Other`.
pub(crate) fn read<'de, T: Coded, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_str(CodeVisitor { is_strict: false, of: PhantomData })
}

/// Reads numbers by code. Numbers of codes that are not known are added up under `Other`.
pub(crate) fn read_counts<'de, T, D>(deserializer: D) -> Result<BTreeMap<T, u64>, D::Error>
where
    T: Ord + de::DeserializeOwned,
    D: Deserializer<'de>,
{
    let read = Pairs::<T, u64>::deserialize(deserializer)?.0;
    let mut counts = BTreeMap::new();
    for (code, count) in read {
        let sum: &mut u64 = counts.entry(code).or_default();
        *sum = sum.saturating_add(count);
    }
    Ok(counts)
}

/// Reads lists by code. Lists of codes that are not known are joined under `Other`.
pub(crate) fn read_lists<'de, T, V, D>(deserializer: D) -> Result<BTreeMap<T, Vec<V>>, D::Error>
where
    T: Ord + de::DeserializeOwned,
    V: de::DeserializeOwned,
    D: Deserializer<'de>,
{
    let read = Pairs::<T, Vec<V>>::deserialize(deserializer)?.0;
    let mut lists: BTreeMap<T, Vec<V>> = BTreeMap::new();
    for (code, list) in read {
        lists.entry(code).or_default().extend(list);
    }
    Ok(lists)
}

/// The entries of a map. Several may have the same key after they were read.
struct Pairs<K, V>(Vec<(K, V)>);

impl<'de, K: Deserialize<'de>, V: Deserialize<'de>> Deserialize<'de> for Pairs<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<K, V>(PhantomData<(K, V)>);

        impl<'de, K: Deserialize<'de>, V: Deserialize<'de>> de::Visitor<'de> for Entries<K, V> {
            type Value = Pairs<K, V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Pairs<K, V>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(Entries(PhantomData))
    }
}

/// Reads codes that people and configurations write: an unknown code is an error for open types too.
pub(crate) mod strict {
    use super::*;

    /// Reads one code. Use with `#[serde(deserialize_with = "…")]`.
    pub(crate) fn one<'de, T: Coded, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_str(CodeVisitor { is_strict: true, of: PhantomData })
    }

    /// A code that is read strictly, as an item of a list or a map.
    pub(crate) struct Strict<T>(pub(crate) T);

    impl<'de, T: Coded> Deserialize<'de> for Strict<T> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            one(deserializer).map(Self)
        }
    }

    /// Reads a list of codes.
    pub(crate) fn many<'de, T: Coded, C: FromIterator<T>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<C, D::Error> {
        let codes: Vec<Strict<T>> = Deserialize::deserialize(deserializer)?;
        Ok(codes.into_iter().map(|Strict(code)| code).collect())
    }
}

/// Reads a code from a text, without a copy of the text.
struct CodeVisitor<T> {
    is_strict: bool,
    of: PhantomData<T>,
}

impl<T: Coded> de::Visitor<'_> for CodeVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let example = T::KNOWN.first().map_or("", |value| value.code());
        write!(f, "a text such as `{example}`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        match (parse(text), T::OTHER) {
            (Ok(value), _) => Ok(value),
            (Err(_), Some(other)) if !self.is_strict => Ok(other),
            (Err(error), _) => Err(E::custom(error)),
        }
    }
}

/// Makes the schema of an enum accept every text, because a newer version has more values.
#[cfg(feature = "schema")]
pub(crate) fn open(schema: &mut schemars::Schema) {
    let description = schema.remove("description");
    let known = std::mem::take(schema);
    *schema = schemars::json_schema!({
        "anyOf": [known, { "type": "string", "description": "A value of a newer version." }]
    });
    if let Some(description) = description {
        schema.insert("description".to_owned(), description);
    }
}

/// Returns the JSON Schema of a type. An open type accepts every text and suggests the known ones.
#[cfg(feature = "schema")]
pub(crate) fn schema<T: Coded>() -> schemars::Schema {
    let codes: Vec<_> = T::KNOWN.iter().map(|value| value.code()).collect();
    let mut schema = schemars::json_schema!({ "type": "string", "enum": codes });
    if T::OTHER.is_some() {
        open(&mut schema);
    }
    schema
}

/// Declares an enum with `ALL`, an accessor for the code, and `Display`, `FromStr`, `Serialize`,
/// `Deserialize` and a schema by that code.
///
/// `by as_str` names the accessor. Attributes of the enum may add derives. `pub enum` is open and gets the
/// variant `Other`; `pub closed enum` refuses codes that it does not know.
macro_rules! coded_enum {
    (
        $(#[$meta:meta])*
        pub enum $name:ident by $accessor:ident {
            $($(#[$variant_meta:meta])* $variant:ident = $code:literal,)+
        }
    ) => {
        $crate::coded::coded_enum! {
            @declare [$(#[$meta])*] $name $accessor [Some(Self::Other)]
            [$($(#[$variant_meta])* $variant = $code,)+]
            [
                /// A value that this version of the crate does not know, read from JSON that a newer
                /// version wrote.
                Other = "other",
            ]
        }
    };
    (
        $(#[$meta:meta])*
        pub closed enum $name:ident by $accessor:ident {
            $($(#[$variant_meta:meta])* $variant:ident = $code:literal,)+
        }
    ) => {
        $crate::coded::coded_enum! {
            @declare [$(#[$meta])*] $name $accessor [None]
            [$($(#[$variant_meta])* $variant = $code,)+]
            []
        }
    };
    (
        @declare [$(#[$meta:meta])*] $name:ident $accessor:ident [$fallback:expr]
        [$($(#[$variant_meta:meta])* $variant:ident = $code:literal,)+]
        [$($(#[$other_meta:meta])* $other:ident = $other_code:literal,)?]
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_meta])* $variant,)+
            $($(#[$other_meta])* $other,)?
        }

        impl $name {
            /// All values that this version of the crate knows, in the order of their declaration.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Returns the stable code, which is also the value's text in JSON.
            pub fn $accessor(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)+
                    $(Self::$other => $other_code,)?
                }
            }
        }

        impl $crate::coded::Coded for $name {
            const KNOWN: &'static [Self] = Self::ALL;
            const OTHER: Option<Self> = $fallback;

            fn code(self) -> &'static str {
                self.$accessor()
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.$accessor())
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::coded::UnknownCode;

            /// Parses a stable code.
            ///
            /// # Errors
            /// [`UnknownCode`](crate::error::UnknownCode) with the known codes, if the text is none of them.
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::coded::parse(text)
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.$accessor())
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::coded::read(deserializer)
            }
        }

        #[cfg(feature = "schema")]
        impl ::schemars::JsonSchema for $name {
            fn schema_name() -> ::std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn schema_id() -> ::std::borrow::Cow<'static, str> {
                concat!(module_path!(), "::", stringify!($name)).into()
            }

            fn json_schema(_: &mut ::schemars::SchemaGenerator) -> ::schemars::Schema {
                $crate::coded::schema::<Self>()
            }
        }
    };
}

pub(crate) use coded_enum;
