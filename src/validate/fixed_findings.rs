//! Findings whose text never changes, so that noting one does not allocate.
//!
//! The texts are for people and complete the sentence "the blob was rejected because …". They may change
//! between versions; the codes of the reasons do not. Findings with values in their text are made where
//! they occur.

use std::borrow::Cow;

use super::{Finding, Reason};

/// Declares statics: name, reason and text.
/// ```text
/// NAME = Reason "text";
/// ```
macro_rules! findings {
    ($($name:ident = $reason:ident $detail:literal;)+) => {
        $(pub(super) static $name: Finding =
            Finding { reason: Reason::$reason, detail: Cow::Borrowed($detail) };)+
    };
}

findings! {
    NO_SIZE = Malformed "its size is more than 8 PiB (2^53 bytes), but no blob is larger than 190.7 TiB";
    SMALLER = Filtered "it is smaller than the filter's min_size";
    LARGER = Filtered "it is larger than the filter's max_size";
    UNDATED = Filtered "the listing has no modification time to compare with the filter's modified_since or modified_before";
    OLDER = Filtered "it was last modified before the filter's modified_since";
    NEWER = Filtered "it was not last modified before the filter's modified_before";
    OTHER_FORMAT = Filtered "its extension is not one of the filter's formats";
    OTHER_KIND = Filtered "it is not of one of the filter's kinds";
    NOT_INCLUDED = Filtered "no include pattern of the filter matches its name";
    NOT_INCLUDED_BY_REGEX = Filtered "no include_regex pattern of the filter matches its name";
    DIRECTORY = Directory "it represents a folder";
    SYMLINK = Symlink "it is the stub of a symbolic link; its content is the path of another file";
    SNAPSHOT = Snapshot "it is a snapshot of a blob";
    OLD_VERSION = OldVersion "it is an earlier version of a blob";
    NO_EXTENSION = NoExtension "its name has no extension";
    UNKNOWN_FORMAT = UnsupportedFormat "its extension is not a known format";
    EMPTY = Empty "it has zero bytes";
    ARCHIVED = Archived "it must be rehydrated before it can be read";
    DELETED = Unreadable "it was deleted and is only kept by soft delete";
    NO_CURRENT_VERSION = Unreadable "it has earlier versions but no current version";
    CUSTOMER_KEY = Unreadable "it is encrypted with a key that each request must provide (customer-provided key)";
    REHYDRATING = Archived "it is being rehydrated, which takes up to 15 hours; until then it cannot be read";
    COPY_INCOMPLETE = Unreadable "a copy into it has not finished, or has failed";
    INCREMENTAL_COPY = Unreadable "it is the base of incremental copies; only its snapshots can be read";
    UNREADABLE = Unreadable "it cannot be read, for a reason that this version does not know";
    HIDDEN = SystemFile "a segment of its name begins with a dot, as hidden files do";
    SYSTEM_FILE = SystemFile "a segment of its name is that of an operating system's or a tool's own file or folder";
    UNFINISHED = SystemFile "its name is that of an unfinished download";
    CONTROL = OddName "its name has control characters";
    BACKSLASH = OddName "its name has a backslash, which some tools turn into a slash";
    DOTS = OddName "its name has a segment `.` or `..`, so no URL leads to it";
    EMPTY_SEGMENT = OddName "its name has an empty segment";
    TRAILING_DOT = OddName "a segment of its name ends with a dot";
    BLANK = OddName "a segment of its name begins or ends with a space, which is easily lost";
    DEVICE = OddName "a segment of its name is a device name on Windows, such as CON or AUX";
    RESERVED = OddName "its name has one of `: * ? \" < > |`, which Windows does not allow in file names";
    INVISIBLE = OddName "its name has characters that are invisible or change the direction of text";
    SEGMENTS = OddName "its name has more than 254 segments";
    CASE = CaseCollision "an earlier name differs only by letter case or Unicode form (NFC, NFD)";
    BASE = BaseNameCollision "an asset in another folder has the same name";
}
