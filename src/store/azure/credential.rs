//! Who signs in, and how: each variant becomes a credential of the SDK.
//!
//! The client for sign-ins may contact the connection's authority alone, or, for a managed identity,
//! the identity endpoint of this machine.

use std::{fmt, sync::Arc};

use azure_core::{
    cloud::{CloudConfiguration, CustomConfiguration},
    http::{ClientOptions, RetryOptions, Transport, Url},
};
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, ClientAssertionCredential,
    ClientAssertionCredentialOptions, ClientSecretCredential, ClientSecretCredentialOptions,
    ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
    WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};

use super::{
    certificate::Certificate,
    failure,
    network::Target,
    renew::{Make, Renewable},
    token::TokenTransport,
};
use crate::{
    connection::Connection,
    error::{Error, ErrorKind},
};

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
        /// The application (client) id, not the object id
        client_id: String,
        /// The secret's value, not its id
        secret: Secret,
    },
    /// A service principal with a certificate, in the connection's tenant
    ClientCertificate {
        /// The application (client) id, not the object id
        client_id: String,
        /// The certificate and its unencrypted RSA key, both as PEM
        pem: Secret,
    },
    /// The identity of a Kubernetes workload, from the variables `AZURE_CLIENT_ID`,
    /// `AZURE_TENANT_ID` and `AZURE_FEDERATED_TOKEN_FILE`
    WorkloadIdentity,
    /// The identity of the machine that this runs on, from its identity endpoint: `IDENTITY_ENDPOINT`
    /// of App Service, or the metadata service of a virtual machine; never through a proxy
    ManagedIdentity {
        /// The client id of a user-assigned identity; `None` for the machine's own
        client_id: Option<String>,
    },
    /// The account that is signed in to the Azure CLI on this machine
    AzureCli,
    /// A shared access signature: its query, or a container's URL with it
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
        if let Some(id) = client_id {
            shown.field("client_id", id);
        }
        shown.finish_non_exhaustive()
    }
}

impl Credential {
    /// The query of a shared access signature, without `?`; empty for the others
    pub(super) fn signature(&self, connection: &Connection) -> Result<Secret, Error> {
        let Self::Sas(text) = self else { return Ok(Secret::default()) };
        let text = text.expose().trim();
        let query = if text.contains("://") {
            let url = Url::parse(text).map_err(|_| config("the SAS URL cannot be read"))?;
            let container = connection.container_url();
            let here = url.origin() == container.origin()
                && url.path().trim_end_matches('/') == container.path();
            if !here {
                return Err(config(
                    "the SAS URL is of another container than the connection; make one for the connection's container, not for a blob in it",
                ));
            }
            url.query().unwrap_or_default().to_owned()
        } else {
            text.trim_start_matches('?').to_owned()
        };
        if !query.split('&').any(|pair| pair.starts_with("sig=")) {
            return Err(config("the shared access signature has no `sig`; copy it whole"));
        }
        Ok(query.into())
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
    ) -> Result<Option<Renewable>, Error> {
        let mut authority = CustomConfiguration::default();
        authority.authority_host = connection.cloud().authority().to_owned();
        let client_options = ClientOptions {
            cloud: Some(Arc::new(CloudConfiguration::Custom(authority))),
            retry: RetryOptions::none(),
            transport: Some(Transport::new(Arc::new(TokenTransport { client, target }))),
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
            Self::ClientSecret { client_id, secret } => {
                let tenant = tenant()?.as_str().to_owned();
                Box::new(move || {
                    let client_options = client_options.clone();
                    let options = ClientSecretCredentialOptions { client_options };
                    let (id, secret) = (client_id.clone(), secret.0.clone().into());
                    Ok(ClientSecretCredential::new(&tenant, id, secret, Some(options))?)
                })
            }
            Self::ClientCertificate { client_id, pem } => {
                let tenant = tenant()?.as_str().to_owned();
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
                let tenant = connection.tenant().map(|tenant| tenant.as_str().to_owned());
                Box::new(move || {
                    let client_options = client_options.clone();
                    let options = WorkloadIdentityCredentialOptions {
                        credential_options: ClientAssertionCredentialOptions { client_options },
                        tenant_id: tenant.clone(),
                        ..Default::default()
                    };
                    Ok(WorkloadIdentityCredential::new(Some(options))?)
                })
            }
            Self::ManagedIdentity { client_id } => Box::new(move || {
                let options = ManagedIdentityCredentialOptions {
                    user_assigned_id: client_id.clone().map(UserAssignedId::ClientId),
                    client_options: client_options.clone(),
                };
                Ok(ManagedIdentityCredential::new(Some(options))?)
            }),
            Self::AzureCli => {
                let tenant = connection.tenant().map(|tenant| tenant.as_str().to_owned());
                Box::new(move || {
                    let options = AzureCliCredentialOptions {
                        tenant_id: tenant.clone(),
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

fn config(what: &str) -> Error {
    Error::new(ErrorKind::Config, what)
}
