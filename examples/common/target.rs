//! A container in Azure, from the command line and the environment.
//!
//! The values come from whoever runs the example, so their hosts are trusted. A service must not
//! trust hosts that its customers enter.

use std::{error::Error, io::Write as _, path::PathBuf};

use azure_asset_sync::{AzureStore, Cloud, Connection, Credential, Endpoint, HostPolicy};
use url::Url;

/// The help for the options of a container, except `--account` and `--container`.
pub const OPTIONS: &str = "  --prefix TEXT          list only names that begin with this text
  --tenant ID            tenant to sign in to (default: AZURE_TENANT_ID)
  --authority URL        sign-in endpoint (default: AZURE_AUTHORITY_HOST, or the public cloud)
  --endpoint URL         address of an emulator, or of another host in front of the account
  --ca FILE              trust the certificate authority in this PEM file for these hosts
  --credential KIND      sas, secret, certificate, workload, managed, azure-cli or anonymous
  --certificate FILE     certificate and key as PEM (default: AZURE_CLIENT_CERTIFICATE_PATH)";

/// The help for the choice of a credential.
pub const CREDENTIALS: &str = "\
Without --credential, the first kind whose variables are set is used:
  sas          AZURE_STORAGE_SAS_TOKEN
  secret       AZURE_CLIENT_ID and AZURE_CLIENT_SECRET
  certificate  AZURE_CLIENT_ID and --certificate or AZURE_CLIENT_CERTIFICATE_PATH
  workload     AZURE_CLIENT_ID and AZURE_FEDERATED_TOKEN_FILE
If none of them is set, the Azure CLI is used. The chosen kind is printed to standard error.";

const SAS: &str = "AZURE_STORAGE_SAS_TOKEN";
const CLIENT: &str = "AZURE_CLIENT_ID";
const SECRET: &str = "AZURE_CLIENT_SECRET";
const CERTIFICATE: &str = "AZURE_CLIENT_CERTIFICATE_PATH";
const TOKEN_FILE: &str = "AZURE_FEDERATED_TOKEN_FILE";

/// The sign-in hosts of Azure's clouds.
const AUTHORITIES: [(&str, Cloud); 4] = [
    ("login.microsoftonline.com", Cloud::Public),
    ("login.microsoftonline.us", Cloud::UsGovernment),
    ("login.partner.microsoftonline.cn", Cloud::China),
    ("login.chinacloudapi.cn", Cloud::China),
];

/// The options that name a container and a credential.
#[derive(Default)]
pub struct Target {
    pub account: Option<String>,
    pub container: String,
    pub prefix: String,
    tenant: Option<String>,
    authority: Option<String>,
    endpoint: Option<String>,
    ca: Option<PathBuf>,
    credential: Option<String>,
    certificate: Option<PathBuf>,
}

