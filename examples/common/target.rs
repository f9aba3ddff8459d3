//! A container in Azure, as the examples read it from the command line and the environment.

use std::{error::Error, io::Write as _, path::PathBuf};

use azure_asset_sync::{AzureStore, Cloud, Connection, Credential, Endpoint, HostPolicy};
use url::Url;

pub const OPTIONS: &str = "  --prefix TEXT          only names that begin with it
  --tenant ID            the tenant to sign in to (default: AZURE_TENANT_ID)
  --authority URL        where to sign in (default: AZURE_AUTHORITY_HOST, or the public cloud)
  --endpoint URL         an emulator, or another host in front of the account
  --ca FILE              trust the certificate authority in this PEM file for them
  --credential KIND      sas, secret, certificate, workload, managed, azure-cli or anonymous
  --certificate FILE     the certificate and its key as PEM (default: AZURE_CLIENT_CERTIFICATE_PATH)";

pub const CREDENTIALS: &str = "\
Without --credential it is the first of these that is set:
  sas          AZURE_STORAGE_SAS_TOKEN
  secret       AZURE_CLIENT_ID and AZURE_CLIENT_SECRET
  certificate  AZURE_CLIENT_ID and --certificate or AZURE_CLIENT_CERTIFICATE_PATH
  workload     AZURE_CLIENT_ID and AZURE_FEDERATED_TOKEN_FILE
and the Azure CLI if none of their variables is. Which one it is is printed to standard error.";

/// The authorities of Azure's clouds
const AUTHORITIES: [(&str, Cloud); 4] = [
    ("login.microsoftonline.com", Cloud::Public),
    ("login.microsoftonline.us", Cloud::UsGovernment),
    ("login.partner.microsoftonline.cn", Cloud::China),
    ("login.chinacloudapi.cn", Cloud::China),
];

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
    /// Takes an option, where it is one of a container's
    pub fn take(&mut self, name: &str, parser: &mut lexopt::Parser) -> Result<bool, lexopt::Error> {
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

    /// The connection, and a store with the credential of the command line or the environment
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
            let text = text.map_err(|error| format!("the file of --ca: {error}"))?;
            store = store.certificate_authority(text);
        }
        Ok((connection, store.build(credential)?))
    }

    /// The cloud, and a policy that allows the hosts in it
    ///
    /// Whoever types the options and sets the variables runs the program: they are no customer's data.
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
                // The account's own host, with another authority.
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

    /// Refuses an endpoint that names another account, whose container would be listed
    fn check_account(&self, endpoint: &Url) -> Result<(), Box<dyn Error>> {
        let host = endpoint.host_str().unwrap_or_default();
        let mut path = endpoint.path_segments().into_iter().flatten().filter(|one| !one.is_empty());
        // Before the service may stand `privatelink` or the number of a DNS zone.
        let is_service = |rest: &str| {
            let services = ["blob.core.", "dfs.core.", "blob.storage.", "dfs.storage."];
            let rest = [rest, rest.split_once('.').map_or("", |(_, rest)| rest)];
            services.iter().any(|service| rest.iter().any(|rest| rest.starts_with(service)))
        };
        let of_azure = host.split_once('.').filter(|(_, rest)| is_service(rest));
        // A path-style address has the account in its path.
        let named = of_azure.map(|(account, _)| account).or_else(|| path.next());
        let account = self.account.as_deref().unwrap_or_default();
        match named {
            // Neither of the two is repeated: a secret may have come into the wrong option.
            Some(named) if named.strip_suffix("-secondary").unwrap_or(named) != account => {
                Err("--endpoint is the address of another account than --account".into())
            }
            _ => Ok(()),
        }
    }

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
                    "{CLIENT} is set, and none of {SECRET}, {CERTIFICATE} and {TOKEN_FILE}; set one of them, or name another --credential"
                )
                .into());
            }
            None => "azure-cli",
        };
        let (shown, credential) = match kind {
            "sas" => (SAS.to_owned(), Credential::Sas(needed(SAS)?.into())),
            "secret" => {
                let secret = needed(SECRET)?.into();
                let shown = format!("the application in {CLIENT} with {SECRET}");
                (shown, Credential::ClientSecret { client_id: needed(CLIENT)?, secret })
            }
            "certificate" => {
                let path = certificate.ok_or_else(|| format!("{CERTIFICATE} is not set"))?;
                let option = self.certificate.as_ref().map_or(CERTIFICATE, |_| "--certificate");
                let shown = format!("the application in {CLIENT} with the file of {option}");
                (shown, Credential::certificate_file(needed(CLIENT)?, path)?)
            }
            "workload" => {
                (format!("the workload identity in {TOKEN_FILE}"), Credential::WorkloadIdentity)
            }
            "managed" => {
                let client_id = variable(CLIENT);
                let whose = if client_id.is_some() { CLIENT } else { "of this machine" };
                (format!("the managed identity {whose}"), Credential::ManagedIdentity { client_id })
            }
            "azure-cli" => {
                ("whoever is signed in to the Azure CLI".to_owned(), Credential::AzureCli)
            }
            "anonymous" => ("none: the container must be public".to_owned(), Credential::Anonymous),
            // Not the text itself, which may be the credential.
            _ => return Err("--credential is the name of no kind of credential; see --help".into()),
        };
        // Not `eprintln!`, which panics if nobody reads the standard error.
        let _ = writeln!(std::io::stderr(), "credential: {kind}, {shown}");
        Ok(credential)
    }
}

/// What is wrong with the command line, without the values on it: a secret may be in the wrong place
pub fn wrong_argument(error: &(dyn Error + 'static)) -> String {
    match error.downcast_ref() {
        Some(lexopt::Error::UnexpectedArgument(_)) => "an argument belongs to no option".to_owned(),
        Some(lexopt::Error::UnexpectedValue { option, .. }) => format!("{option} takes no value"),
        Some(lexopt::Error::ParsingFailed { .. }) => "an option wants a number".to_owned(),
        Some(lexopt::Error::NonUnicodeValue(_)) => "an argument is not UTF-8".to_owned(),
        _ => error.to_string(),
    }
}

const SAS: &str = "AZURE_STORAGE_SAS_TOKEN";
const CLIENT: &str = "AZURE_CLIENT_ID";
const SECRET: &str = "AZURE_CLIENT_SECRET";
const CERTIFICATE: &str = "AZURE_CLIENT_CERTIFICATE_PATH";
const TOKEN_FILE: &str = "AZURE_FEDERATED_TOKEN_FILE";

fn known_authority(authority: &str) -> Option<Cloud> {
    let url = Url::parse(authority).ok().filter(|url| url.scheme() == "https")?;
    let found = AUTHORITIES.into_iter().find(|(host, _)| url.host_str() == Some(host));
    found.map(|(_, cloud)| cloud)
}

fn needed(name: &str) -> Result<String, String> {
    variable(name).ok_or_else(|| format!("the variable {name} is not set"))
}

pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}
