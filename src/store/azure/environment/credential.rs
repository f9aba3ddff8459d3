//! The credential that variables describe.

use super::{
    super::{
        application::{client_id, client_secret},
        credential::Credential,
        secret::Secret,
    },
    Environment, EnvironmentProblem,
    variables::{
        CERTIFICATE, CLIENT_ID, CLIENT_SECRET, CREDENTIAL_TYPE, SAS, SKIP_SIGNATURE, TENANT,
        TOKEN_FILE, USE_CLI,
    },
};
use crate::connection::Connection;

/// The kinds of credentials, by the text of `AZURE_CREDENTIAL_TYPE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Sas,
    Secret,
    Certificate,
    TokenFile,
    AzureCli,
    Anonymous,
    ManagedIdentity,
}

const KINDS: &[(&str, Kind)] = &[
    ("sas_token", Kind::Sas),
    ("client_secret", Kind::Secret),
    ("certificate", Kind::Certificate),
    ("workload_identity", Kind::TokenFile),
    ("azure_cli", Kind::AzureCli),
    ("anonymous", Kind::Anonymous),
    ("managed_identity", Kind::ManagedIdentity),
];

/// The values of the variables.
struct Values<'a> {
    client_id: Option<(&'static str, &'a str)>,
    secret: Option<(&'static str, &'a str)>,
    certificate: Option<(&'static str, &'a str)>,
    token_file: Option<(&'static str, &'a str)>,
    sas: Option<(&'static str, &'a str)>,
}

/// Returns the credential; without one, at least one problem was added.
pub(super) fn credential(
    environment: &Environment,
    problems: &mut Vec<EnvironmentProblem>,
) -> Option<Credential> {
    let values = Values {
        client_id: environment.get(&CLIENT_ID, problems),
        secret: environment.get(&CLIENT_SECRET, problems),
        certificate: environment.get(&CERTIFICATE, problems),
        token_file: environment.get(&TOKEN_FILE, problems),
        sas: environment.get(&SAS, problems),
    };
    let found = [
        (values.sas.map(|(variable, _)| variable), Kind::Sas),
        (values.secret.map(|(variable, _)| variable), Kind::Secret),
        (values.certificate.map(|(variable, _)| variable), Kind::Certificate),
        (values.token_file.map(|(variable, _)| variable), Kind::TokenFile),
        (environment.switch(&USE_CLI, problems), Kind::AzureCli),
        (environment.switch(&SKIP_SIGNATURE, problems), Kind::Anonymous),
    ];
    let found: Vec<_> = found.into_iter().filter_map(|(set, kind)| Some((set?, kind))).collect();
    let kind = match (environment.get(&CREDENTIAL_TYPE, problems), found.as_slice()) {
        (Some((variable, text)), _) => chosen(variable, text, problems)?,
        (None, []) => Kind::ManagedIdentity,
        (None, [(_, kind)]) => *kind,
        (None, [(first, _), others @ ..]) => {
            for (variable, _) in others {
                let message = format!(
                    "{first} configures another credential; unset one of them, or set AZURE_CREDENTIAL_TYPE"
                );
                problems.push(EnvironmentProblem::new(variable, message));
            }
            return None;
        }
    };
    values.credential(kind, problems)
}

/// Returns the kind that `AZURE_CREDENTIAL_TYPE` names.
fn chosen(
    variable: &'static str,
    text: &str,
    problems: &mut Vec<EnvironmentProblem>,
) -> Option<Kind> {
    let known = KINDS.iter().find(|(name, _)| text.eq_ignore_ascii_case(name));
    if known.is_none() {
        let names: Vec<_> = KINDS.iter().map(|(name, _)| format!("`{name}`")).collect();
        // Not the value, which may be a secret in the wrong variable.
        let message = format!("it must be one of {}", names.join(", "));
        problems.push(EnvironmentProblem::new(variable, message));
    }
    known.map(|(_, kind)| *kind)
}

impl Values<'_> {
    fn credential(&self, kind: Kind, problems: &mut Vec<EnvironmentProblem>) -> Option<Credential> {
        let needed = |value: Option<(&'static str, _)>, variable, problems: &mut Vec<_>| {
            if value.is_none() {
                problems.push(EnvironmentProblem::new(variable, "it is not set"));
            }
            value
        };
        match kind {
            Kind::Sas => {
                let (_, sas) = needed(self.sas, SAS.main(), problems)?;
                Some(Credential::Sas(sas.into()))
            }
            Kind::Secret => {
                let client_id = self.client_id(problems);
                let (variable, text) = needed(self.secret, CLIENT_SECRET.main(), problems)?;
                let secret = Secret::from(text);
                checked(variable, client_secret(&secret), problems)?;
                Some(Credential::ClientSecret { client_id: client_id?, secret })
            }
            Kind::Certificate => {
                let client_id = self.client_id(problems);
                let (variable, path) = needed(self.certificate, CERTIFICATE.main(), problems)?;
                let id = client_id.clone().unwrap_or_default();
                let file = Credential::certificate_file(id, path);
                checked(variable, file, problems).filter(|_| client_id.is_some())
            }
            Kind::TokenFile => {
                let client_id = self.client_id(problems);
                let (_, path) = needed(self.token_file, TOKEN_FILE.main(), problems)?;
                Some(Credential::FederatedTokenFile { client_id: client_id?, path: path.into() })
            }
            Kind::AzureCli => Some(Credential::AzureCli),
            Kind::Anonymous => Some(Credential::Anonymous),
            Kind::ManagedIdentity => match self.client_id {
                None => Some(Credential::ManagedIdentity { client_id: None }),
                Some(_) => {
                    let client_id = Some(self.client_id(problems)?);
                    Some(Credential::ManagedIdentity { client_id })
                }
            },
        }
    }

    /// Returns the client ID, or adds a problem.
    fn client_id(&self, problems: &mut Vec<EnvironmentProblem>) -> Option<String> {
        let Some((variable, text)) = self.client_id else {
            problems.push(EnvironmentProblem::new(CLIENT_ID.main(), "it is not set"));
            return None;
        };
        checked(variable, client_id(text, variable), problems)
    }
}

/// Returns the value, or adds the error as a problem of the variable.
fn checked<T>(
    variable: &'static str,
    result: Result<T, crate::error::Error>,
    problems: &mut Vec<EnvironmentProblem>,
) -> Option<T> {
    let add = |error: crate::error::Error| {
        let message = error.to_string();
        // Some checks begin with the variable, too.
        let message = message.strip_prefix(&format!("{variable}: ")).unwrap_or(&message).to_owned();
        problems.push(EnvironmentProblem::new(variable, message));
    };
    result.map_err(add).ok()
}

/// Returns why the credential does not fit the connection.
pub(super) fn mismatch(
    environment: &Environment,
    connection: &Connection,
    credential: &Credential,
) -> Vec<EnvironmentProblem> {
    let mut problems = Vec::new();
    let signs_in = matches!(
        credential,
        Credential::ClientSecret { .. }
            | Credential::ClientCertificate { .. }
            | Credential::FederatedTokenFile { .. }
    );
    if signs_in && connection.tenant().is_none() {
        problems.push(EnvironmentProblem::new(
            TENANT.main(),
            "it is not set, and a service principal signs in to a tenant",
        ));
    }
    let variable = environment.get(&SAS, &mut problems).map_or(SAS.main(), |(name, _)| name);
    checked(variable, credential.sas_token(connection), &mut problems);
    problems
}
