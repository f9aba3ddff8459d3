//! Connection and credential from environment variables, with the names that object_store reads.
//!
//! Variables are read once, through a function, so that a test need not set any. `variables` has their
//! names, `connection` and `credential` decide what they mean, and `invalid` lists everything that is
//! wrong with them.

mod connection;
mod credential;
mod invalid;
mod variables;

use std::{collections::BTreeMap, env, fmt};

pub use self::invalid::{EnvironmentProblem, InvalidEnvironment};
use self::variables::{Part, REFUSED, SETTINGS, Setting};
use super::credential::Credential;
use crate::connection::Connection;

/// The most bytes of a variable that are read. A certificate is a path, and a signature has a few hundred.
const MAX_BYTES: usize = 64 << 10;

/// What environment variables say about the connection and the credential of a store.
///
/// The names are those of [object_store], so a service that is configured for it needs no other
/// variables.
///
/// ```
/// use azure_asset_sync::store::azure::Environment;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // A test passes a lookup; a service calls `Environment::read()`.
/// let environment = Environment::from_lookup(|name| {
///     let value = match name {
///         "AZURE_STORAGE_ACCOUNT_NAME" => "contosovision",
///         "AZURE_TENANT_ID" => "contoso.onmicrosoft.com",
///         "AZURE_CLIENT_ID" => "00001111-aaaa-2222-bbbb-3333cccc4444",
///         "AZURE_CLIENT_SECRET" => "example-client-secret",
///         _ => return None,
///     };
///     Some(value.to_owned())
/// });
/// let (connection, credential) = environment.address("az://training/hall-3/").build("hall 3")?;
/// assert_eq!(connection.container().as_str(), "training");
/// println!("{credential:?}"); // the variant and the client ID, without the secret
/// # Ok(()) }
/// ```
///
/// # The connection
/// | variable | sets |
/// | --- | --- |
/// | `AZURE_STORAGE_ACCOUNT_NAME`, `AZURE_STORAGE_ACCOUNT` | the account |
/// | `AZURE_CONTAINER_NAME` | the container |
/// | `AZURE_STORAGE_TENANT_ID`, `AZURE_TENANT_ID`, and both with `AUTHORITY` | the tenant |
/// | `AZURE_STORAGE_AUTHORITY_HOST`, `AZURE_AUTHORITY_HOST` | the cloud, or the authority of a custom endpoint |
/// | `AZURE_STORAGE_ENDPOINT`, `AZURE_ENDPOINT` | the cloud, or a custom endpoint |
///
/// An [address](Self::address) sets the prefix, and account, container and cloud if it names them.
/// Variables that contradict it are problems.
///
/// # The credential
/// | variable | credential |
/// | --- | --- |
/// | `AZURE_STORAGE_SAS_TOKEN`, `AZURE_STORAGE_SAS_KEY` | [`Sas`](Credential::Sas) |
/// | `AZURE_STORAGE_CLIENT_SECRET`, `AZURE_CLIENT_SECRET` | [`ClientSecret`](Credential::ClientSecret) |
/// | `AZURE_CLIENT_CERTIFICATE_PATH` | [`ClientCertificate`](Credential::ClientCertificate) |
/// | `AZURE_FEDERATED_TOKEN_FILE` | [`FederatedTokenFile`](Credential::FederatedTokenFile) |
/// | `AZURE_USE_AZURE_CLI=true` | [`AzureCli`](Credential::AzureCli) |
/// | `AZURE_SKIP_SIGNATURE=true` | [`Anonymous`](Credential::Anonymous) |
/// | none of these | [`ManagedIdentity`](Credential::ManagedIdentity) |
///
/// `AZURE_STORAGE_CLIENT_ID` or `AZURE_CLIENT_ID` is the application or the managed identity. Two
/// credentials are a problem, because the principal that a service acts as is a decision;
/// `AZURE_CREDENTIAL_TYPE` makes that decision: `sas_token`, `client_secret`, `certificate`,
/// `workload_identity`, `azure_cli`, `anonymous` or `managed_identity`.
///
/// # Precedence and refusals
/// A variable with `STORAGE` takes precedence over the same variable without it. Variables that mean the
/// same must not differ. A blank variable counts as missing. Account keys, connection strings and
/// access tokens (`AZURE_STORAGE_ACCOUNT_KEY` and others) are refused, and so is
/// `AZURE_STORAGE_USE_EMULATOR`; the problem says why. Other variables are ignored.
///
/// [object_store]: https://docs.rs/object_store/latest/object_store/azure/enum.AzureConfigKey.html
#[derive(Clone)]
pub struct Environment {
    /// Each variable that is set, with its value. Some are secrets.
    values: BTreeMap<&'static str, Value>,
    address: Option<String>,
}

/// The value of a variable, or why it cannot be used.
#[derive(Clone)]
enum Value {
    Text(String),
    Unusable(&'static str),
}

impl Environment {
    /// Reads the variables of this process, once.
    pub fn read() -> Self {
        Self::collect(|name| match env::var(name) {
            Ok(value) => Some(Value::Text(value)),
            Err(env::VarError::NotPresent) => None,
            Err(env::VarError::NotUnicode(_)) => Some(Value::Unusable("the value is not UTF-8")),
        })
    }

    /// Reads variables through a function that returns the value of a name, or `None` if it is not set.
    pub fn from_lookup(mut lookup: impl FnMut(&str) -> Option<String>) -> Self {
        Self::collect(|name| lookup(name).map(Value::Text))
    }

