//! Each known failure has the documented cause, wizard step and retry class. Failures that a server can
//! cause are reproduced over the network.

mod scenes;

use std::collections::BTreeMap;

use azure_asset_sync::{
    AzureStore, Credential, Diagnosis, Probe,
    probe::{Cause, Health, Retry},
    testing::{Fault, Refusal, Seed, SmallCloud, trust},
};
use serde::Deserialize;

use Cause as C;
use Play::{Not, Pasted, Refuse, RefuseAs, Scene, SignIn};

use self::scenes::scene;

#[derive(Clone, Debug, Deserialize)]
struct Row {
    id: String,
    layer: String,
    status: Option<u16>,
    code: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    detail: String,
    wizard_step: Option<String>,
    transient: String,
}

/// How a row is reproduced.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Play {
    /// The sign-in is refused with the error number of the row.
    SignIn,
    /// Each request to the blob service is refused with the error code of the row.
    Refuse,
    /// The same with this error code, because the row has a description instead.
    RefuseAs(&'static str),
    /// The function `scene` sets the situation up.
    Scene,
    /// A text that a customer pastes from a terminal, because this crate does not call Resource Manager.
    Pasted(&'static str),
    /// The failure cannot be reproduced, for this reason.
    Not(&'static str),
}

const ROWS: &[(&str, Cause, Play)] = &[
    ("d001", C::InvalidAccountName, Scene),
    ("d002", C::InvalidContainerName, Scene),
    ("d003", C::InvalidTenant, Scene),
    ("d004", C::ApplicationIdAsObjectId, Scene),
    ("d005", C::AccountNotFound, Scene),
    (
        "d006",
        C::PrivateEndpoint,
        Not("a loopback port has no private endpoint; see tests/it/probe.rs"),
    ),
    ("d007", C::NameServiceFailed, Not("the resolver is the machine's; see tests/it/probe.rs")),
    ("d008", C::Unreachable, Scene),
    ("d009", C::UntrustedCertificate, Scene),
    ("d010", C::TlsVersion, Scene),
    ("d011", C::HttpsRequired, Refuse),
    ("d012", C::TenantNotFound, SignIn),
    ("d013", C::TenantMalformed, SignIn),
    ("d014", C::RequestMalformed, SignIn),
    ("d015", C::WrongCloud, SignIn),
    ("d016", C::CrossCloud, SignIn),
    ("d017", C::ServicePrincipalMissing, SignIn),
    ("d018", C::ServicePrincipalMissing, SignIn),
    ("d019", C::ServicePrincipalMissing, SignIn),
    ("d020", C::SecretWrong, SignIn),
    ("d021", C::SecretExpired, SignIn),
    ("d022", C::SecretWrong, SignIn),
    ("d023", C::SecretMissing, SignIn),
    ("d024", C::PublicClient, SignIn),
    ("d025", C::CertificateRejected, SignIn),
    ("d026", C::AssertionTime, SignIn),
    ("d027", C::CertificateRejected, SignIn),
    ("d028", C::ApplicationDisabled, SignIn),
    ("d029", C::ApplicationDisabled, SignIn),
    ("d030", C::ApplicationDisabled, SignIn),
    ("d031", C::ResourceUnknown, SignIn),
    ("d032", C::ResourceUnknown, SignIn),
    ("d033", C::ScopeInvalid, SignIn),
    ("d034", C::ScopeInvalid, SignIn),
    ("d035", C::ConditionalAccess, SignIn),
    ("d036", C::ConditionalAccess, SignIn),
    ("d037", C::ConditionalAccess, SignIn),
    ("d038", C::TenantRestricted, SignIn),
    ("d039", C::NotAServicePrincipal, SignIn),
    ("d040", C::ConsentMissing, SignIn),
    ("d041", C::ConsentMissing, SignIn),
    ("d042", C::RequestMalformed, SignIn),
    ("d043", C::AuthorityInvalid, SignIn),
    ("d044", C::SignInLoop, SignIn),
    ("d045", C::SignInUnavailable, SignIn),
    ("d046", C::SignInUnavailable, SignIn),
    ("d047", C::SignInUnavailable, SignIn),
    ("d048", C::SignInUnavailable, SignIn),
    ("d049", C::SignInThrottled, SignIn),
    ("d050", C::FederationMissing, SignIn),
    (
        "d051",
        C::AssignmentForbidden,
        Pasted("(AuthorizationFailed) The client does not have authorization"),
    ),
    ("d052", C::PrincipalNotReplicated, Pasted("PrincipalNotFound: Principal x does not exist")),
    (
        "d053",
        C::AssignmentExists,
        Pasted("(RoleAssignmentExists) The role assignment already exists."),
    ),
    (
        "d054",
        C::AssignmentExists,
        Not("the Azure CLI says nothing; the grant reads back and compares"),
    ),
    ("d055", C::AssignmentNameTaken, Pasted("(RoleAssignmentUpdateNotPermitted) Tenant ID, …")),
    ("d056", C::ConditionInvalid, Pasted("The given role assignment condition is invalid.")),
    ("d057", C::ConditionMangled, Pasted("Resource attribute blobs/tags:Project<$> is not valid.")),
    (
        "d058",
        C::DirectoryReadForbidden,
        Pasted("Insufficient privileges to complete the operation."),
    ),
    ("d059", C::AssignmentLimit, Pasted("{\"error\":{\"code\":\"RoleAssignmentLimitExceeded\"}}")),
    ("d060", C::PrincipalCreationForbidden, Pasted("Authorization_RequestDenied")),
    ("d061", C::ScopeLocked, Pasted("(ScopeLocked) The scope cannot perform write operation")),
    (
        "d062",
        C::PolicyForbids,
        Pasted("(RequestDisallowedByPolicy) Resource was disallowed by policy."),
    ),
    ("d063", C::NoCredential, Scene),
    ("d064", C::TokenExpired, Refuse),
    ("d065", C::TokenAudience, Refuse),
    ("d066", C::TokenIssuer, Refuse),
    ("d067", C::TokenInvalid, Refuse),
    ("d068", C::HeaderMalformed, Refuse),
    ("d069", C::SignatureRejected, Refuse),
    ("d070", C::JustAssigned, RefuseAs("Unauthorized")),
    ("d071", C::AccessMissing, Scene),
    ("d072", C::ListNotCovered, Scene),
    ("d073", C::ContainersOutOfScope, Scene),
    ("d074", C::KeyOutOfScope, Scene),
    ("d075", C::ManagementRoleOnly, Scene),
    ("d076", C::Firewall, Scene),
    ("d077", C::SasAddress, Refuse),
    ("d078", C::SasProtocol, Refuse),
    ("d079", C::SasService, Refuse),
    ("d080", C::SasResourceType, Refuse),
    ("d081", C::KeysForbidden, Refuse),
    ("d082", C::PublicAccessForbidden, Refuse),
    ("d083", C::ResourceNotFound, Scene),
    ("d084", C::AccountDisabled, Scene),
    ("d085", C::AccountRestricted, Refuse),
    ("d086", C::EncryptionPolicy, Refuse),
    ("d087", C::EncryptionKeyMissing, Refuse),
    ("d088", C::CustomerKey, Refuse),
    ("d089", C::ContainerNotFound, Scene),
    ("d090", C::ContainerBeingDeleted, Scene),
    ("d091", C::ContainerDisabled, Refuse),
    ("d092", C::BlobNotFound, Refuse),
    ("d093", C::BlobArchived, Refuse),
    ("d094", C::BlobRehydrating, Refuse),
    ("d095", C::AddressInvalid, Refuse),
    ("d096", C::NameInvalid, Refuse),
    ("d097", C::NameInvalid, Refuse),
    ("d098", C::QueryInvalid, Refuse),
    ("d099", C::QueryInvalid, Refuse),
    ("d100", C::VersionInvalid, Refuse),
    ("d101", C::QueryInvalid, Refuse),
    ("d102", C::BlobChanged, Refuse),
    ("d103", C::VersionInvalid, Refuse),
    ("d104", C::FeatureUnsupported, Refuse),
    ("d105", C::Throttled, Refuse),
    ("d106", C::ServiceTimeout, Refuse),
    ("d107", C::ServiceFailed, Refuse),
    ("d108", C::Throttled, Refuse),
    ("d109", C::Gateway, Refuse),
    ("d110", C::Gateway, Refuse),
    ("d111", C::RequestTimeout, Refuse),
    ("d112", C::CorsMissing, Scene),
    ("d113", C::PreflightMalformed, Scene),
    ("d114", C::EmptyListing, Scene),
    (
        "d115",
        C::EmptyListing,
        Not("an empty page with a marker is legal and no failure; see tests/it/probe.rs"),
    ),
    ("d116", C::BroadAccess, Scene),
    ("d117", C::ContainersListable, Scene),
    ("d118", C::BroadAccess, Not("what a POSIX ACL lets through looks like any other wide access")),
];

fn rows() -> BTreeMap<String, Row> {
    let rows: Vec<Row> = serde_json::from_str(include_str!("../data/diagnosis.json")).unwrap();
    rows.into_iter().map(|row| (row.id.clone(), row)).collect()
}

fn check(row: &Row, cause: Cause, expected: Cause, diagnosis: &Diagnosis) {
    assert_eq!(cause, expected, "{row:?}");
    assert_eq!(serde_json::to_value(diagnosis.layer()).unwrap(), *row.layer, "{row:?}");
    let retry = match row.transient.as_str() {
        "no" => Retry::Never,
        "yes" => Retry::Transient,
        _ => Retry::Propagating,
    };
    assert_eq!(diagnosis.retry(), retry, "{row:?}");
    if let Some(step) = &row.wizard_step {
        let number = diagnosis.step().number().to_string();
        assert!(step.split([' ', '/']).any(|part| part == number), "{row:?} is at step {number}");
    }
    let text = diagnosis.to_string();
    assert!(!text.contains('\n') && text.contains("; "), "{text}");
}

async fn cloud() -> SmallCloud {
    SmallCloud::builder().blob(Seed::new("a.jpg", "abc")).start().await.unwrap()
}

async fn probe(cloud: &SmallCloud) -> Health {
    let connection = cloud.connection().build().unwrap();
    Probe::new(&connection, cloud.store(&connection).unwrap()).run().await
}

fn only(health: Health) -> Diagnosis {
    // View links and CORS have no part in the outlook.
    let optional = health.optional_failures().next().and_then(|failed| failed.diagnosis.clone());
    health.diagnosis.or(optional).unwrap_or_else(|| panic!("nothing failed"))
}

/// Returns the codes of a row, which can have several.
fn codes(row: &Row) -> Vec<String> {
    row.code.split(['/', ' ']).filter(|code| !code.is_empty()).map(str::to_owned).collect()
}

async fn sign_in(row: &Row, cloud: &SmallCloud) -> Vec<Diagnosis> {
    let error = row.detail.trim_start_matches("error=").split(' ').next().unwrap();
    let mut found = Vec::new();
    for code in codes(row) {
        let number: u32 = code.trim_start_matches("AADSTS").parse().unwrap();
        cloud.refuse_sign_in(row.status.unwrap(), error, number, "Said 'no' to \"you\".");
        found.push(only(probe(cloud).await));
    }
    found
}

async fn refuse(row: &Row, cloud: &SmallCloud, code: Option<&str>) -> Vec<Diagnosis> {
    let mut found = Vec::new();
    for own in codes(row).into_iter().take(if code.is_some() { 1 } else { 9 }) {
        let mut refusal = Refusal::new(row.status.unwrap(), code.unwrap_or(&own));
        if !row.message.is_empty() {
            refusal = refusal.message(row.message.as_str());
        }
        if let Some(detail) = row.detail.strip_prefix("AuthenticationErrorDetail: ") {
            refusal = refusal.detail(detail);
        }
        cloud.inject_always(Some(Fault::Refuse(refusal)));
        found.push(only(probe(cloud).await));
        cloud.inject_always(None);
    }
    found
}

#[tokio::test]
async fn every_known_failure_has_its_cause_step_and_retry_class() {
    let rows = rows();
    assert_eq!(rows.len(), ROWS.len());
    let shared = cloud().await;
    let (mut played, mut pasted) = (0, 0);
    for (id, expected, play) in ROWS {
        let row = &rows[*id];
        let found = match *play {
            SignIn => sign_in(row, &shared).await,
            Refuse => refuse(row, &shared, None).await,
            RefuseAs(code) => refuse(row, &shared, Some(code)).await,
            Scene => vec![scene(row).await],
            Pasted(text) => vec![Diagnosis::of_text(text).unwrap_or_else(|| panic!("{text}"))],
            Not(why) => {
                println!("{id} is not reproduced: {why}");
                continue;
            }
        };
        assert!(!found.is_empty(), "{row:?}");
        for diagnosis in &found {
            check(row, diagnosis.cause, *expected, diagnosis);
        }
        match play {
            Pasted(_) => pasted += 1,
            _ => played += 1,
        }
    }
    println!(
        "{played} reproduced over the network or by input, {pasted} pasted, of {}",
        ROWS.len()
    );
    assert_eq!((played, pasted), (102, 11));
    assert!(probe(&shared).await.is_ready(), "the failures do not last");
}

/// The SDK's own credential cannot read an answer that contains an escape sequence.
#[tokio::test]
async fn a_code_that_the_sdk_drops_is_found_in_its_message() {
    let cloud = cloud().await;
    let authority = cloud.certificate_authority().as_bytes();
    let authority = reqwest::Certificate::from_pem(authority).unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().tls_certs_only([authority]).build().unwrap();
    let mut own = azure_core::cloud::CustomConfiguration::default();
    own.authority_host = format!("https://{}", cloud.address());
    let client_options = azure_core::http::ClientOptions {
        cloud: Some(std::sync::Arc::new(azure_core::cloud::CloudConfiguration::Custom(own))),
        retry: azure_core::http::RetryOptions::none(),
        transport: Some(azure_core::http::Transport::new(std::sync::Arc::new(client))),
        ..Default::default()
    };
    let credential = azure_identity::ClientSecretCredential::new(
        cloud.tenant(),
        cloud.client_id().to_owned(),
        "canary-of-a-wrong-secret".to_owned().into(),
        Some(azure_identity::ClientSecretCredentialOptions { client_options }),
    );
    let connection = cloud.connection().build().unwrap();
    let store = AzureStore::builder(&connection)
        .policy(trust(&connection))
        .certificate_authority(cloud.certificate_authority())
        .build(Credential::Token(credential.unwrap()))
        .unwrap();
    let health = Probe::new(&connection, store).run().await;
    let diagnosis = health.diagnosis.as_ref().unwrap();
    assert_eq!(diagnosis.cause, C::SecretWrong, "{health}");
    assert_eq!(diagnosis.evidence.code.as_deref(), Some("AADSTS7000215"));
    assert!(!format!("{health} {health:?}").contains("canary"));
}
