//! The query of a view link: a user delegation SAS for one blob.
//!
//! Source: Microsoft Learn, "Create a user delegation SAS", string-to-sign of version 2026-04-06 and
//! later. The fields are listed in the order of that string, as one table for the string and the query.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    delegation_key::{DelegationKey, SERVICE},
    transport::VERSION,
};

/// All characters except the unreserved ones of RFC 3986.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The content of the blob that a link shows.
#[derive(Clone, Copy)]
pub(super) enum LinkedContent<'a> {
    /// The content at the time the link is opened.
    Current,
    /// The version with this ID.
    Version(&'a str),
    /// The snapshot with this time.
    Snapshot(&'a str),
}

/// The permission of a link: reading one blob, over https, until a time.
///
/// There is no field for other permissions or for writing, so no link can allow more.
pub(super) struct SasFields<'a> {
    pub(super) account: &'a str,
    pub(super) container: &'a str,
    /// The name as it is stored, without percent-encoding.
    pub(super) blob: &'a str,
    pub(super) content: LinkedContent<'a>,
    pub(super) expiry: &'a str,
    /// The `Content-Disposition` of the answer; empty for the stored one.
    pub(super) disposition: &'a str,
    /// The `Content-Type` of the answer; empty for the stored one.
    pub(super) content_type: &'a str,
}

impl SasFields<'_> {
    /// Returns the signed query of the link.
    pub(super) fn query(&self, key: &DelegationKey) -> String {
        let Self { account, container, blob, .. } = self;
        // Signed, but not sent: the service takes it from the URL.
        let resource = format!("/blob/{account}/{container}/{blob}");
        let (kind, parameter, selector) = match self.content {
            LinkedContent::Current => ("b", "", ""),
            LinkedContent::Version(id) => ("bv", "versionid", id),
            LinkedContent::Snapshot(time) => ("bs", "snapshot", time),
        };
        // The name of the query parameter and its value. The order is that of the string-to-sign, and
        // each empty value is an empty line there. A field without a name is only signed.
        let fields = [
            ("sp", "r"),
            ("st", ""), // the start of the key's validity
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
            (parameter, selector),
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
        // The signature covers the fields before percent-encoding, one on each line.
        let signed = key.sign(&fields.map(|(_, value)| value).join("\n"));
        query.push_str("sig=");
        query.extend(utf8_percent_encode(&signed, VALUE));
        query
    }
}
