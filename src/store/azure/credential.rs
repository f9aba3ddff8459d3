//! The credentials that a store accepts, and their conversion into credentials of the SDK.
//!
//! The HTTP client for sign-ins may contact only the authority of the connection, or, for a managed
//! identity, the identity endpoint of this machine. Everything that can be wrong with a credential
//! without asking the authority is reported when the store is built.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use azure_core::{
    cloud::{CloudConfiguration, CustomConfiguration},
    http::{ClientOptions, RetryOptions, Transport},
};
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, ClientAssertion, ClientAssertionCredential,
    ClientAssertionCredentialOptions, ClientSecretCredential, ClientSecretCredentialOptions,
    ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
};

use super::{
    application::{client_id, client_secret},
    azure_cli::AzureCli,
    certificate::Certificate,
    failure, pem,
    sas::SasToken,
    secret::Secret,
    token_cache::{MakeCredential, RenewableCredential},
    token_transport::TokenTransport,
    workload::{TokenFile, Workload},
};
use crate::{
    connection::Connection,
    error::{Error, ErrorKind},
    name::{is_guid, printable_path},
};

/// The limit for a certificate file: 1 MiB. A certificate, its chain and its key have a few KiB.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// How a store signs in: a Microsoft Entra principal, a shared access signature, or anonymously.
///
/// There is no chain that tries one source after another, because the principal that a service acts
/// as is a decision. `Debug` prints the variant and the client ID, and never a secret.
///
/// # Sources
/// | variant | reads | when |
/// | --- | --- | --- |
/// | [`ClientSecret`](Self::ClientSecret) | nothing | |
/// | [`ClientCertificate`](Self::ClientCertificate) | nothing; [`certificate_file`](Self::certificate_file) reads a PEM file | once, in that call |
/// | [`FederatedTokenFile`](Self::FederatedTokenFile) | the file | for each sign-in |
/// | [`WorkloadIdentity`](Self::WorkloadIdentity) | `AZURE_CLIENT_ID`, `AZURE_TENANT_ID`, `AZURE_FEDERATED_TOKEN_FILE` | the variables when the store is built, the file for each sign-in |
/// | [`ManagedIdentity`](Self::ManagedIdentity) | `IDENTITY_ENDPOINT`, `IDENTITY_HEADER`, `IDENTITY_SERVER_THUMBPRINT`, `IMDS_ENDPOINT`, `MSI_ENDPOINT`, `MSI_SECRET` | when the store is built and at each renewal, the header for each sign-in |
/// | [`AzureCli`](Self::AzureCli) | the output of `az account get-access-token` | for each sign-in |
///
/// No other variable is read for a credential: not `AZURE_CLIENT_SECRET` and not
/// `AZURE_AUTHORITY_HOST`. The authority is the one of the connection's cloud. A service that wants to be
/// configured by variables asks for them, with [`Environment`](crate::store::azure::Environment).
///
/// # What is kept in memory
/// A store keeps the credential, the token, and nothing on disk. A token is used until five minutes
/// before it expires; a token with a shorter lifetime serves one request. Neither is wiped from
/// memory when it is dropped. Sign-ins are shared: of many calls that need a token, one requests it.
///
/// # Rotation
/// A client secret or certificate is fixed for the life of a store. To rotate one, build a new store
/// with the new credential, and drop the old store when its calls have ended. Kubernetes renews the
/// file of a workload identity, and the store reads it again for each sign-in. If storage refuses a
/// token that it accepted before, for example after a revocation, the store signs in again once.
///
/// # Where secrets go
/// A client secret, a signed assertion or a Kubernetes token goes only to the authority of the
/// connection, and an access token or shared access signature only to the account's host. The
/// service's [`HostPolicy`](crate::HostPolicy) must allow both hosts. A token of a service principal
/// is valid for *every* account that the principal can access, so a custom endpoint that receives one
/// could use it there.
///
/// ```no_run
/// use azure_asset_sync::{AzureStore, Connection, Credential};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let connection = Connection::builder("hall 3")
///     .account("contosovision")
///     .container("training")
///     .tenant("contoso.onmicrosoft.com")
///     .build()?;
/// let client_id = "00001111-aaaa-2222-bbbb-3333cccc4444";
/// let credential = Credential::certificate_file(client_id, "/run/secrets/app.pem")?;
/// println!("{credential:?}"); // the variant and the client ID, without the key
/// let store = AzureStore::new(&connection, credential)?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub enum Credential {
    /// A service principal with a client secret, which signs in to the connection's tenant.
    ClientSecret {
        /// The application (client) ID, a GUID; not the object ID. Blanks around it are ignored.
        client_id: String,
        /// The secret's value, not its ID. Blanks and line breaks around it are ignored, because files
        /// and variables often end with one and secrets of Microsoft Entra contain none.
        secret: Secret,
    },
    /// A service principal with a certificate, which signs in to the connection's tenant.
    ///
    /// [`certificate_file`](Self::certificate_file) reads one from a file.
    ClientCertificate {
        /// The application (client) ID, a GUID; not the object ID. Blanks around it are ignored.
        client_id: String,
        /// The certificate and its unencrypted RSA private key, both as PEM.
        ///
        /// The text may contain the other certificates of the chain, in any order: the certificate that
        /// belongs to the key is used. Line breaks may be lost or written as `\n`, as in environment
        /// variables. For a PFX file, an encrypted key or an EC key the error names the command that
        /// converts it.
        pem: Secret,
    },
    /// A Kubernetes workload identity.
    ///
    /// Reads the variables `AZURE_CLIENT_ID` and `AZURE_FEDERATED_TOKEN_FILE`, and `AZURE_TENANT_ID` if
    /// the connection has no tenant; the webhook of Azure Workload Identity sets them. Signs in to the
    /// authority of the connection's cloud, and does not read `AZURE_AUTHORITY_HOST`.
    ///
    /// ```no_run
    /// use azure_asset_sync::{AzureStore, Connection, Credential, Error};
    ///
    /// # fn example(connection: Connection) -> Result<(), Error> {
    /// // In a pod with the label `azure.workload.identity/use: "true"`.
    /// let store = AzureStore::new(&connection, Credential::WorkloadIdentity)?;
    /// # Ok(()) }
    /// ```
    #[doc(alias = "federated")]
    WorkloadIdentity,
    /// A principal that trusts the tokens in a file, for example those of Kubernetes.
    ///
    /// As [`WorkloadIdentity`](Self::WorkloadIdentity), without reading variables: signs in to the
    /// connection's tenant. The file is read for each sign-in.
    FederatedTokenFile {
        /// The application (client) ID, a GUID; not the object ID. Blanks around it are ignored.
        client_id: String,
        /// The file with the token.
        path: PathBuf,
    },
    /// A managed identity of the machine or app that this process runs on.
    ///
    /// The token comes from the identity endpoint: `IDENTITY_ENDPOINT` of App Service, or the metadata
    /// service of a virtual machine. The request never goes through a proxy.
    ///
    /// ```
    /// use azure_asset_sync::Credential;
    ///
    /// let system_assigned = Credential::ManagedIdentity { client_id: None };
    /// let client_id = "00001111-aaaa-2222-bbbb-3333cccc4444".to_owned();
    /// let user_assigned = Credential::ManagedIdentity { client_id: Some(client_id) };
    /// ```
    #[doc(alias = "MSI")]
    #[doc(alias = "IMDS")]
    ManagedIdentity {
        /// The client ID of a user-assigned identity, a GUID; `None` for the system-assigned one.
        client_id: Option<String>,
    },
    /// The account that is signed in to the Azure CLI on this machine, for development.
    ///
    /// Runs `az account get-access-token`. The CLI is stopped if it prints no token within 25 s, or
    /// within 80 % of the store's
    /// [deadline](crate::store::azure::AzureStoreBuilder::request_deadline) if that is less.
    AzureCli,
    /// A shared access signature: its query, a URL that contains it, or a connection string.
    ///
    /// A URL may be that of the container or, as the portal's *Blob service SAS URL*, of the blob
    /// service. Blanks and quotes around the text, `&amp;`, and a second percent-encoding are accepted.
    /// The signature must allow reading and listing (`sp=rl`).
    #[doc(alias = "SAS")]
    ///
    /// ```
    /// use azure_asset_sync::Credential;
    ///
    /// let url = "https://contosovision.blob.core.windows.net/training?sv=2026-04-06&sp=rl&sig=…";
    /// let credential = Credential::Sas(url.into());
    /// assert_eq!(format!("{credential:?}"), "Sas { .. }");
    /// ```
    Sas(Secret),
    /// No credential: the container must allow public access.
    Anonymous,
    /// A token credential of the official SDK.
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
            Self::FederatedTokenFile { client_id, .. } => ("FederatedTokenFile", Some(client_id)),
            Self::ManagedIdentity { client_id } => ("ManagedIdentity", client_id.as_ref()),
            Self::AzureCli => ("AzureCli", None),
            Self::Sas(_) => ("Sas", None),
            Self::Anonymous => ("Anonymous", None),
            // Not the caller's own `Debug`, which may print its token.
            #[cfg(feature = "azure-core-1")]
            Self::Token(_) => ("Token", None),
        };
        let mut shown = f.debug_struct(kind);
        // Only a GUID: anything else may be a secret that was put into the wrong field.
        if let Some(id) = client_id.filter(|id| is_guid(id.trim())) {
            shown.field("client_id", id);
        }
        shown.finish_non_exhaustive()
    }
}

