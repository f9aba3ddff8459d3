//! A container in Azure, as the examples are told of it on the command line.

use std::{error::Error, path::PathBuf};

use azure_asset_sync::{AzureStore, Cloud, Connection, Credential, Endpoint, HostPolicy};
use url::Url;

pub const OPTIONS: &str = "  --prefix TEXT      only names that begin with it
  --tenant ID        the tenant to sign in to
  --endpoint URL     an emulator, or another host in front of the account
  --ca FILE          trust the certificate authority in this PEM file too";

pub const CREDENTIALS: &str = "\
The credential is the first of: AZURE_STORAGE_SAS_TOKEN; AZURE_CLIENT_ID with
AZURE_CLIENT_SECRET; AZURE_FEDERATED_TOKEN_FILE; the Azure CLI.";

#[derive(Default)]
pub struct Target {
    pub account: Option<String>,
    pub container: String,
    pub prefix: String,
    tenant: Option<String>,
    endpoint: Option<String>,
    ca: Option<PathBuf>,
}

impl Target {
    /// Takes an option, where it is one of a container's
    pub fn take(&mut self, name: &str, parser: &mut lexopt::Parser) -> Result<bool, lexopt::Error> {
        use lexopt::ValueExt as _;
        match name {
            "account" => self.account = Some(parser.value()?.string()?),
            "container" => self.container = parser.value()?.string()?,
            "prefix" => self.prefix = parser.value()?.string()?,
            "tenant" => self.tenant = Some(parser.value()?.string()?),
            "endpoint" => self.endpoint = Some(parser.value()?.string()?),
            "ca" => self.ca = Some(parser.value()?.into()),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The connection, and a store with the credential of the environment
    pub fn open(&self, label: &str) -> Result<(Connection, AzureStore), Box<dyn Error>> {
        let mut policy = HostPolicy::azure();
        let mut connection = Connection::builder(label)
            .account(self.account.clone().unwrap_or_default())
            .container(&self.container)
            .prefix(&self.prefix);
        if let Some(endpoint) = &self.endpoint {
            connection = connection.cloud(Cloud::Custom(Endpoint::new(endpoint)?));
            // Whoever types the option runs the program: it is no customer's data.
            policy =
                policy.allow_endpoint(&Url::parse(endpoint)?.origin().ascii_serialization())?;
        }
        if let Some(tenant) = self.tenant.clone().or_else(|| variable("AZURE_TENANT_ID")) {
            connection = connection.tenant(tenant);
        }
        let connection = connection.build()?;
        let credential = if let Some(sas) = variable("AZURE_STORAGE_SAS_TOKEN") {
            Credential::Sas(sas.into())
        } else if let (Some(client_id), Some(secret)) =
            (variable("AZURE_CLIENT_ID"), variable("AZURE_CLIENT_SECRET"))
        {
            Credential::ClientSecret { client_id, secret: secret.into() }
        } else if variable("AZURE_FEDERATED_TOKEN_FILE").is_some() {
            Credential::WorkloadIdentity
        } else {
            Credential::AzureCli
        };
        let mut store = AzureStore::builder(&connection).policy(policy);
        if let Some(ca) = &self.ca {
            store = store.certificate_authority(std::fs::read_to_string(ca)?);
        }
        Ok((connection, store.build(credential)?))
    }
}

pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
