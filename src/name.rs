//! Names that cannot hold an illegal value.
//!
//! Each type has one door in (`FromStr` and `TryFrom`), which refuses what Azure would refuse, and
//! says which rule is broken and what was probably meant. Blob names have no type of their own:
//! they come from the service and are kept exactly as it gave them.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The field of a connection that a value was meant for
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Field {
    /// The label of the connection
    ConnectionName,
    /// The storage account
    Account,
    /// The container
    Container,
    /// The folder prefix
    Prefix,
    /// The tenant of the customer's directory
    Tenant,
    /// The cloud, or the endpoint in its place
    Cloud,
    /// A pasted container URL
    Url,
    /// The customer's subscription
    Subscription,
    /// The resource group of the storage account
    ResourceGroup,
    /// The application (client) id of the service
    Application,
    /// The object id of the service principal
    Principal,
    /// The origin of a browser
    Origin,
    /// The resource id of a private endpoint
    PrivateEndpoint,
    /// The time until which something is granted
    Until,
}

impl Field {
    /// The field as it is written in a configuration
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConnectionName => "name",
            Self::Account => "account",
            Self::Container => "container",
            Self::Prefix => "prefix",
            Self::Tenant => "tenant",
            Self::Cloud => "cloud",
            Self::Url => "url",
            Self::Subscription => "subscription",
            Self::ResourceGroup => "resource_group",
            Self::Application => "application",
            Self::Principal => "principal",
            Self::Origin => "origin",
            Self::PrivateEndpoint => "private_endpoint",
            Self::Until => "until",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A value that breaks the rule of its field
///
/// The message has the field, the value, the rule and, where it can be guessed, the fix. The value
/// is cut before a `?`, since what people paste there by mistake is a URL with a signature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} `{value}` is not valid: {rule}{}", self.hint.as_ref().map(|h| format!("; {h}")).unwrap_or_default())]
pub struct InvalidName {
    field: Field,
    value: String,
    rule: &'static str,
    hint: Option<String>,
}

impl InvalidName {
    pub(crate) fn new(field: Field, value: &str, rule: &'static str) -> Self {
        Self { field, value: printable(value), rule, hint: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The field that the value was meant for
    pub fn field(&self) -> Field {
        self.field
    }

    /// The value, printable: control characters escaped, at most 80 characters, no URL query
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The rule that it breaks
    pub fn rule(&self) -> &'static str {
        self.rule
    }

    /// What was probably meant
    pub fn fix(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

/// User text made fit for one line of a message: escaped, short, without a URL's query or user
/// info, a signature or a key
pub(crate) fn printable(value: &str) -> String {
    const LONGEST: usize = 80;
    // A query can be a signature; so can a text that was copied without the `?`, and a connection
    // string has a key.
    let end = ["?", "sig=", "accountkey="]
        .into_iter()
        .filter_map(|start| value.to_ascii_lowercase().find(start))
        .min();
    let (shown, mut cut) = match end.and_then(|end| value.get(..end)) {
        Some(head) => (head, true),
        None => (value, false),
    };
    let mut out = String::new();
    // The part between `//` and `@` of a URL can be a password.
    let shown = match (shown.find("://"), shown.find('@')) {
        (Some(scheme), Some(at)) if scheme < at => {
            out.push_str(shown.get(..scheme + 3).unwrap_or_default());
            out.push('…');
            shown.get(at..).unwrap_or_default()
        }
        _ => shown,
    };
    for (n, c) in shown.chars().enumerate() {
        if n == LONGEST {
            cut = true;
            break;
        }
        if c.is_control() || is_bidi(c) || c == '`' {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    if cut {
        out.push('…');
    }
    out
}

/// The service's text, or a pattern, made fit for one line: whole, and with nothing that ends the
/// line, moves the cursor or reorders what stands around it
pub(crate) fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || is_bidi(c) || matches!(c, '\u{2028}' | '\u{2029}') {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// Marks that reorder the text around them, and so can make a message lie
fn is_bidi(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $check:path) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// The name as text
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidName;

            fn from_str(value: &str) -> Result<Self, InvalidName> {
                Self::try_from(value.to_owned())
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(value: String) -> Result<Self, InvalidName> {
                $check(&value)?;
                Ok(Self(value))
            }
        }

        impl TryFrom<&str> for $name {
            type Error = InvalidName;

            fn try_from(value: &str) -> Result<Self, InvalidName> {
                value.parse()
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let value = String::deserialize(deserializer)?;
                value.try_into().map_err(serde::de::Error::custom)
            }
        }
    };
}

name! {
    /// The label of a connection: 1 to 128 characters, no control characters
    ///
    /// The bounds are this crate's own; the label is shown to people and never sent to Azure.
    ConnectionName, check_connection_name
}

name! {
    /// The name of a storage account: 3 to 24 lower-case letters and digits
    ///
    /// Source: Microsoft Learn, "Storage account overview", "Storage account name".
    AccountName, check_account
}

name! {
    /// The name of a container: 3 to 63 lower-case letters, digits and single hyphens
    ///
    /// `$root`, `$web`, `$logs` and `$blobchangefeed` are the service's own. Source: Microsoft
    /// Learn, "Naming and referencing containers, blobs, and metadata".
    ContainerName, check_container
}

name! {
    /// The start of the names that a connection covers, in raw characters; empty for all
    ///
    /// It is a string prefix, as the service takes it: `images` covers `images/a.jpg` and
    /// `images-old/a.jpg` alike. Source: Microsoft Learn, "List Blobs", parameter `prefix`.
    #[derive(Default)]
    Prefix, check_prefix
}

name! {
    /// The customer's Entra tenant: its id, or one of its verified domain names
    ///
    /// `common`, `organizations` and `consumers` are no tenants: a service principal signs in to a
    /// concrete one. Source: Microsoft Learn, "OAuth 2.0 client credentials flow".
    TenantId, check_tenant
}

impl Prefix {
    /// Whether it covers the whole container
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn check_connection_name(value: &str) -> Result<(), InvalidName> {
    let bad = |rule| Err(InvalidName::new(Field::ConnectionName, value, rule));
    if value.trim().is_empty() {
        return bad("it must not be blank");
    }
    if value.chars().count() > 128 {
        return bad("it must have at most 128 characters");
    }
    if value.chars().any(char::is_control) {
        return bad("it must have no control characters");
    }
    Ok(())
}

fn check_account(value: &str) -> Result<(), InvalidName> {
    let fits = |v: &str| {
        (3..=24).contains(&v.len())
            && v.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    if fits(value) {
        return Ok(());
    }
    let error =
        InvalidName::new(Field::Account, value, "it must be 3 to 24 lower-case letters and digits");
    let host = value.split_once("://").map_or(value, |(_, rest)| rest);
    let first = host.split(['.', '/', '?']).next().unwrap_or_default();
    let first = first.strip_suffix("-secondary").unwrap_or(first);
    Err(if first != value && fits(first) {
        error.hint(format!("this looks like an address: the account is probably `{first}`"))
    } else if fits(&value.to_ascii_lowercase()) {
        error.hint(format!("did you mean `{}`?", value.to_ascii_lowercase()))
    } else if fits(value.trim()) {
        error.hint(format!("remove the blanks around `{}`", value.trim()))
    } else {
        error
    })
}

fn check_container(value: &str) -> Result<(), InvalidName> {
    let fits = |v: &str| {
        (3..=63).contains(&v.len())
            && v.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !v.starts_with('-')
            && !v.ends_with('-')
            && !v.contains("--")
    };
    if fits(value) || matches!(value, "$root" | "$web" | "$logs" | "$blobchangefeed") {
        return Ok(());
    }
    let error = InvalidName::new(
        Field::Container,
        value,
        "it must be 3 to 63 lower-case letters, digits and single hyphens, and begin and end with a letter or digit",
    );
    let lower = value.to_ascii_lowercase();
    Err(if value.contains("://") {
        error.hint("this is a URL: give it to `ConnectionBuilder::from_url`")
    } else if value.starts_with('<') && value.ends_with('>') {
        error.hint("this is a placeholder: put the container's own name here")
    } else if let Some((head, tail)) = value.trim_start_matches('/').split_once('/')
        && fits(head)
        && !tail.is_empty()
    {
        error.hint(format!(
            "the container is probably `{head}` and the prefix `{}`",
            printable(tail)
        ))
    } else if fits(value.trim_matches('/')) {
        error.hint(format!("remove the slash: `{}`", value.trim_matches('/')))
    } else if fits(&lower) {
        error.hint(format!("did you mean `{lower}`?"))
    } else if fits(value.trim()) {
        error.hint(format!("remove the blanks around `{}`", value.trim()))
    } else {
        error
    })
}

fn check_prefix(value: &str) -> Result<(), InvalidName> {
    let bad = |rule| InvalidName::new(Field::Prefix, value, rule);
    if value.contains("://") {
        return Err(bad("it must be a blob name's start, not a URL")
            .hint("give the URL to `ConnectionBuilder::from_url`"));
    }
    if value.starts_with('/') {
        return Err(bad("it must not begin with a slash").hint(format!(
            "blob names do not begin with one; did you mean `{}`?",
            printable(value.trim_start_matches('/'))
        )));
    }
    if let Some(at) = value.to_ascii_lowercase().find("%2f") {
        let decoded = format!(
            "{}/{}",
            value.get(..at).unwrap_or_default(),
            value.get(at + 3..).unwrap_or_default()
        );
        return Err(bad("it must be raw characters, not percent-encoded")
            .hint(format!("did you mean `{}`?", printable(&decoded))));
    }
    if value.contains('*') {
        return Err(bad("it must be plain text: there are no wildcards in a prefix")
            .hint("a prefix covers all names that begin with it"));
    }
    if value.chars().count() > 1024 {
        return Err(bad("it must have at most 1024 characters, as a blob name"));
    }
    Ok(())
}

fn check_tenant(value: &str) -> Result<(), InvalidName> {
    let bad = |rule| InvalidName::new(Field::Tenant, value, rule);
    if matches!(value, "common" | "organizations" | "consumers") {
        return Err(bad("it must be one concrete tenant")
            .hint("a service principal cannot sign in to it; ask the customer for the tenant id"));
    }
    if is_guid(value) {
        return Ok(());
    }
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !l.starts_with('-')
            && !l.ends_with('-')
    };
    if value.len() <= 253 && value.contains('.') && value.split('.').all(label) {
        return Ok(());
    }
    Err(bad(
        "it must be a tenant id (a GUID) or a verified domain such as `contoso.onmicrosoft.com`",
    ))
}

/// Whether the text is a GUID in the form `8-4-4-4-12`
pub(crate) fn is_guid(value: &str) -> bool {
    value.len() == 36
        && value.bytes().enumerate().all(|(n, b)| match n {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}
