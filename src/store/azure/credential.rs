//! Who signs in, and how: each variant becomes a credential of the SDK.
//!
//! The client for sign-ins may contact the connection's authority alone, or, for a managed identity,
//! the identity endpoint of this machine.

use std::{fmt, io, path::Path, sync::Arc, time::Duration};

use azure_core::{
    cloud::{CloudConfiguration, CustomConfiguration},
    http::{ClientOptions, RetryOptions, Transport},
};
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, ClientAssertionCredential,
    ClientAssertionCredentialOptions, ClientSecretCredential, ClientSecretCredentialOptions,
    ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
};

use super::{
    azure_cli::AzureCli,
    certificate::Certificate,
    failure,
    network::Target,
    pem,
    renew::{Make, Renewable},
    sas::Signature,
    token::TokenTransport,
    workload::Workload,
};
use crate::{
    connection::Connection,
    error::{Error, ErrorKind},
    name::{is_guid, printable_path},
};

/// A certificate, its chain and its key have some kilobytes
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Text that is neither printed nor serialised
#[derive(Clone, Default)]
pub struct Secret(String);

impl Secret {
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Who reads the container: the usual sources of a token, a signature, or nobody
///
/// A store keeps a token until five minutes before it expires, and requests a token with a shorter
/// lifetime anew each time.
///
/// There is no chain that tries one source after another, because which principal a service acts as
/// is a decision.
///
/// # Where secrets go
/// A secret, certificate assertion or federated token goes to the authority of the connection alone,
/// and a token or signature to the account's host alone. The service's
/// [`HostPolicy`](crate::HostPolicy) must allow both hosts. A token of a service principal is valid
/// for every account that the principal can access: a custom endpoint that receives one can use it
/// there.
#[derive(Clone)]
#[non_exhaustive]
pub enum Credential {
    /// A service principal with a secret, in the connection's tenant
    ClientSecret {
        /// The application (client) ID, a GUID; not the object ID. Blanks around it do not count.
        client_id: String,
        /// The secret's value, not its ID. Blanks and line breaks around it do not count: secrets that
        /// Microsoft Entra makes have none, and files and variables often end with one.
        secret: Secret,
    },
    /// A service principal with a certificate, in the connection's tenant
    ///
    /// [`certificate_file`](Self::certificate_file) reads one from a file.
    ClientCertificate {
        /// The application (client) ID, a GUID; not the object ID. Blanks around it do not count.
        client_id: String,
        /// The certificate and its unencrypted RSA key, both as PEM
        ///
        /// Other certificates of the chain may stand beside them, in any order: the certificate that
        /// belongs to the key is used. Line breaks may be lost or stand there as `\n`, as in variables of
        /// the environment. The error for a PFX file, an encrypted key or an EC key has the command that
        /// helps.
        pem: Secret,
    },
    /// The identity of a Kubernetes workload, from the variables `AZURE_CLIENT_ID`,
    /// `AZURE_FEDERATED_TOKEN_FILE` and, if the connection has no tenant, `AZURE_TENANT_ID`
    ///
    /// It signs in to the authority of the connection's cloud. `AZURE_AUTHORITY_HOST` is not read.
    WorkloadIdentity,
    /// The identity of the machine that this runs on, from its identity endpoint: `IDENTITY_ENDPOINT`
    /// of App Service, or the metadata service of a virtual machine; never through a proxy
    ManagedIdentity {
        /// The client ID of a user-assigned identity, a GUID; `None` for the machine's own
        client_id: Option<String>,
    },
    /// The account that is signed in to the Azure CLI on this machine
    ///
    /// Runs `az account get-access-token`. A CLI that gives no token within 25 seconds, or four fifths of
    /// the store's [deadline](crate::store::azure::AzureStoreBuilder::request_deadline) if that is less,
    /// is stopped.
    AzureCli,
    /// A shared access signature: its query, a URL or a connection string with it
    ///
    /// The URL may be that of the container or, as the portal's *Blob service SAS URL*, of the blob
    /// service. Blanks and quotes around the text, `&amp;` and a second percent-encoding do not count. It
    /// must allow listing and reading (`sp=rl`).
    Sas(Secret),
    /// Nobody: the container must allow public access
    Anonymous,
    /// Any token credential of the official SDK
    #[cfg(feature = "azure-core-1")]
    #[cfg_attr(docsrs, doc(cfg(feature = "azure-core-1")))]
    Token(Arc<dyn azure_core::credentials::TokenCredential>),
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, client_id) = match self {
            Self::ClientSecret { client_id, .. } => ("ClientSecret", Some(client_id)),
            Self::ClientCertificate { client_id, .. } => ("ClientCertificate", Some(client_id)),
            Self::WorkloadIdentity => ("WorkloadIdentity", None),
            Self::ManagedIdentity { client_id } => ("ManagedIdentity", client_id.as_ref()),
            Self::AzureCli => ("AzureCli", None),
            Self::Sas(_) => ("Sas", None),
            Self::Anonymous => ("Anonymous", None),
            // What the caller's own type shows of itself may be its token.
            #[cfg(feature = "azure-core-1")]
            Self::Token(_) => ("Token", None),
        };
        let mut shown = f.debug_struct(kind);
        // What is no GUID may be a secret that was put into the wrong field.
        if let Some(id) = client_id.filter(|id| is_guid(id.trim())) {
            shown.field("client_id", id);
        }
        shown.finish_non_exhaustive()
    }
}

