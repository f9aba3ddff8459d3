//! The connection that variables and an address describe.

use url::Url;

use super::{
    Environment, EnvironmentProblem,
    variables::{ACCOUNT, AUTHORITY, CONTAINER, ENDPOINT, TENANT},
};
use crate::{
    cloud::{Cloud, Endpoint},
    connection::{Connection, ConnectionBuilder},
    name::Field,
};

/// The hosts of authorities, by cloud. AKS sets the variable to one of them.
const AUTHORITIES: &[(&str, Cloud)] = &[
    ("login.microsoftonline.com", Cloud::Public),
    ("login.windows.net", Cloud::Public),
    ("login.microsoftonline.us", Cloud::UsGovernment),
    ("login.partner.microsoftonline.cn", Cloud::China),
    ("login.chinacloudapi.cn", Cloud::China),
];

/// A value, and the variable or argument that it comes from.
type Sourced<T> = (&'static str, T);

/// Returns the connection; without one, at least one problem was added.
pub(super) fn connection(
    environment: &Environment,
    name: String,
    problems: &mut Vec<EnvironmentProblem>,
) -> Option<Connection> {
    let address = environment.address.as_deref().and_then(|text| {
        let parsed = ConnectionBuilder::from_url(text);
        parsed
            .map_err(|error| problems.push(EnvironmentProblem::new("address", error.to_string())))
            .ok()
    });
    let part = |part: fn(&ConnectionBuilder) -> &str| {
        address.as_ref().map(part).filter(|text| !text.is_empty()).map(|text| ("address", text))
    };
    let set = |setting, problems: &mut _| environment.get(setting, problems);
    let account = one(part(ConnectionBuilder::account_text), set(&ACCOUNT, problems), problems);
    let container =
        one(part(ConnectionBuilder::container_text), set(&CONTAINER, problems), problems);
    let stated = part(ConnectionBuilder::account_text)
        .and(address.as_ref())
        .map(|address| ("address", address.cloud_value().clone()));
    let (cloud, endpoint_account) = cloud(environment, stated, problems);
    let account =
        one(account, endpoint_account.as_ref().map(|(v, text)| (*v, text.as_str())), problems);
    let tenant = set(&TENANT, problems);
    let mut builder = address.clone().unwrap_or_default().name(name).cloud(cloud);
    let is_address_wrong = environment.address.is_some() && address.is_none();
    for (value, variable) in [(account, ACCOUNT.main()), (container, CONTAINER.main())] {
        // Reported here and not as an empty name, and not if the value is in an address that is wrong.
        let is_reported = problems.iter().any(|problem| problem.setting() == variable);
        if value.is_none() && !is_address_wrong && !is_reported {
            let message = "it is not set, and no address names it";
            problems.push(EnvironmentProblem::new(variable, message));
        }
    }
    builder = builder.account(account.map_or("", |(_, text)| text));
    builder = builder.container(container.map_or("", |(_, text)| text));
    if let Some((_, tenant)) = tenant {
        builder = builder.tenant(tenant);
    }
    match builder.build() {
        Ok(connection) => Some(connection),
        Err(invalid) => {
            for problem in invalid.problems() {
                let setting = match problem.field() {
                    Field::Account => account.map(|(setting, _)| setting),
                    Field::Container => container.map(|(setting, _)| setting),
                    Field::Tenant => tenant.map(|(setting, _)| setting),
                    Field::ConnectionName => Some("name"),
                    _ => Some("address"),
                };
                // A field without a setting is missing, which was reported.
                if let Some(setting) = setting {
                    problems.push(EnvironmentProblem::new(setting, problem.to_string()));
                }
            }
            None
        }
    }
}

/// Returns the value that an argument or a variable gives, and reports it if they differ.
fn one<'a>(
    first: Option<Sourced<&'a str>>,
    second: Option<Sourced<&'a str>>,
    problems: &mut Vec<EnvironmentProblem>,
) -> Option<Sourced<&'a str>> {
    if let (Some((first, one)), Some((second, other))) = (first, second)
        && one != other
    {
        let message = format!("it differs from what `{first}` says; unset one of them");
        problems.push(EnvironmentProblem::new(second, message));
    }
    first.or(second)
}

