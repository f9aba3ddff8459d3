//! Findings whose text never changes, so that noting one does not allocate.

use std::borrow::Cow;

use super::{Finding, Reason};

macro_rules! findings {
    ($($name:ident = $reason:ident $detail:literal;)+) => {
        $(pub(super) static $name: Finding =
            Finding { reason: Reason::$reason, detail: Cow::Borrowed($detail) };)+
    };
}

findings! {
    NO_SIZE = Malformed "its size is above 2^53 bytes (8 PiB), and no blob is larger than 190.7 TiB";
    SMALLER = Filtered "it is smaller than the filter's min_size";
    LARGER = Filtered "it is larger than the filter's max_size";
    UNDATED = Filtered "the listing does not tell when it was written, for the filter's modified_since or modified_before";
    OLDER = Filtered "it was last written before the filter's modified_since";
    NEWER = Filtered "it was not last written before the filter's modified_before";
    OTHER_FORMAT = Filtered "its extension is none of the filter's formats";
    OTHER_KIND = Filtered "it is of none of the filter's kinds";
    NOT_INCLUDED = Filtered "none of the filter's include matches its name";
    NOT_INCLUDED_BY_REGEX = Filtered "none of the filter's include_regex matches its name";
    DIRECTORY = Directory "it stands for a folder";
    SYMLINK = Symlink "it is the stub of a symbolic link, whose content is the path of another file";
    SNAPSHOT = Snapshot "it is a snapshot of a blob";
    OLD_VERSION = OldVersion "it is an earlier version of a blob";
    NO_EXTENSION = NoExtension "its name has no extension";
    UNKNOWN_FORMAT = UnsupportedFormat "its extension stands for no known format";
    EMPTY = Empty "it has zero bytes";
    ARCHIVED = Archived "it must be rehydrated before it can be read";
    DELETED = Unreadable "it was deleted, and is only kept by soft delete";
    NO_CURRENT_VERSION = Unreadable "it has earlier versions, but no current one";
    CUSTOMER_KEY = Unreadable "it is encrypted with a key that each request must bring (customer-provided key)";
    REHYDRATING = Archived "it is being rehydrated, which takes up to 15 hours; until then it cannot be read";
    COPY_INCOMPLETE = Unreadable "a copy into it has not finished, or has failed";
    INCREMENTAL_COPY = Unreadable "it is the base of incremental copies, of which only snapshots can be read";
    HIDDEN = SystemFile "a segment of its name begins with a dot, as hidden files of systems and tools do";
    SYSTEM_FILE = SystemFile "a segment of its name is one that a system or a tool gives to files and folders of its own";
    UNFINISHED = SystemFile "its name is that of a download that has not finished";
    CONTROL = OddName "its name has control characters";
    BACKSLASH = OddName "its name has a backslash, which some tools turn into a slash";
    DOTS = OddName "its name has a segment `.` or `..`, so no URL leads to it";
    EMPTY_SEGMENT = OddName "its name has an empty segment";
    TRAILING_DOT = OddName "a segment of its name ends with a dot";
    BLANK = OddName "a segment of its name begins or ends with a blank, which is easily lost";
    DEVICE = OddName "a segment of its name is a device on Windows, such as CON or AUX";
    RESERVED = OddName "its name has one of `: * ? \" < > |`, which Windows does not allow in file names";
    INVISIBLE = OddName "its name has invisible characters, or ones that change the direction of text";
    SEGMENTS = OddName "its name has more than 254 segments";
    CASE = CaseCollision "an earlier name is the same but for letter case or Unicode form (NFC, NFD)";
    BASE = BaseNameCollision "an asset of another folder has the same name";
}