impl Target {
    /// Takes the option `--name`. Returns `false` if it is not an option of a container.
    pub fn option(
        &mut self,
        name: &str,
        parser: &mut lexopt::Parser,
    ) -> Result<bool, lexopt::Error> {
        use lexopt::ValueExt as _;
        match name {
            "account" => self.account = Some(parser.value()?.string()?),
            "container" => self.container = parser.value()?.string()?,
            "prefix" => self.prefix = parser.value()?.string()?,
            "tenant" => self.tenant = Some(parser.value()?.string()?),
            "authority" => self.authority = Some(parser.value()?.string()?),
            "endpoint" => self.endpoint = Some(parser.value()?.string()?),
            "ca" => self.ca = Some(parser.value()?.into()),
            "credential" => self.credential = Some(parser.value()?.string()?),
            "certificate" => self.certificate = Some(parser.value()?.into()),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Returns the connection, and a store with the credential of the command line or the
    /// environment.
    ///
    /// Fails if an option or a variable is missing or not valid. Sends no request.
    pub fn open(&self, label: &str) -> Result<(Connection, AzureStore), Box<dyn Error>> {
        let (cloud, policy) = self.cloud()?;
        let mut connection = Connection::builder(label)
            .account(self.account.clone().unwrap_or_default())
            .container(&self.container)
            .prefix(&self.prefix)
            .cloud(cloud);
        if let Some(tenant) = self.tenant.clone().or_else(|| variable("AZURE_TENANT_ID")) {
            connection = connection.tenant(tenant);
        }
        let connection = connection.build()?;
        let credential = self.credential()?;
        let mut store = AzureStore::builder(&connection).policy(policy);
        if let Some(ca) = &self.ca {
            let text = std::fs::read_to_string(ca);
            let text = text.map_err(|error| format!("--ca: the file cannot be read: {error}"))?;
            store = store.certificate_authority(text);
        }
        Ok((connection, store.build(credential)?))
    }

    /// Returns the cloud, and a host policy that allows the hosts of the command line.
    fn cloud(&self) -> Result<(Cloud, HostPolicy), Box<dyn Error>> {
        let mut policy = HostPolicy::azure();
        let authority = self.authority.clone().or_else(|| variable("AZURE_AUTHORITY_HOST"));
        let authority = authority.map(|text| match text.contains("://") {
            true => text,
            false => format!("https://{text}"),
        });
        let known = authority.as_deref().and_then(known_authority);
        let endpoint = match (&self.endpoint, &authority, &known) {
            (None, None, _) => return Ok((Cloud::Public, policy)),
            (None, Some(_), Some(cloud)) => return Ok((cloud.clone(), policy)),
            (None, Some(_), None) => {
                // The usual host of the account, with a different sign-in endpoint.
                let account = self.account.clone().unwrap_or_default();
                format!("https://{account}.blob.core.windows.net/")
            }
            (Some(endpoint), ..) => endpoint.clone(),
        };
        let origin = |text: &str| Ok::<_, url::ParseError>(Url::parse(text)?.origin());
        let mut own = Endpoint::new(&endpoint)?;
        if let Some(endpoint) = &self.endpoint {
            self.check_account(&Url::parse(endpoint)?)?;
            policy = policy.allow_endpoint(&origin(endpoint)?.ascii_serialization())?;
        }
        if let Some(authority) = &authority {
            own = own.with_authority(authority)?;
            if known.is_none() {
                policy = policy.allow_authority(&origin(authority)?.ascii_serialization())?;
            }
        }
        Ok((Cloud::Custom(own), policy))
    }

    /// Refuses an endpoint that names a different account, whose container would be listed by
    /// mistake.
    fn check_account(&self, endpoint: &Url) -> Result<(), Box<dyn Error>> {
        let host = endpoint.host_str().unwrap_or_default();
        let mut path = endpoint.path_segments().into_iter().flatten().filter(|one| !one.is_empty());
        // `privatelink` or the number of a DNS zone may come before the service.
        let is_service = |rest: &str| {
            let services = ["blob.core.", "dfs.core.", "blob.storage.", "dfs.storage."];
            let rest = [rest, rest.split_once('.').map_or("", |(_, rest)| rest)];
            services.iter().any(|service| rest.iter().any(|rest| rest.starts_with(service)))
        };
        let azure_host = host.split_once('.').filter(|(_, rest)| is_service(rest));
        // The address of an emulator has the account in its path.
        let named = azure_host.map(|(account, _)| account).or_else(|| path.next());
        let account = self.account.as_deref().unwrap_or_default();
        match named {
            // The message shows neither name, because a secret may be in the wrong option.
            Some(named) if named.strip_suffix("-secondary").unwrap_or(named) != account => {
                Err("--endpoint is the address of a different account than --account".into())
            }
            _ => Ok(()),
        }
    }

    /// Returns the credential that the options or the environment name.
    fn credential(&self) -> Result<Credential, Box<dyn Error>> {
        let certificate =
            self.certificate.clone().or_else(|| variable(CERTIFICATE).map(PathBuf::from));
        let kind = match self.credential.as_deref() {
            Some(kind) => kind,
            None if variable(SAS).is_some() => "sas",
            None if variable(SECRET).is_some() => "secret",
            None if certificate.is_some() => "certificate",
            None if variable(TOKEN_FILE).is_some() => "workload",
            None if variable(CLIENT).is_some() => {
                return Err(format!(
                    "{CLIENT} is set, but none of {SECRET}, {CERTIFICATE} and {TOKEN_FILE}; set one of them, or choose another kind with --credential"
                )
                .into());
            }
            None => "azure-cli",
        };
        let (shown, credential) = match kind {
            "sas" => (SAS.to_owned(), Credential::Sas(required(SAS)?.into())),
            "secret" => {
                let secret = required(SECRET)?.into();
                let shown = format!("the application in {CLIENT} with {SECRET}");
                (shown, Credential::ClientSecret { client_id: required(CLIENT)?, secret })
            }
            "certificate" => {
                let path = certificate.ok_or_else(|| format!("{CERTIFICATE} is not set"))?;
                let option = self.certificate.as_ref().map_or(CERTIFICATE, |_| "--certificate");
                let shown = format!("the application in {CLIENT} with the file of {option}");
                (shown, Credential::certificate_file(required(CLIENT)?, path)?)
            }
            "workload" => {
                (format!("the workload identity in {TOKEN_FILE}"), Credential::WorkloadIdentity)
            }
            "managed" => {
                let client_id = variable(CLIENT);
                let whose =
                    if client_id.is_some() { "in AZURE_CLIENT_ID" } else { "of this machine" };
                (format!("the managed identity {whose}"), Credential::ManagedIdentity { client_id })
            }
            "azure-cli" => {
                ("the account that is signed in to the Azure CLI".to_owned(), Credential::AzureCli)
            }
            "anonymous" => {
                ("no credential: the container must be public".to_owned(), Credential::Anonymous)
            }
            // The message does not show the value, because it may be the credential itself.
            _ => return Err("--credential is not a kind of credential; see --help".into()),
        };
        // Not `eprintln!`, which panics if nobody reads standard error.
        let _ = writeln!(std::io::stderr(), "credential: {kind}, {shown}");
        Ok(credential)
    }
}

/// Returns the cloud of a sign-in URL, if it is one of Azure's.
fn known_authority(authority: &str) -> Option<Cloud> {
    let url = Url::parse(authority).ok().filter(|url| url.scheme() == "https")?;
    let found = AUTHORITIES.into_iter().find(|(host, _)| url.host_str() == Some(host));
    found.map(|(_, cloud)| cloud)
}

/// Returns a variable that must be set.
fn required(name: &str) -> Result<String, String> {
    variable(name).ok_or_else(|| format!("the variable {name} is not set"))
}

/// Returns a variable of the environment, or `None` if it is not set or empty.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}