/// Returns the cloud, and the account if an endpoint of Azure names it.
///
/// `stated` is the cloud that the address names.
fn cloud(
    environment: &Environment,
    stated: Option<Sourced<Cloud>>,
    problems: &mut Vec<EnvironmentProblem>,
) -> (Cloud, Option<Sourced<String>>) {
    let endpoint = environment.get(&ENDPOINT, problems);
    let authority = environment.get(&AUTHORITY, problems);
    let (mut custom, mut account, mut named) = (None, None, stated);
    if let Some((variable, text)) = endpoint {
        match endpoint_of(text) {
            Ok(EndpointOf::Cloud(cloud, of)) => {
                account = Some((variable, of));
                named = Some(same_cloud(named, (variable, cloud), problems));
            }
            Ok(EndpointOf::Custom(endpoint)) => custom = Some((variable, endpoint)),
            Err(message) => problems.push(EnvironmentProblem::new(variable, message)),
        }
    }
    let known = authority.and_then(|(variable, text)| {
        let host = text.strip_prefix("https://").unwrap_or(text).trim_end_matches('/');
        let known = AUTHORITIES.iter().find(|(name, _)| host.eq_ignore_ascii_case(name));
        known.map(|(_, cloud)| (variable, cloud.clone()))
    });
    if let Some((variable, endpoint)) = custom {
        if let Some((address, _)) = named {
            let message = format!("it differs from what `{address}` says; unset one of them");
            problems.push(EnvironmentProblem::new(variable, message));
        }
        let with = match (authority, known) {
            (None, _) => Ok(endpoint),
            (Some(_), Some((variable, cloud))) => {
                endpoint.with_authority(cloud.authority()).map_err(|error| (variable, error))
            }
            (Some((variable, text)), None) => {
                endpoint.with_authority(text).map_err(|error| (variable, error))
            }
        };
        return match with {
            Ok(endpoint) => (endpoint.into(), account),
            Err((variable, error)) => {
                problems.push(EnvironmentProblem::new(variable, error.to_string()));
                (Cloud::default(), account)
            }
        };
    }
    if let (Some((variable, _)), None) = (authority, &known) {
        problems.push(EnvironmentProblem::new(
            variable,
            "it is not an authority of a known cloud; another one needs a custom endpoint, in AZURE_STORAGE_ENDPOINT",
        ));
    }
    if let Some(known) = known {
        named = Some(same_cloud(named, known, problems));
    }
    (named.map(|(_, cloud)| cloud).unwrap_or_default(), account)
}

/// Returns the first cloud if there is one, and reports the second if its authority is another.
fn same_cloud(
    first: Option<Sourced<Cloud>>,
    (second, cloud): Sourced<Cloud>,
    problems: &mut Vec<EnvironmentProblem>,
) -> Sourced<Cloud> {
    let Some((name, stated)) = first else { return (second, cloud) };
    // Accounts of the public cloud have hosts of several forms.
    if stated.authority() != cloud.authority() {
        let message = format!("it is of another cloud than `{name}`; unset one of them");
        problems.push(EnvironmentProblem::new(second, message));
    }
    (name, stated)
}

/// What an endpoint is.
enum EndpointOf {
    /// The endpoint of an account of Azure.
    Cloud(Cloud, String),
    Custom(Endpoint),
}

/// Reads an endpoint.
fn endpoint_of(text: &str) -> Result<EndpointOf, String> {
    let endpoint = Endpoint::new(text).map_err(|error| error.to_string())?;
    let url = Url::parse(text).ok().filter(|url| url.scheme() == "https" && url.path() == "/");
    let host = url.as_ref().filter(|url| url.port().is_none()).and_then(Url::host_str);
    Ok(match host.and_then(Cloud::of_host) {
        Some((account, cloud)) => EndpointOf::Cloud(cloud, account.to_owned()),
        None => EndpointOf::Custom(endpoint),
    })
}
