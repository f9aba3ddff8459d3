//! Reasons: why a blob is rejected or noted, as stable codes and in words.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use crate::coded::coded_enum;

/// Something that a rule has found
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// What, as a stable code
    pub reason: Reason,
    /// What, in words
    pub detail: Cow<'static, str>,
}

coded_enum! {
    /// Why a blob is rejected, or what is odd about it; each has a stable code and a rule
    ///
    /// [`ALL`](Self::ALL) is the order in which they are looked for.
    pub enum Reason by as_str {
        /// The entry of the listing cannot be read, or has a size above 2^53 bytes (8 PiB), which no blob
        /// has; always rejected
        Malformed = "malformed",
        /// The filter leaves it out: nobody asked for it
        Filtered = "filtered",
        /// It stands for a folder
        Directory = "directory",
        /// It is the stub of a symbolic link, as azcopy uploads it: its metadata says `is_symlink`
        ///
        /// Seen only if the listing has metadata: [`Scan::include`](crate::Scan::include) with
        /// [`Include::Metadata`](crate::store::Include::Metadata).
        Symlink = "symlink",
        /// It is a snapshot
        Snapshot = "snapshot",
        /// It is an earlier version
        OldVersion = "old_version",
        /// Its name has no extension
        NoExtension = "no_extension",
        /// Its extension is no format of the rules
        UnsupportedFormat = "unsupported_format",
        /// Its stored Content-Type contradicts its extension
        TypeMismatch = "type_mismatch",
        /// It has zero bytes
        Empty = "empty",
        /// It is larger than its kind may be
        TooLarge = "too_large",
        /// It is in the archive tier, so it cannot be read
        Archived = "archived",
        /// The listing says that nobody can read it, or only with a key of its owner: see
        /// [`Unreadable`](crate::store::Unreadable). Copies that have not finished are seen only with
        /// [`Include::Copies`](crate::store::Include::Copies).
        Unreadable = "unreadable",
        /// It is a file that a system, a network disk, a notebook or an upload tool keeps beside the data,
        /// such as `._IMG_1.JPG` or a file in `@eaDir/`; noted by default
        SystemFile = "system_file",
        /// Its name is legal but breaks tools: control characters, `..`, a trailing dot, `con.jpg`; noted
        /// by default
        OddName = "odd_name",
        /// Another asset has the same name but for letter case or Unicode form (NFC, NFD); noted by default
        CaseCollision = "case_collision",
        /// Another asset has the same name in another folder; noted by default
        BaseNameCollision = "base_name_collision",
    }
}

/// One value for each reason
#[derive(Clone, Copy, Debug)]
pub(crate) struct ByReason<T>([T; Reason::ALL.len()]);

impl<T: Copy> ByReason<T> {
    pub(crate) fn all(value: T) -> Self {
        Self([value; Reason::ALL.len()])
    }
}

#[expect(clippy::indexing_slicing, reason = "the number of a reason is below their count")]
impl<T> std::ops::Index<Reason> for ByReason<T> {
    type Output = T;

    fn index(&self, reason: Reason) -> &T {
        &self.0[reason as usize]
    }
}

#[expect(clippy::indexing_slicing, reason = "the number of a reason is below their count")]
impl<T> std::ops::IndexMut<Reason> for ByReason<T> {
    fn index_mut(&mut self, reason: Reason) -> &mut T {
        &mut self.0[reason as usize]
    }
}

impl<'de> Deserialize<'de> for Reason {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = Cow::<str>::deserialize(deserializer)?;
        let known = Self::ALL.iter().find(|known| known.as_str() == code);
        known.copied().ok_or_else(|| {
            let shown = code.chars().take(40).collect::<String>();
            D::Error::custom(format!("`{}` is no reason that is known", shown.escape_debug()))
        })
    }
}
