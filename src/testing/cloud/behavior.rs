//! What a small cloud can be set to where the real service is not known, or differs by account.
//!
//! Each field is one question about the real service; its default is the answer that public
//! recordings show, or the more demanding one where they show none.

use crate::store::NameOrder;

/// How a small cloud behaves where the real service is not known or accounts differ
///
/// A test that runs over [`Behavior::all`] does not rest on a guess about the service.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// use azure_asset_sync::{Scan, testing::{Behavior, MisplacedStart, Seed, SmallCloud}};
///
/// for misplaced_start in MisplacedStart::ALL {
///     let mut behavior = Behavior::default();
///     behavior.misplaced_start = *misplaced_start;
///     let cloud = SmallCloud::builder()
///         .blobs(["a.jpg", "`b.jpg"].map(|name| Seed::new(name, "x")))
///         .behavior(behavior)
///         .start()
///         .await?;
///     let connection = cloud.connection().build()?;
///     let scan = Scan::new(cloud.store(&connection)?, connection.prefix());
///     assert_eq!(scan.run(()).await?.accepted(), 2);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Behavior {
    /// The order of names in a listing; [`NameOrder::Utf16`] unless set
    ///
    /// With [`NameOrder::Segments`] or [`NameOrder::SegmentsUtf16`] the account has a hierarchical
    /// namespace: directories are entries of listings, and entries have a `ResourceType`. With
    /// [`NameOrder::Unsorted`] names come in an order that no rule explains, the same each time.
    pub order: NameOrder,
    /// What a listing does with `startFrom` and `endBefore`
    pub start_from: StartFrom,
    /// Where a listing begins if the first character of `startFrom` after the prefix is a mark or a
    /// modifier
    pub misplaced_start: MisplacedStart,
    /// The error code for an `endBefore` that is not after `startFrom`
    pub reversed_range: ReversedRange,
    /// The answer to a request that has no credential, for what is not public
    pub anonymous: AnonymousAnswer,
    /// Which names a preflight allows
    pub preflight: PreflightNames,
    /// How the ids follow the text of a sign-in error
    pub sign_in_text: SignInText,
}

impl Behavior {
    /// Every combination of all settings, more than a thousand
    ///
    /// A test that rests on some of the settings can skip combinations that differ in others only.
    pub fn all() -> impl Iterator<Item = Self> {
        let mut all = vec![Self::default()];
        let mut each = |count: usize, set: fn(&mut Self, usize)| {
            all = all
                .iter()
                .flat_map(|behavior| (0..count).map(|at| (*behavior, at)))
                .map(|(mut behavior, at)| {
                    set(&mut behavior, at);
                    behavior
                })
                .collect();
        };
        macro_rules! each {
            ($($field:ident: $all:expr;)*) => {$(
                each($all.len(), |behavior, at| {
                    behavior.$field = $all.get(at).copied().unwrap_or_default();
                });
            )*};
        }
        each! {
            order: ORDERS;
            start_from: StartFrom::ALL;
            misplaced_start: MisplacedStart::ALL;
            reversed_range: ReversedRange::ALL;
            anonymous: AnonymousAnswer::ALL;
            preflight: PreflightNames::ALL;
            sign_in_text: SignInText::ALL;
        }
        all.into_iter()
    }

    /// Whether the account has a hierarchical namespace
    pub(super) fn is_hierarchical(&self) -> bool {
        matches!(self.order, NameOrder::Segments | NameOrder::SegmentsUtf16)
    }
}

impl Default for Behavior {
    fn default() -> Self {
        Self {
            order: NameOrder::Utf16,
            start_from: StartFrom::default(),
            misplaced_start: MisplacedStart::default(),
            reversed_range: ReversedRange::default(),
            anonymous: AnonymousAnswer::default(),
            preflight: PreflightNames::default(),
            sign_in_text: SignInText::default(),
        }
    }
}

const ORDERS: &[NameOrder] = &[
    NameOrder::Utf16,
    NameOrder::Bytes,
    NameOrder::Segments,
    NameOrder::SegmentsUtf16,
    NameOrder::Unsorted,
];

/// An enum of answers to one question, with all of them in `ALL`
macro_rules! setting {
    (
        $(#[$meta:meta])*
        $name:ident { $($(#[$variant_meta:meta])* $variant:ident,)* }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name { $($(#[$variant_meta])* $variant,)* }

        impl $name {
            /// All of them, the default first
            pub const ALL: &[Self] = &[$(Self::$variant,)*];
        }
    };
}

setting! {
    /// What a listing does with `startFrom` and `endBefore`
    StartFrom {
        /// Begins with the name that `startFrom` gives, and ends before that of `endBefore`
        #[default]
        Inclusive,
        /// The same, but begins after the name that `startFrom` gives
        Exclusive,
        /// Ignores both parameters, as a service does that does not know them
        Ignored,
    }
}

setting! {
    /// Where a listing begins if `startFrom` has a mark or a modifier after the prefix
    ///
    /// That is a character of the Unicode categories Mn, Me, Cf, Lm and Sk. The real service then
    /// begins at a wrong place; nothing public says which.
    MisplacedStart {
        /// Too late: after all names that continue with this character
        #[default]
        Later,
        /// Too early: at the first name with the prefix
        Earlier,
    }
}

setting! {
    /// The error code for an `endBefore` that is not after `startFrom`, without regard to case
    ReversedRange {
        /// `InvalidQueryParameterValue`
        #[default]
        InvalidQueryParameterValue,
        /// `OutOfRangeQueryParameterValue`
        OutOfRangeQueryParameterValue,
        /// `InvalidInput`
        InvalidInput,
    }
}

setting! {
    /// The answer to a request without a credential, for what is not public
    ///
    /// Requests without `x-ms-version`, or with one before 2019-12-12, get 404 `ResourceNotFound`
    /// instead of a challenge.
    AnonymousAnswer {
        /// 401 `NoAuthenticationInformation` with a challenge that names the tenant
        #[default]
        Challenge,
        /// 409 `PublicAccessNotPermitted` without a challenge, as of an account that forbids public
        /// access
        PublicAccessNotPermitted,
        /// 404 `ResourceNotFound` for blobs, and the challenge for all else
        ResourceNotFound,
    }
}

setting! {
    /// Which names of headers the answer to a preflight allows
    PreflightNames {
        /// Those that the preflight names, in its spelling
        #[default]
        Requested,
        /// Those of the rule, in its spelling
        OfRule,
    }
}

setting! {
    /// How trace id, correlation id and timestamp follow the text of a sign-in error
    SignInText {
        /// Each on a line of its own, after CR and LF
        #[default]
        Lines,
        /// On the same line, after a blank
        Spaces,
    }
}