impl Credential {
    /// Reads a service principal's certificate and key from a PEM file.
    ///
    /// Reads the file in this call. Text in UTF-16, as PowerShell writes it, is accepted.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] with the path if the file cannot be read or is not text. For a PFX file the
    /// message has the command that converts it. A path that may itself be a secret, such as the PEM
    /// text, is not repeated. The content of the PEM text is checked when the store is built.
    pub fn certificate_file(
        client_id: impl Into<String>,
        path: impl AsRef<Path>,
    ) -> Result<Self, Error> {
        let path = path.as_ref();
        let bad = |what: &dyn fmt::Display| {
            config(&format!("client certificate: {}: {what}", printable_path(path)))
        };
        let bytes = read(path).map_err(|error| bad(&error))?;
        let pem = pem::to_text(&bytes).map_err(|what| bad(&what))?;
        Ok(Self::ClientCertificate { client_id: client_id.into(), pem: pem.into() })
    }

    /// Parses the shared access signature; returns an empty one for the other credentials.
    pub(super) fn sas_token(&self, connection: &Connection) -> Result<SasToken, Error> {
        match self {
            Self::Sas(text) => SasToken::parse(text.expose(), connection),
            _ => Ok(SasToken::default()),
        }
    }

    /// Returns whether tokens come from this machine and not from the authority.
    pub(super) fn uses_identity_endpoint(&self) -> bool {
        matches!(self, Self::ManagedIdentity { .. })
    }

