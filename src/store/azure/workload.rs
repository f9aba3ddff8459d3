//! Kubernetes workload identity: the variables that its webhook sets, and the token file.
//!
//! Read here and not by the SDK, so that an error names the variable or the file. Kubernetes renews
//! the file, so the file is read for each sign-in and never cached.

use std::{
    env, fmt, io,
    path::{Path, PathBuf},
};

use azure_core::http::ClientMethodOptions;
use azure_identity::ClientAssertion;

use super::{application::client_id, no_token::NoToken};
use crate::{
    connection::Connection,
    error::{Error, ErrorKind},
    name::{TenantId, printable_path},
};

/// The variables that the webhook of Azure Workload Identity sets in a pod.
const CLIENT_ID: &str = "AZURE_CLIENT_ID";
const TENANT_ID: &str = "AZURE_TENANT_ID";
const TOKEN_FILE: &str = "AZURE_FEDERATED_TOKEN_FILE";

/// The limit for the token file: 64 KiB. A Kubernetes token has about 1 KiB.
const MAX_FILE_BYTES: u64 = 64 << 10;

/// The identity of a pod: the application, its tenant, and the file with the Kubernetes token.
pub(super) struct Workload {
    pub(super) client_id: String,
    pub(super) tenant: String,
    pub(super) file: TokenFile,
}

impl Workload {
    /// Reads the variables, and checks that the file contains a token.
    ///
    /// The connection's tenant takes precedence over `AZURE_TENANT_ID`, because a service signs in to
    /// the customer's tenant.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] with the variable or the file that is missing or wrong.
    pub(super) fn from_environment(connection: &Connection) -> Result<Self, Error> {
        let path = PathBuf::from(variable(TOKEN_FILE)?);
        let client_id = client_id(&variable(CLIENT_ID)?, CLIENT_ID)?;
        let tenant = match connection.tenant() {
            Some(tenant) => tenant.clone(),
            None => TenantId::try_from(variable(TENANT_ID)?.trim())
                .map_err(|error| config(&format!("{TENANT_ID}: {error}")))?,
        };
        let file = TokenFile::open(path)?;
        Ok(Self { client_id, tenant: tenant.as_str().to_owned(), file })
    }
}

/// Returns the value of an environment variable.
///
/// # Errors
/// [`ErrorKind::Config`] if it is missing, blank or not text, with what sets it in Kubernetes.
fn variable(name: &str) -> Result<String, Error> {
    // A variable that is set to blanks counts as missing: templates leave such values.
    env::var(name).ok().filter(|value| !value.trim().is_empty()).ok_or_else(|| {
        config(&format!(
            "the environment variable {name} is not set; label the pod `azure.workload.identity/use: \"true\"`, and check the annotations of its service account"
        ))
    })
}

fn config(what: &str) -> Error {
    Error::new(ErrorKind::Config, format!("workload identity: {what}"))
}

/// The file with the Kubernetes token.
///
/// Kubernetes replaces the token about every hour. Entra exchanges it for an access token, so it is
/// needed only for a sign-in.
#[derive(Clone)]
pub(super) struct TokenFile {
    path: PathBuf,
}

impl fmt::Debug for TokenFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the path, which may be a token that was put into the wrong variable.
        f.write_str("TokenFile")
    }
}

impl TokenFile {
    /// Checks that the file contains a token.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] with the file and the reason.
    pub(super) fn open(path: PathBuf) -> Result<Self, Error> {
        // Read once now, so that a wrong path is an error of the set-up and not of the first scan.
        let file = Self { path };
        file.read().map_err(|what| config(&what))?;
        Ok(file)
    }

    /// Reads the current token, without the line break at its end.
    ///
    /// # Errors
    /// A text with the variable, the file and the reason.
    fn read(&self) -> Result<String, String> {
        let path = printable_path(&self.path);
        let text = read_bounded(&self.path)
            .map_err(|error| format!("{TOKEN_FILE}: the file {path} cannot be read: {error}"))?;
        let token = text.trim();
        // INVARIANT: only text in the form of a JSON Web Token is ever sent to the authority.
        if token.split('.').count() != 3 || !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(format!(
                "{TOKEN_FILE}: the file {path} contains no Kubernetes token; check the projected volume of the pod"
            ));
        }
        Ok(token.to_owned())
    }
}

/// Reads the start of a text file; a longer file is not a token.
fn read_bounded(path: &Path) -> io::Result<String> {
    use io::Read as _;
    let mut text = String::new();
    std::fs::File::open(path)?.take(MAX_FILE_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

#[async_trait::async_trait]
impl ClientAssertion for TokenFile {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        let file = self.clone();
        // File systems block, also the volume of a Kubernetes token.
        let read = tokio::task::spawn_blocking(move || file.read()).await;
        read.unwrap_or_else(|_| {
            Err("the token file could not be read, because the Tokio runtime is shutting down"
                .to_owned())
        })
        .map_err(|what| NoToken::TokenFile(what).into_error())
    }
}
