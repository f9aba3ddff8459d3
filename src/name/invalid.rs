//! The error for a value that breaks the rule of its field.
//!
//! The message shows the value only in printable form, and not at all if it may be a secret.

use serde::Serialize;

use super::printable::{looks_secret, printable};
use crate::coded::coded_enum;

coded_enum! {
    /// The field that a value was entered for.
    ///
    /// The code is the name of the field in a configuration.
    pub enum Field by as_str {
        /// The label of the connection.
        ConnectionName = "name",
        /// The storage account.
        Account = "account",
        /// The container.
        Container = "container",
        /// The prefix of blob names.
        Prefix = "prefix",
        /// The tenant of the customer's directory.
        Tenant = "tenant",
        /// The cloud, or a custom endpoint or authority.
        Cloud = "cloud",
        /// A pasted container URL.
        Url = "url",
        /// The customer's subscription.
        Subscription = "subscription",
        /// The resource group of the storage account.
        ResourceGroup = "resource_group",
        /// The application (client) ID of the service.
        Application = "application",
        /// The object ID of the service principal.
        Principal = "principal",
        /// The origin of a web page, for CORS.
        Origin = "origin",
        /// The resource ID of a private endpoint.
        PrivateEndpoint = "private_endpoint",
        /// The time until which access is granted.
        Until = "until",
        /// The form of a grant's pack.
        Form = "form",
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
///
/// In JSON: `field`, `value`, `rule`, and `fix` if there is one, for a form on a web page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[error("{field} `{value}` is not valid: {rule}{}", self.hint.as_ref().map(|h| format!("; {h}")).unwrap_or_default())]
pub struct InvalidName {
    field: Field,
    value: String,
    rule: &'static str,
    #[serde(rename = "fix", skip_serializing_if = "Option::is_none")]
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