    /// Creates the source of tokens; `None` for credentials that need no token.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the credential is incomplete or does not fit the connection.
    pub(super) fn token_source(
        self,
        connection: &Connection,
        transport: TokenTransport,
        deadline: Duration,
    ) -> Result<Option<RenewableCredential>, Error> {
        let options = client_options(connection, transport);
        let make = match self {
            Self::ClientSecret { client_id: id, secret } => {
                let tenant = tenant(connection)?;
                let (id, secret) = (client_id(&id, "client_id")?, client_secret(&secret)?);
                make_client_secret(tenant, id, secret, options)
            }
            Self::ClientCertificate { client_id: id, pem } => {
                let tenant = tenant(connection)?;
                let id = client_id(&id, "client_id")?;
                let authority = connection.cloud().authority().trim_end_matches('/');
                // The assertion names the token endpoint that it is for, so that no other authority accepts it.
                let audience = format!("{authority}/{tenant}/oauth2/v2.0/token");
                let certificate = Certificate::new(pem.expose(), &id, audience)?;
                make_assertion(tenant, id, certificate, options)
            }
            Self::WorkloadIdentity => {
                let Workload { client_id, tenant, file } = Workload::from_environment(connection)?;
                make_assertion(tenant, client_id, file, options)
            }
            Self::FederatedTokenFile { client_id: id, path } => {
                let (tenant, id) = (tenant(connection)?, client_id(&id, "client_id")?);
                make_assertion(tenant, id, TokenFile::open(path)?, options)
            }
            Self::ManagedIdentity { client_id: id } => {
                let id = id.map(|id| client_id(&id, "client_id")).transpose()?;
                // The SDK fails here for endpoints that it does not support, before any request.
                return RenewableCredential::new(make_managed_identity(id, options))
                    .map(Some)
                    .map_err(|_| config(UNSUPPORTED_IDENTITY_ENDPOINT));
            }
            Self::AzureCli => make_azure_cli(connection, deadline),
            Self::Sas(_) | Self::Anonymous => return Ok(None),
            #[cfg(feature = "azure-core-1")]
            // The caller's credential cannot be created again, so a renewal uses the same one.
            Self::Token(credential) => Box::new(move || Ok(Arc::clone(&credential))),
        };
        let source = RenewableCredential::new(make);
        source.map(Some).map_err(|error| failure::from_credential(&error))
    }
}