    fn collect(mut lookup: impl FnMut(&'static str) -> Option<Value>) -> Self {
        let settings = SETTINGS.iter().flat_map(|setting| setting.groups.iter().copied().flatten());
        let names = settings.copied().chain(REFUSED.iter().map(|refused| refused.variable));
        let values = names.filter_map(|name| {
            let value = match lookup(name)? {
                Value::Text(text) if text.trim().is_empty() => return None,
                Value::Text(text) if text.len() > MAX_BYTES => {
                    Value::Unusable("the value is too long")
                }
                // Files that set variables often end a line with a blank or a carriage return.
                Value::Text(text) => Value::Text(text.trim().to_owned()),
                unusable => unusable,
            };
            Some((name, value))
        });
        Self { values: values.collect(), address: None }
    }

    /// Sets the address of what to list, in a form of
    /// [`ConnectionBuilder::from_url`](crate::ConnectionBuilder::from_url).
    ///
    /// For example `az://training/hall-3/`, to which the variables add the account.
    #[must_use]
    pub fn address(mut self, address: impl Into<String>) -> Self {
        self.address = Some(address.into());
        self
    }

    /// Returns the connection, with this label.
    ///
    /// # Errors
    /// [`InvalidEnvironment`] with all problems of the connection.
    pub fn connection(&self, name: impl Into<String>) -> Result<Connection, InvalidEnvironment> {
        let mut problems = self.refusals(Part::Connection);
        connection::connection(self, name.into(), &mut problems)
            .filter(|_| problems.is_empty())
            .ok_or_else(|| InvalidEnvironment::new(problems))
    }

    /// Returns the credential, for a service whose connections come from its customers.
    ///
    /// Reads the certificate if there is one.
    ///
    /// # Errors
    /// [`InvalidEnvironment`] with all problems of the credential.
    pub fn credential(&self) -> Result<Credential, InvalidEnvironment> {
        let mut problems = self.refusals(Part::Credential);
        credential::credential(self, &mut problems)
            .filter(|_| problems.is_empty())
            .ok_or_else(|| InvalidEnvironment::new(problems))
    }

    /// Returns the connection, with this label, and the credential.
    ///
    /// # Errors
    /// [`InvalidEnvironment`] with all problems of both, and if the credential does not fit the
    /// connection.
    pub fn build(
        &self,
        name: impl Into<String>,
    ) -> Result<(Connection, Credential), InvalidEnvironment> {
        let mut problems = self.refusals(Part::Connection);
        let connection = connection::connection(self, name.into(), &mut problems);
        problems.extend(self.refusals(Part::Credential));
        let credential = credential::credential(self, &mut problems);
        match (connection, credential) {
            (Some(connection), Some(credential)) => {
                problems.extend(credential::mismatch(self, &connection, &credential));
                match problems.is_empty() {
                    true => Ok((connection, credential)),
                    false => Err(InvalidEnvironment::new(problems)),
                }
            }
            // INVARIANT: each `None` has added a problem.
            _ => Err(InvalidEnvironment::new(problems)),
        }
    }

    /// Returns the problems of the variables that are refused.
    fn refusals(&self, part: Part) -> Vec<EnvironmentProblem> {
        let refused = REFUSED.iter().filter(|refused| refused.part == part);
        let refused = refused.filter(|refused| match self.values.get(refused.variable) {
            None => false,
            Some(Value::Text(text)) if refused.is_switch => is_on(text) != Some(false),
            Some(_) => true,
        });
        refused.map(|refused| EnvironmentProblem::new(refused.variable, refused.why)).collect()
    }

    /// Returns the variable that decides a setting, and its value.
    fn get(
        &self,
        setting: &Setting,
        problems: &mut Vec<EnvironmentProblem>,
    ) -> Option<(&'static str, &str)> {
        for group in setting.groups {
            let set = group.iter().filter_map(|name| Some((*name, self.values.get(name)?)));
            let mut texts = Vec::new();
            let mut is_set = false;
            for (name, value) in set {
                is_set = true;
                match value {
                    Value::Text(text) => texts.push((name, text.as_str())),
                    Value::Unusable(why) => problems.push(EnvironmentProblem::new(name, *why)),
                }
            }
            if let [(first, one), rest @ ..] = texts.as_slice()
                && let Some((other, _)) = rest.iter().find(|(_, text)| text != one)
            {
                let message = format!("{first} has another value; unset one of them");
                problems.push(EnvironmentProblem::new(other, message));
            }
            if is_set {
                return texts.last().copied();
            }
        }
        None
    }

    /// Returns whether a switch is on, and the variable that says so.
    fn switch(
        &self,
        setting: &Setting,
        problems: &mut Vec<EnvironmentProblem>,
    ) -> Option<&'static str> {
        let (variable, text) = self.get(setting, problems)?;
        match is_on(text) {
            Some(is_on) => is_on.then_some(variable),
            None => {
                problems.push(EnvironmentProblem::new(variable, "it must be `true` or `false`"));
                None
            }
        }
    }
}

/// Returns whether a text switches something on, or `None` for another text.
///
/// The texts are those that object_store accepts.
fn is_on(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "on" | "yes" | "y" => Some(true),
        "0" | "false" | "off" | "no" | "n" => Some(false),
        _ => None,
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Only the names: values, and even an address, may be secrets.
        f.debug_struct("Environment")
            .field("variables", &self.values.keys())
            .field("has_address", &self.address.is_some())
            .finish_non_exhaustive()
    }
}