impl Credential {
    /// A service principal with the certificate and key in this file, as PEM
    ///
    /// Reads the file now. A text in UTF-16, as PowerShell writes it, is read too.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] with the path, if the file cannot be read or is not text: for example a PFX
    /// file, with the command that converts it. A path that may be a secret itself, such as the PEM text,
    /// is not repeated. What is in the PEM text is checked when the store is built.
    pub fn certificate_file(
        client_id: impl Into<String>,
        path: impl AsRef<Path>,
    ) -> Result<Self, Error> {
        let path = path.as_ref();
        let bad = |what: &dyn fmt::Display| {
            config(&format!("client certificate: {}: {what}", printable_path(path)))
        };
        let bytes = read(path).map_err(|error| bad(&error))?;
        let pem = pem::text(&bytes).map_err(|what| bad(&what))?;
        Ok(Self::ClientCertificate { client_id: client_id.into(), pem: pem.into() })
    }

    /// The shared access signature; an empty one for the other credentials
    pub(super) fn signature(&self, connection: &Connection) -> Result<Signature, Error> {
        match self {
            Self::Sas(text) => Signature::read(text.expose(), connection),
            _ => Ok(Signature::default()),
        }
    }

    /// Whether tokens come from this machine, and not from the authority
    pub(super) fn uses_identity_endpoint(&self) -> bool {
        matches!(self, Self::ManagedIdentity { .. })
    }

