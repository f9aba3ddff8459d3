//! The error for a value that breaks the rule of its field.
//!
//! The message shows the value only in printable form, and not at all if it may be a secret.

use std::fmt;

use super::printable::{looks_secret, printable};

/// The field that a value was entered for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Field {
    /// The label of the connection.
    ConnectionName,
    /// The storage account.
    Account,
    /// The container.
    Container,
    /// The prefix of blob names.
    Prefix,
    /// The tenant of the customer's directory.
    Tenant,
    /// The cloud, or a custom endpoint or authority.
    Cloud,
    /// A pasted container URL.
    Url,
    /// The customer's subscription.
    Subscription,
    /// The resource group of the storage account.
    ResourceGroup,
    /// The application (client) ID of the service.
    Application,
    /// The object ID of the service principal.
    Principal,
    /// The origin of a web page, for CORS.
    Origin,
    /// The resource ID of a private endpoint.
    PrivateEndpoint,
    /// The time until which access is granted.
    Until,
}

impl Field {
    /// Returns the name of the field in a configuration, which does not change between versions.
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

/// A value that breaks the rule of its field.
///
/// The message has the field, the value, the rule and, if it can be guessed, the fix. A value that
/// may be a secret is not shown, because people paste keys and signed URLs into the wrong field.
///
/// ```
/// use azure_asset_sync::{AccountName, name::Field};
///
/// let error = "ContosoVision".parse::<AccountName>().unwrap_err();
/// assert_eq!(error.field(), Field::Account);
/// assert_eq!(error.fix(), Some("did you mean `contosovision`?"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} `{value}` is not valid: {rule}{}", self.hint.as_ref().map(|h| format!("; {h}")).unwrap_or_default())]
pub struct InvalidName {
    field: Field,
    value: String,
    rule: &'static str,
    hint: Option<String>,
}

impl InvalidName {
    /// Creates an error without a hint, or with a warning if the value looks like a secret.
    pub(crate) fn new(field: Field, value: &str, rule: &'static str) -> Self {
        let hint = looks_secret(value).then(|| {
            "it looks like a secret, which belongs in a credential; if it was stored or logged as a name, rotate it"
                .to_owned()
        });
        // INVARIANT: the value is stored only in printable form, so no accessor can leak a secret.
        Self { field, value: printable(value), rule, hint }
    }

    /// Adds the probable fix.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        // INVARIANT: a value that may be a secret keeps the warning of `new`, because a hint repeats
        // parts of the value.
        self.hint = self.hint.or_else(|| Some(hint.into()));
        self
    }

    /// Returns the field that the value was entered for.
    pub fn field(&self) -> Field {
        self.field
    }

    /// Returns the value in printable form.
    ///
    /// Control characters are escaped, the text has at most 80 characters and no query of a URL, and a
    /// value that may be a secret is replaced.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Returns the rule that the value breaks.
    pub fn rule(&self) -> &'static str {
        self.rule
    }

    /// Returns the probable fix, for example another spelling.
    pub fn fix(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}
