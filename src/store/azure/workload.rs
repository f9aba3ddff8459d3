//! The identity of a Kubernetes workload: what its webhook puts into the environment, and the token file
//! that Kubernetes renews.
//!
//! Read here and not by the SDK, so that an error names the variable or the file.

use std::{
    env, fmt, io,
    path::{Path, PathBuf},
};

use azure_core::http::ClientMethodOptions;
use azure_identity::ClientAssertion;

use super::{credential::client_id, token::NoToken};
use crate::{
    connection::Connection,
    error::{Error, ErrorKind},
    name::{TenantId, printable_path},
};

const CLIENT_ID: &str = "AZURE_CLIENT_ID";
const TENANT_ID: &str = "AZURE_TENANT_ID";
const TOKEN_FILE: &str = "AZURE_FEDERATED_TOKEN_FILE";

/// A token of Kubernetes has a kilobyte
const MAX_FILE_BYTES: u64 = 64 << 10;

/// Who signs in, and with which file
pub(super) struct Workload {
    pub(super) client_id: String,
    pub(super) tenant: String,
    pub(super) file: TokenFile,
}

impl Workload {
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
        let file = TokenFile { path };
        file.read().map_err(|what| config(&what))?;
        Ok(Self { client_id, tenant: tenant.as_str().to_owned(), file })
    }
}

fn variable(name: &str) -> Result<String, Error> {
    env::var(name).ok().filter(|value| !value.trim().is_empty()).ok_or_else(|| {
        config(&format!(
            "the variable {name} is not set; label the pod `azure.workload.identity/use: \"true\"`, and check its service account"
        ))
    })
}

fn config(what: &str) -> Error {
    Error::new(ErrorKind::Config, format!("workload identity: {what}"))
}

/// The file with the token of Kubernetes, which is read for each sign-in because it changes
#[derive(Clone)]
pub(super) struct TokenFile {
    path: PathBuf,
}

impl fmt::Debug for TokenFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the path: it may be a token that was put into the wrong variable.
        f.write_str("TokenFile")
    }
}

impl TokenFile {
    fn read(&self) -> Result<String, String> {
        let path = printable_path(&self.path);
        let text = first_bytes(&self.path)
            .map_err(|error| format!("{TOKEN_FILE}: could not be read: {path}: {error}"))?;
        let token = text.trim();
        // A JSON Web Token; anything else would be sent to the authority, too.
        if token.split('.').count() != 3 || !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(format!("{TOKEN_FILE}: {path}: the file has no token of Kubernetes"));
        }
        Ok(token.to_owned())
    }
}

fn first_bytes(path: &Path) -> io::Result<String> {
    use io::Read as _;
    let mut text = String::new();
    std::fs::File::open(path)?.take(MAX_FILE_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

#[async_trait::async_trait]
impl ClientAssertion for TokenFile {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        let file = self.clone();
        let read = tokio::task::spawn_blocking(move || file.read()).await;
        read.unwrap_or_else(|_| Err("the token file could not be read".to_owned()))
            .map_err(|what| NoToken::TokenFile(what).into_error())
    }
}
