//! Reasons: why a blob is rejected or noted, as stable codes and in words.
//!
//! A new reason needs a variant here at its place in the order of the checks, a check in `rules`, and an
//! [`Action`](super::Action) in `Rules::default` if it should not reject.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::coded::coded_enum;

/// The finding of a rule about a blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Finding {
    /// The reason, as a stable code.
    pub reason: Reason,
    /// The finding in words, for people. The wording may change between versions.
    pub detail: Cow<'static, str>,
}

coded_enum! {
    /// A reason to reject a blob or to note a finding; each one has a stable code and a rule.
    ///
    /// [`ALL`](Self::ALL) is in the order of the checks: the first reason that rejects wins.
    ///
    /// ```
    /// use azure_asset_sync::{Reason, Rules, store::Blob, validate::Action};
    ///
    /// for reason in Reason::ALL {
    ///     println!("{reason}: {}", Rules::default().action(*reason).as_str());
    /// }
    /// let reason: Reason = serde_json::from_str("\"too_large\"")?;
    /// let rules = Rules::default().on(reason, Action::Note);
    /// assert!(rules.check(Blob::new("big.png", 300 << 20)).asset().is_some());
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    ///
    /// In JSON of a newer version, an unknown reason is read as `Other`. In [`Rules`](super::Rules), which
    /// people write, it is refused.
    pub enum Reason by as_str {
        /// The entry of the listing cannot be decoded, or has a size above 2^53 bytes (8 PiB), which no
        /// blob has. Such an entry is always rejected.
        Malformed = "malformed",
        /// The [`Filter`](super::Filter) excludes the blob.
        Filtered = "filtered",
        /// The entry represents a folder.
        Directory = "directory",
        /// The blob is the stub of a symbolic link as uploaded by azcopy, with `is_symlink` in its metadata.
        ///
        /// Detected only if the listing has metadata: [`Scan::include`](crate::Scan::include) with
        /// [`Include::Metadata`](crate::store::Include::Metadata).
        Symlink = "symlink",
        /// The entry is a snapshot.
        Snapshot = "snapshot",
        /// The entry is an earlier version.
        OldVersion = "old_version",
        /// The name has no extension.
        NoExtension = "no_extension",
        /// The extension is not a format of the rules.
        UnsupportedFormat = "unsupported_format",
        /// The stored Content-Type contradicts the extension.
        TypeMismatch = "type_mismatch",
        /// The blob has no bytes.
        Empty = "empty",
        /// The blob is larger than the limit for its kind.
        TooLarge = "too_large",
        /// The blob is in the archive tier and cannot be read before it is rehydrated.
        Archived = "archived",
        /// The blob cannot be read, or only with a key of its owner: see
        /// [`Unreadable`](crate::store::Unreadable).
        ///
        /// Unfinished copies are detected only with
        /// [`Include::Copies`](crate::store::Include::Copies).
        Unreadable = "unreadable",
        /// The blob is a file that an operating system, a network drive, a notebook or an upload tool
        /// creates next to the data, for example `._IMG_1.JPG` or a file in `@eaDir/`. Noted by default.
        SystemFile = "system_file",
        /// The name is legal but breaks tools, for example because of control characters, `..`, a trailing
        /// dot, or `con.jpg`. Noted by default.
        OddName = "odd_name",
        /// The name of another asset differs only by letter case or by Unicode form (NFC, NFD). Noted by
        /// default.
        CaseCollision = "case_collision",
        /// Another asset has the same name in another folder. Noted by default.
        BaseNameCollision = "base_name_collision",
    }
}

impl Reason {
    /// Returns whether an entry with this reason could not be processed: it is unreadable.
    ///
    /// All other reasons are decisions of the rules or of the filter to skip a blob, which is what
    /// somebody wanted.
    ///
    /// ```
    /// use azure_asset_sync::validate::Reason;
    ///
    /// assert!(Reason::Malformed.is_error() && Reason::Unreadable.is_error());
    /// assert!(!Reason::UnsupportedFormat.is_error(), "for example README.md");
    /// assert!(!Reason::Filtered.is_error());
    /// ```
    pub fn is_error(self) -> bool {
        matches!(self, Self::Malformed | Self::Unreadable)
    }
}

/// The number of reasons, including [`Reason::Other`].
const COUNT: usize = Reason::ALL.len() + 1;

/// A value for each reason, in an array.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ByReason<T>([T; COUNT]);

impl<T: Copy> ByReason<T> {
    /// Starts with the same value for all reasons.
    pub(crate) fn all(value: T) -> Self {
        Self([value; COUNT])
    }
}

#[expect(clippy::indexing_slicing, reason = "the number of a reason is below their count")]
impl<T> std::ops::Index<Reason> for ByReason<T> {
    type Output = T;

    fn index(&self, reason: Reason) -> &T {
        // INVARIANT: the enum has no explicit discriminants, so they count from 0 in the order of `ALL`,
        // with `Other` last.
        &self.0[reason as usize]
    }
}

#[expect(clippy::indexing_slicing, reason = "the number of a reason is below their count")]
impl<T> std::ops::IndexMut<Reason> for ByReason<T> {
    fn index_mut(&mut self, reason: Reason) -> &mut T {
        &mut self.0[reason as usize]
    }
}