    /// What gives tokens; `None` where none are needed
    pub(super) fn token(
        self,
        connection: &Connection,
        (client, target): (reqwest::Client, Option<Arc<Target>>),
        deadline: Duration,
    ) -> Result<Option<Renewable>, Error> {
        let mut authority = CustomConfiguration::default();
        authority.authority_host = connection.cloud().authority().to_owned();
        let client_options = ClientOptions {
            cloud: Some(Arc::new(CloudConfiguration::Custom(authority))),
            retry: RetryOptions::none(),
            transport: Some(Transport::new(Arc::new(TokenTransport::new(client, target)))),
            ..Default::default()
        };
        let tenant = || {
            connection.tenant().ok_or_else(|| {
                config(
                    "the connection has no tenant; a service principal signs in to the customer's",
                )
            })
        };
        let make: Make = match self {
            Self::ClientSecret { client_id: id, secret } => {
                let tenant = tenant()?.as_str().to_owned();
                let (client_id, secret) = (client_id(&id, "client_id")?, client_secret(&secret)?);
                Box::new(move || {
                    let client_options = client_options.clone();
                    let options = ClientSecretCredentialOptions { client_options };
                    let (id, secret) = (client_id.clone(), secret.clone().into());
                    Ok(ClientSecretCredential::new(&tenant, id, secret, Some(options))?)
                })
            }
            Self::ClientCertificate { client_id: id, pem } => {
                let tenant = tenant()?.as_str().to_owned();
                let client_id = client_id(&id, "client_id")?;
                let authority = connection.cloud().authority().trim_end_matches('/');
                let audience = format!("{authority}/{tenant}/oauth2/v2.0/token");
                let certificate = Certificate::new(pem.expose(), &client_id, audience)?;
                Box::new(move || {
                    let client_options = client_options.clone();
                    let options = ClientAssertionCredentialOptions { client_options };
                    let (tenant, id) = (tenant.clone(), client_id.clone());
                    let certificate = certificate.clone();
                    Ok(ClientAssertionCredential::new(tenant, id, certificate, Some(options))?)
                })
            }
            Self::WorkloadIdentity => {
                let Workload { client_id, tenant, file } = Workload::from_environment(connection)?;
                Box::new(move || {
                    let client_options = client_options.clone();
                    let options = ClientAssertionCredentialOptions { client_options };
                    let (tenant, id, file) = (tenant.clone(), client_id.clone(), file.clone());
                    Ok(ClientAssertionCredential::new(tenant, id, file, Some(options))?)
                })
            }
            Self::ManagedIdentity { client_id: id } => {
                let client_id = id.map(|id| client_id(&id, "client_id")).transpose()?;
                let make: Make = Box::new(move || {
                    let options = ManagedIdentityCredentialOptions {
                        user_assigned_id: client_id.clone().map(UserAssignedId::ClientId),
                        client_options: client_options.clone(),
                    };
                    Ok(ManagedIdentityCredential::new(Some(options))?)
                });
                return Renewable::new(make).map(Some).map_err(|_| {
                    config("managed identity: the identity endpoint that the variables IDENTITY_ENDPOINT, IDENTITY_HEADER and MSI_ENDPOINT describe is not supported, as those of Azure Arc, Machine Learning, Service Fabric and Cloud Shell, or IDENTITY_ENDPOINT is no URL")
                });
            }
            Self::AzureCli => {
                let tenant = connection.tenant().map(|tenant| tenant.as_str().to_owned());
                Box::new(move || {
                    let options = AzureCliCredentialOptions {
                        tenant_id: tenant.clone(),
                        executor: Some(Arc::new(AzureCli::within(deadline))),
                        ..Default::default()
                    };
                    Ok(AzureCliCredential::new(Some(options))?)
                })
            }
            Self::Sas(_) | Self::Anonymous => return Ok(None),
            #[cfg(feature = "azure-core-1")]
            Self::Token(credential) => Box::new(move || Ok(Arc::clone(&credential))),
        };
        Renewable::new(make).map(Some).map_err(|error| failure::of_credential(&error))
    }
}

/// Checks an application's id, which `field` has
///
/// The value is never quoted: people put secrets into the wrong field.
pub(super) fn client_id(text: &str, field: &str) -> Result<String, Error> {
    let trimmed = text.trim().trim_start_matches('\u{feff}');
    let id = trimmed.strip_prefix('{').and_then(|id| id.strip_suffix('}')).unwrap_or(trimmed);
    if is_guid(id) {
        return Ok(id.to_owned());
    }
    let hint = if id.is_empty() {
        "it is empty"
    } else if id.starts_with("/subscriptions/") {
        "this is the resource ID of an identity; its overview page shows the client ID"
    } else if id.contains("://") {
        "this looks like an application ID URI"
    } else {
        "this is not a GUID"
    };
    Err(config(&format!(
        "{field}: {hint}; it must be the application (client) ID, such as `00001111-aaaa-2222-bbbb-3333cccc4444`, as the application's overview page shows it"
    )))
}

/// Checks a client secret, and removes what surrounds it in files
fn client_secret(secret: &Secret) -> Result<String, Error> {
    let text = secret.expose().trim().trim_start_matches('\u{feff}');
    let bad = |what: &str| Err(config(&format!("client secret: {what}")));
    if text.is_empty() {
        return bad("it is empty");
    }
    if text.contains("-----BEGIN") {
        return bad("it is PEM; give it to the store as a client certificate");
    }
    if text.contains(|c: char| c.is_control()) {
        return bad(
            "it has a line break or another control character in it; copy the secret's value alone",
        );
    }
    Ok(text.to_owned())
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    use io::Read as _;
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(MAX_FILE_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn config(what: &str) -> Error {
    Error::new(ErrorKind::Config, what)
}
