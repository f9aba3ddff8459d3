//! Settings for what is not known of the real service, or differs between accounts.
//!
//! Each field is one open question. Its default is the answer that public recordings show, or the
//! more demanding one if they show none.

use crate::store::NameOrder;

/// How a small cloud behaves if the real service is not known, or if accounts differ.
///
/// A test that passes for every value of [`Behavior::all`] does not depend on a guess about the
/// service. For example, a scan finds every name wherever a misplaced start begins:
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
    /// The order of names in a listing; by default [`NameOrder::Utf16`].
    ///
    /// With [`NameOrder::Segments`] or [`NameOrder::SegmentsUtf16`] the account has a hierarchical
    /// namespace: listings contain directories, and entries have a `ResourceType`. With
    /// [`NameOrder::Unsorted`] the order follows no rule, but is the same in every listing.
    pub order: NameOrder,
    /// The treatment of `startFrom` and `endBefore` in a listing.
    pub start_from: StartFrom,
    /// Where a listing begins if the first character of `startFrom` after the prefix is a mark or a
    /// modifier.
    pub misplaced_start: MisplacedStart,
    /// The error code for an `endBefore` that is not after `startFrom`.
    pub reversed_range: ReversedRange,
    /// The answer to a request without a credential for a resource that is not public.
    pub anonymous: AnonymousAnswer,
    /// The header names that the answer to a preflight allows.
    pub preflight: PreflightNames,
    /// The separator between the IDs and the text of a sign-in error.
    pub sign_in_text: SignInText,
}

impl Behavior {
    /// Returns every combination of all settings, more than a thousand.
    ///
    /// A test that depends on some of the settings can skip combinations that differ only in
    /// others.
    pub fn all() -> impl Iterator<Item = Self> {
        // Each field multiplies the combinations so far by its number of values.
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
                    // INVARIANT: `at` is below the length, so the default is never used.
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

    /// Returns whether the account has a hierarchical namespace.
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

/// The orders, the default first; the enum belongs to the store and has no such list.
const ORDERS: &[NameOrder] = &[
    NameOrder::Utf16,
    NameOrder::Bytes,
    NameOrder::Segments,
    NameOrder::SegmentsUtf16,
    NameOrder::Unsorted,
];

/// Defines an enum of the answers to one question, with the constant `ALL`.
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
            /// All values, the default first.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];
        }
    };
}

setting! {
    /// The treatment of `startFrom` and `endBefore` in a listing.
    StartFrom {
        /// Begins with the name in `startFrom` and ends before the name in `endBefore`.
        #[default]
        Inclusive,
        /// Begins after the name in `startFrom` and ends before the name in `endBefore`.
        Exclusive,
        /// Ignores both parameters, as an old version of the service does.
        Ignored,
    }
}

setting! {
    /// Where a listing begins if `startFrom` has a mark or a modifier after the prefix.
    ///
    /// Marks and modifiers are the characters of the Unicode categories Mn, Me, Cf, Lm and Sk. The
    /// real service then begins at a wrong place, and no public source says which.
    MisplacedStart {
        /// Too late: after all names that have this character after the prefix.
        #[default]
        Later,
        /// Too early: at the first name with the prefix.
        Earlier,
    }
}

setting! {
    /// The error code for an `endBefore` that is not after `startFrom`; letter case does not count.
    ReversedRange {
        /// 400 `InvalidQueryParameterValue`.
        #[default]
        InvalidQueryParameterValue,
        /// 400 `OutOfRangeQueryParameterValue`.
        OutOfRangeQueryParameterValue,
        /// 400 `InvalidInput`.
        InvalidInput,
    }
}

setting! {
    /// The answer to a request without a credential for a resource that is not public.
    ///
    /// Requests without `x-ms-version`, or with a version before 2019-12-12, get 404
    /// `ResourceNotFound` instead of a challenge.
    AnonymousAnswer {
        /// 401 `NoAuthenticationInformation`, with a challenge that names the tenant.
        #[default]
        Challenge,
        /// 409 `PublicAccessNotPermitted` without a challenge, as from an account that forbids
        /// public access.
        PublicAccessNotPermitted,
        /// 404 `ResourceNotFound` for blobs, and the challenge for everything else.
        ResourceNotFound,
    }
}

setting! {
    /// The header names that the answer to a preflight allows.
    PreflightNames {
        /// The names in the preflight, in its spelling.
        #[default]
        Requested,
        /// The names in the rule, in its spelling.
        OfRule,
    }
}

setting! {
    /// The separator between the text of a sign-in error and its trace ID, correlation ID and
    /// timestamp.
    SignInText {
        /// A line break (CR LF), so that each is on its own line.
        #[default]
        Lines,
        /// A space, so that all are on one line.
        Spaces,
    }
}