/// The error for identity endpoints that the SDK does not support.
const UNSUPPORTED_IDENTITY_ENDPOINT: &str = "managed identity: the identity endpoint in IDENTITY_ENDPOINT, IDENTITY_HEADER or MSI_ENDPOINT is not supported (Azure Arc, Machine Learning, Service Fabric and Cloud Shell are not), or IDENTITY_ENDPOINT is not a URL; correct the variables, or use another credential";

/// Returns the SDK options for sign-ins: this crate's transport, and no retries.
fn client_options(connection: &Connection, transport: TokenTransport) -> ClientOptions {
    // The SDK's own clouds lack custom authorities, so each cloud is given as a custom one.
    let mut cloud = CustomConfiguration::default();
    cloud.authority_host = connection.cloud().authority().to_owned();
    ClientOptions {
        cloud: Some(Arc::new(CloudConfiguration::Custom(cloud))),
        retry: RetryOptions::none(),
        transport: Some(Transport::new(Arc::new(transport))),
        ..Default::default()
    }
}

/// Returns the tenant that a service principal signs in to.
fn tenant(connection: &Connection) -> Result<String, Error> {
    let tenant = connection.tenant().map(|tenant| tenant.as_str().to_owned());
    tenant.ok_or_else(|| {
        config(
            "the connection has no tenant, and a service principal signs in to the customer's tenant; set the Directory (tenant) ID of the connection",
        )
    })
}

/// Signs in with a client secret.
fn make_client_secret(
    tenant: String,
    client_id: String,
    secret: String,
    client_options: ClientOptions,
) -> MakeCredential {
    Box::new(move || {
        let options = ClientSecretCredentialOptions { client_options: client_options.clone() };
        let (id, secret) = (client_id.clone(), secret.clone().into());
        Ok(ClientSecretCredential::new(&tenant, id, secret, Some(options))?)
    })
}

/// Signs in with an assertion: of a certificate, or the token of a Kubernetes workload.
fn make_assertion(
    tenant: String,
    client_id: String,
    assertion: impl ClientAssertion + Clone + 'static,
    client_options: ClientOptions,
) -> MakeCredential {
    Box::new(move || {
        let options = ClientAssertionCredentialOptions { client_options: client_options.clone() };
        let (tenant, id, assertion) = (tenant.clone(), client_id.clone(), assertion.clone());
        Ok(ClientAssertionCredential::new(tenant, id, assertion, Some(options))?)
    })
}

/// Signs in with the managed identity with this client ID, or with the system-assigned one.
fn make_managed_identity(
    client_id: Option<String>,
    client_options: ClientOptions,
) -> MakeCredential {
    Box::new(move || {
        let options = ManagedIdentityCredentialOptions {
            // Only by client ID; the SDK would also accept an object or resource ID.
            user_assigned_id: client_id.clone().map(UserAssignedId::ClientId),
            client_options: client_options.clone(),
        };
        Ok(ManagedIdentityCredential::new(Some(options))?)
    })
}

/// Signs in with the Azure CLI, to the connection's tenant if there is one.
fn make_azure_cli(connection: &Connection, deadline: Duration) -> MakeCredential {
    let tenant = connection.tenant().map(|tenant| tenant.as_str().to_owned());
    Box::new(move || {
        let options = AzureCliCredentialOptions {
            // Without a tenant the CLI uses that of its own login.
            tenant_id: tenant.clone(),
            executor: Some(Arc::new(AzureCli::within(deadline))),
            ..Default::default()
        };
        Ok(AzureCliCredential::new(Some(options))?)
    })
}

/// Reads a file up to [`MAX_FILE_BYTES`]; a cut PEM text is reported when it is parsed.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    use io::Read as _;
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(MAX_FILE_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn config(what: &str) -> Error {
    Error::new(ErrorKind::Config, what)
}
