//! What a link says, and how it is signed.
//!
//! Source: Microsoft Learn, "Create a user delegation SAS", string-to-sign of version 2026-04-06 and
//! later; what follows the table there stands here in its order, as one table for text and query.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    VERSION,
    delegation::{Key, SERVICE},
};

/// All but what RFC 3986 calls unreserved
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Which content of the blob
#[derive(Clone, Copy)]
pub(super) enum Moment<'a> {
    /// What it has when it is asked for
    Current,
    /// A version
    Version(&'a str),
    /// A snapshot
    Snapshot(&'a str),
}

/// What a link allows: to read one blob, over https, until a time
pub(super) struct Terms<'a> {
    pub(super) account: &'a str,
    pub(super) container: &'a str,
    /// As it is stored, not as it stands in a URL
    pub(super) blob: &'a str,
    pub(super) moment: Moment<'a>,
    pub(super) expiry: &'a str,
    /// Answers shall have it in the place of what is stored; empty for that
    pub(super) disposition: &'a str,
    /// The same
    pub(super) content_type: &'a str,
}

impl Terms<'_> {
    /// The query of the link, signed
    pub(super) fn query(&self, key: &Key) -> String {
        let Self { account, container, blob, .. } = self;
        let resource = format!("/blob/{account}/{container}/{blob}");
        let (kind, parameter, moment) = match self.moment {
            Moment::Current => ("b", "", ""),
            Moment::Version(id) => ("bv", "versionid", id),
            Moment::Snapshot(time) => ("bs", "snapshot", time),
        };
        // The name of the parameter, and its value; both are empty where there is none.
        let fields = [
            ("sp", "r"),
            ("st", ""), // as soon as the key
            ("se", self.expiry),
            ("", &resource),
            ("skoid", &key.object_id),
            ("sktid", &key.tenant),
            ("skt", &key.start),
            ("ske", &key.expiry),
            ("sks", SERVICE),
            ("skv", &key.version),
            ("saoid", ""),
            ("suoid", ""),
            ("scid", ""),
            ("skdutid", ""),
            ("sduoid", ""),
            ("sip", ""),
            ("spr", "https"),
            ("sv", VERSION),
            ("sr", kind),
            (parameter, moment),
            ("ses", ""),
            ("srh", ""),
            ("srq", ""),
            ("rscc", ""),
            ("rscd", self.disposition),
            ("rsce", ""),
            ("rscl", ""),
            ("rsct", self.content_type),
        ];
        let mut query = String::new();
        for (name, value) in
            fields.iter().filter(|(name, value)| !name.is_empty() && !value.is_empty())
        {
            query.extend([name, "="]);
            query.extend(utf8_percent_encode(value, VALUE));
            query.push('&');
        }
        let signed = key.sign(&fields.map(|(_, value)| value).join("\n"));
        query.push_str("sig=");
        query.extend(utf8_percent_encode(&signed, VALUE));
        query
    }
}
