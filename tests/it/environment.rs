//! Connection and credential from environment variables: what each variable means, which contradict each
//! other, and which are refused. No test sets a variable of the process.

use std::collections::BTreeMap;

use azure_asset_sync::{
    AzureStore, Cloud, Connection, Credential, Error, ErrorKind,
    store::azure::{Environment, EnvironmentProblem, InvalidEnvironment},
};

const ID: &str = "00001111-aaaa-2222-bbbb-3333cccc4444";
const OTHER_ID: &str = "99991111-aaaa-2222-bbbb-3333cccc4444";
const SECRET: &str = "abc8Q~9secret-value-of-the-application";
const SAS: &str = "sv=2026-04-06&sp=rl&sig=c2VjcmV0LXNpZ25hdHVyZQ%3D%3D";

/// A service principal and a container.
const COMPLETE: &[(&str, &str)] = &[
    ("AZURE_STORAGE_ACCOUNT_NAME", "contosovision"),
    ("AZURE_CONTAINER_NAME", "training"),
    ("AZURE_TENANT_ID", "contoso.onmicrosoft.com"),
    ("AZURE_CLIENT_ID", ID),
    ("AZURE_CLIENT_SECRET", SECRET),
];

fn environment(variables: &[&[(&str, &str)]]) -> Environment {
    let variables: BTreeMap<_, _> = variables
        .concat()
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    Environment::from_lookup(|name| variables.get(name).cloned())
}

/// The variables with some replaced; an empty value counts as missing.
fn complete(changes: &[(&str, &str)]) -> Environment {
    environment(&[COMPLETE, changes])
}

fn built(environment: &Environment) -> (Connection, Credential) {
    environment.build("hall 3").unwrap_or_else(|invalid| panic!("{invalid}"))
}

fn settings(invalid: &InvalidEnvironment) -> Vec<&'static str> {
    invalid.problems().iter().map(EnvironmentProblem::setting).collect()
}

#[test]
fn a_complete_environment_is_a_connection_and_a_credential() {
    let (connection, credential) = built(&complete(&[]));
    let expected = Connection::builder("hall 3")
        .account("contosovision")
        .container("training")
        .tenant("contoso.onmicrosoft.com")
        .build()
        .unwrap();
    assert_eq!(connection, expected);
    let Credential::ClientSecret { client_id, .. } = &credential else { panic!("{credential:?}") };
    assert_eq!(client_id, ID);
    AzureStore::new(&connection, credential).unwrap();
    // Blanks around values come from files.
    let (blank, _) = built(&complete(&[("AZURE_CONTAINER_NAME", " training\r\n")]));
    assert_eq!(blank, expected);
}

#[test]
fn each_name_of_object_store_is_read() {
    for (variable, value, instead_of) in [
        ("AZURE_STORAGE_ACCOUNT", "contosovision", "AZURE_STORAGE_ACCOUNT_NAME"),
        ("AZURE_STORAGE_CLIENT_ID", ID, "AZURE_CLIENT_ID"),
        ("AZURE_STORAGE_CLIENT_SECRET", SECRET, "AZURE_CLIENT_SECRET"),
        ("AZURE_STORAGE_TENANT_ID", "contoso.onmicrosoft.com", "AZURE_TENANT_ID"),
        ("AZURE_STORAGE_AUTHORITY_ID", "contoso.onmicrosoft.com", "AZURE_TENANT_ID"),
        ("AZURE_AUTHORITY_ID", "contoso.onmicrosoft.com", "AZURE_TENANT_ID"),
    ] {
        let (connection, credential) = built(&complete(&[(instead_of, ""), (variable, value)]));
        assert_eq!(connection, built(&complete(&[])).0, "{variable}");
        assert!(format!("{credential:?}").contains(ID), "{variable}");
    }
    for sas in ["AZURE_STORAGE_SAS_KEY", "AZURE_STORAGE_SAS_TOKEN"] {
        let (_, credential) = built(&complete(&[("AZURE_CLIENT_SECRET", " "), (sas, SAS)]));
        assert!(matches!(credential, Credential::Sas(_)), "{sas}");
    }
}

#[test]
fn the_variable_of_storage_takes_precedence() {
    let (connection, credential) = built(&complete(&[
        ("AZURE_STORAGE_CLIENT_ID", OTHER_ID),
        ("AZURE_STORAGE_TENANT_ID", "fabrikam.onmicrosoft.com"),
    ]));
    assert_eq!(connection.tenant().unwrap().as_str(), "fabrikam.onmicrosoft.com");
    assert!(format!("{credential:?}").contains(OTHER_ID));
    // Two names of the same thing must agree.
    let two = [("AZURE_STORAGE_ACCOUNT", "fabrikam")];
    let invalid = complete(&two).build("x").unwrap_err();
    assert_eq!(settings(&invalid), ["AZURE_STORAGE_ACCOUNT_NAME"]);
    assert!(invalid.to_string().contains("AZURE_STORAGE_ACCOUNT has another value"), "{invalid}");
    let same = [("AZURE_STORAGE_ACCOUNT", "contosovision")];
    built(&complete(&same));
}

#[test]
fn each_credential_has_its_variables() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "e30.e30.c2ln\n").unwrap();
    let file = file.to_str().unwrap();
    let no_secret = ("AZURE_CLIENT_SECRET", "");
    let no_id = ("AZURE_CLIENT_ID", "");
    for (changes, expected) in [
        (vec![no_secret, no_id], "ManagedIdentity { .. }".to_owned()),
        (vec![no_secret], format!("ManagedIdentity {{ client_id: {ID:?}, .. }}")),
        (
            vec![no_secret, ("AZURE_FEDERATED_TOKEN_FILE", file)],
            format!("FederatedTokenFile {{ client_id: {ID:?}, .. }}"),
        ),
        (vec![no_secret, no_id, ("AZURE_USE_AZURE_CLI", "true")], "AzureCli { .. }".to_owned()),
        (vec![no_secret, ("AZURE_SKIP_SIGNATURE", "1")], "Anonymous { .. }".to_owned()),
        (
            vec![no_secret, ("AZURE_SKIP_SIGNATURE", "false"), no_id],
            "ManagedIdentity { .. }".to_owned(),
        ),
        (vec![no_secret, ("AZURE_STORAGE_SAS_TOKEN", SAS)], "Sas { .. }".to_owned()),
        // The choice of the service decides between several.
        (
            vec![("AZURE_STORAGE_SAS_TOKEN", SAS), ("AZURE_CREDENTIAL_TYPE", "sas_token")],
            "Sas { .. }".to_owned(),
        ),
        (
            vec![("AZURE_CREDENTIAL_TYPE", "managed_identity")],
            format!("ManagedIdentity {{ client_id: {ID:?}, .. }}"),
        ),
        (
            vec![
                ("AZURE_FEDERATED_TOKEN_FILE", file),
                ("AZURE_CREDENTIAL_TYPE", "Workload_Identity"),
            ],
            format!("FederatedTokenFile {{ client_id: {ID:?}, .. }}"),
        ),
    ] {
        let (connection, credential) = built(&complete(&changes));
        assert_eq!(format!("{credential:?}"), expected, "{changes:?}");
        if !matches!(credential, Credential::ManagedIdentity { .. }) {
            AzureStore::new(&connection, credential).unwrap();
        }
    }
}

#[test]
fn a_certificate_is_read_from_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("app.pem");
    std::fs::write(&file, "-----BEGIN CERTIFICATE-----\n").unwrap();
    let path = |path| [("AZURE_CLIENT_SECRET", ""), ("AZURE_CLIENT_CERTIFICATE_PATH", path)];
    let (_, credential) = built(&complete(&path(file.to_str().unwrap())));
    assert!(matches!(credential, Credential::ClientCertificate { .. }));
    let invalid = complete(&path("/no/such/file.pem")).build("x").unwrap_err();
    assert_eq!(settings(&invalid), ["AZURE_CLIENT_CERTIFICATE_PATH"]);
    assert!(invalid.to_string().contains("/no/such/file.pem"), "{invalid}");
}

#[test]
fn endpoint_and_authority_decide_the_cloud() {
    let endpoint = |text| ("AZURE_STORAGE_ENDPOINT", text);
    let authority = |text| ("AZURE_AUTHORITY_HOST", text);
    for (changes, cloud) in [
        (vec![], "public"),
        (vec![authority("https://login.microsoftonline.com/")], "public"),
        (vec![authority("https://login.microsoftonline.us")], "us_government"),
        (vec![authority("login.chinacloudapi.cn")], "china"),
        (vec![endpoint("https://contosovision.blob.core.windows.net/")], "public"),
        (vec![endpoint("https://contosovision.blob.core.chinacloudapi.cn")], "china"),
        (vec![endpoint("https://contosovision.z07.blob.storage.azure.net")], "dns zone 07"),
        (
            vec![
                endpoint("https://contosovision.z07.blob.storage.azure.net"),
                authority("https://login.microsoftonline.com/"),
            ],
            "dns zone 07",
        ),
        (
            vec![("AZURE_ENDPOINT", "https://127.0.0.1:10000/devstoreaccount1")],
            "https://127.0.0.1:10000/devstoreaccount1",
        ),
    ] {
        let (connection, _) = built(&complete(&changes));
        assert_eq!(connection.cloud().to_string(), cloud, "{changes:?}");
    }
    let custom = [endpoint("https://storage.example/"), authority("https://login.example/")];
    let (connection, _) = built(&complete(&custom));
    assert_eq!(connection.cloud().authority(), "https://login.example/");
    let known = [endpoint("https://storage.example/"), authority("login.microsoftonline.us")];
    let (connection, _) = built(&complete(&known));
    assert_eq!(connection.cloud().authority(), "https://login.microsoftonline.us/");

    for (changes, setting, reason) in [
        (vec![authority("https://login.example/")], "AZURE_AUTHORITY_HOST", "custom endpoint"),
        (vec![endpoint("storage.example")], "AZURE_STORAGE_ENDPOINT", "URL"),
        (
            vec![endpoint("https://fabrikam.blob.core.windows.net")],
            "AZURE_STORAGE_ENDPOINT",
            "differs",
        ),
        (
            vec![
                endpoint("https://contosovision.blob.core.windows.net"),
                authority("https://login.microsoftonline.us"),
            ],
            "AZURE_AUTHORITY_HOST",
            "another cloud",
        ),
        (
            vec![endpoint("https://storage.example/"), authority("http://login.example/")],
            "AZURE_AUTHORITY_HOST",
            "https",
        ),
    ] {
        let invalid = complete(&changes).build("x").unwrap_err();
        assert_eq!(settings(&invalid), [setting], "{invalid}");
        assert!(invalid.to_string().contains(reason), "{invalid}");
    }
}

#[test]
fn an_address_says_what_to_list() {
    let no_container = ("AZURE_CONTAINER_NAME", "");
    let no_account = ("AZURE_STORAGE_ACCOUNT_NAME", "");
    for (changes, address, cloud) in [
        (vec![no_container], "az://training/hall-3/", Cloud::Public),
        (vec![], "azure://training/hall-3/", Cloud::Public),
        (
            vec![no_account, no_container],
            "abfss://training@contosovision.dfs.core.windows.net/hall-3/",
            Cloud::Public,
        ),
        (
            vec![no_account],
            "https://contosovision.blob.core.usgovcloudapi.net/training/hall-3/",
            Cloud::UsGovernment,
        ),
        (
            vec![("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.us/")],
            "az://training/hall-3/",
            Cloud::UsGovernment,
        ),
    ] {
        let (connection, _) = built(&complete(&changes).address(address));
        assert_eq!(connection.container_url().path(), "/training", "{address}");
        assert_eq!(connection.account().as_str(), "contosovision", "{address}");
        assert_eq!((connection.prefix().as_str(), connection.cloud()), ("hall-3/", &cloud));
    }
    for (changes, address, setting, reason) in [
        (vec![], "az://other/", "AZURE_CONTAINER_NAME", "differs from what `address` says"),
        (
            vec![],
            "https://fabrikam.blob.core.windows.net/training",
            "AZURE_STORAGE_ACCOUNT_NAME",
            "differs",
        ),
        (vec![no_container, no_account], "adl://training/", "address", "Gen1 was retired"),
        (
            vec![("AZURE_AUTHORITY_HOST", "login.microsoftonline.us")],
            "https://contosovision.blob.core.windows.net/training",
            "AZURE_AUTHORITY_HOST",
            "another cloud",
        ),
        (
            vec![("AZURE_STORAGE_ENDPOINT", "https://storage.example/")],
            "https://contosovision.blob.core.windows.net/training",
            "AZURE_STORAGE_ENDPOINT",
            "differs",
        ),
    ] {
        let invalid = complete(&changes).address(address).build("x").unwrap_err();
        assert_eq!(settings(&invalid), [setting], "{invalid}");
        assert!(invalid.to_string().contains(reason), "{invalid}");
    }
}

#[test]
fn all_problems_are_reported_at_once_by_their_variables() {
    let nothing = environment(&[]).build("").unwrap_err();
    assert_eq!(settings(&nothing), ["AZURE_STORAGE_ACCOUNT_NAME", "AZURE_CONTAINER_NAME", "name"]);
    let all = environment(&[&[
        ("AZURE_STORAGE_ACCOUNT_NAME", "Contoso Vision"),
        ("AZURE_CONTAINER_NAME", "T"),
        ("AZURE_TENANT_ID", "common"),
        ("AZURE_CLIENT_ID", "my app"),
        ("AZURE_CLIENT_SECRET", "a\nb"),
    ]]);
    let invalid = all.build("x").unwrap_err();
    assert_eq!(
        settings(&invalid),
        [
            "AZURE_STORAGE_ACCOUNT_NAME",
            "AZURE_CONTAINER_NAME",
            "AZURE_TENANT_ID",
            "AZURE_CLIENT_ID",
            "AZURE_CLIENT_SECRET",
        ]
    );
    // Each part alone reports its own problems.
    assert_eq!(settings(&all.connection("x").unwrap_err()).len(), 3);
    assert_eq!(settings(&all.credential().unwrap_err()).len(), 2);
    let error = Error::from(invalid.clone());
    assert_eq!((error.kind(), error.to_string()), (ErrorKind::Config, invalid.to_string()));

    for (changes, expected) in [
        (vec![("AZURE_TENANT_ID", "")], vec!["AZURE_TENANT_ID"]),
        (vec![("AZURE_CLIENT_ID", "")], vec!["AZURE_CLIENT_ID"]),
        (vec![("AZURE_STORAGE_SAS_TOKEN", SAS)], vec!["AZURE_CLIENT_SECRET"]),
        (
            vec![("AZURE_STORAGE_SAS_TOKEN", SAS), ("AZURE_USE_AZURE_CLI", "yes")],
            vec!["AZURE_CLIENT_SECRET", "AZURE_USE_AZURE_CLI"],
        ),
        (vec![("AZURE_USE_AZURE_CLI", "maybe")], vec!["AZURE_USE_AZURE_CLI"]),
        (vec![("AZURE_CREDENTIAL_TYPE", "password")], vec!["AZURE_CREDENTIAL_TYPE"]),
        (vec![("AZURE_CREDENTIAL_TYPE", "sas_token")], vec!["AZURE_STORAGE_SAS_TOKEN"]),
        (
            vec![("AZURE_CLIENT_SECRET", ""), ("AZURE_STORAGE_SAS_TOKEN", "no signature")],
            vec!["AZURE_STORAGE_SAS_TOKEN"],
        ),
    ] {
        let invalid = complete(&changes).build("x").unwrap_err();
        assert_eq!(settings(&invalid), expected, "{invalid}");
    }
}

#[test]
fn what_cannot_be_honored_is_refused_with_the_reason() {
    for (variable, value, reason) in [
        ("AZURE_STORAGE_ACCOUNT_KEY", "a2V5", "allows everything in the storage account"),
        ("AZURE_STORAGE_ACCESS_KEY", "a2V5", "allows everything in the storage account"),
        ("AZURE_STORAGE_MASTER_KEY", "a2V5", "allows everything in the storage account"),
        ("AZURE_STORAGE_KEY", "a2V5", "allows everything in the storage account"),
        ("AZURE_STORAGE_CONNECTION_STRING", "AccountKey=a2V5", "contains an account key"),
        ("AZURE_STORAGE_TOKEN", "eyJ0", "cannot be renewed"),
        ("AZURE_CLIENT_CERTIFICATE_PASSWORD", "x", "must not be encrypted"),
        ("AZURE_OBJECT_ID", ID, "client ID only"),
        ("AZURE_MSI_RESOURCE_ID", "/subscriptions/1", "client ID only"),
        ("AZURE_MSI_ENDPOINT", "http://169.254.169.254", "IDENTITY_ENDPOINT"),
        ("AZURE_IDENTITY_ENDPOINT", "http://169.254.169.254", "IDENTITY_ENDPOINT"),
        ("AZURE_FABRIC_SESSION_TOKEN", "x", "not supported"),
        ("AZURE_USE_FABRIC_ENDPOINT", "true", "not supported"),
        ("AZURE_STORAGE_USE_EMULATOR", "true", "AZURE_STORAGE_ENDPOINT"),
        ("AZURE_STORAGE_ENCRYPTION_KEY", "x", "cannot be read"),
    ] {
        let invalid = complete(&[(variable, value)]).build("x").unwrap_err();
        assert_eq!(settings(&invalid), [variable]);
        assert!(invalid.problems()[0].message().contains(reason), "{invalid}");
        assert!(invalid.to_string().starts_with(&format!("{variable}: ")), "{invalid}");
    }
    built(&complete(&[
        ("AZURE_STORAGE_USE_EMULATOR", "false"),
        ("AZURE_STORAGE_ACCOUNT_KEY", " "),
    ]));
    // What only writers need, and what nobody knows, is ignored.
    built(&complete(&[("AZURE_DISABLE_TAGGING", "true"), ("AZURE_SOMETHING", "x")]));
}

#[test]
fn no_secret_is_printed() {
    let secret = "Zx9~Qw8Er7Ty6Ui5Op4As3Df2Gh1Jk0Lm";
    let names = [
        "AZURE_STORAGE_ACCOUNT_NAME",
        "AZURE_CONTAINER_NAME",
        "AZURE_TENANT_ID",
        "AZURE_CLIENT_ID",
        "AZURE_CLIENT_SECRET",
        "AZURE_STORAGE_SAS_TOKEN",
        "AZURE_STORAGE_ACCOUNT_KEY",
        "AZURE_STORAGE_CONNECTION_STRING",
        "AZURE_STORAGE_TOKEN",
        "AZURE_CREDENTIAL_TYPE",
        "AZURE_USE_AZURE_CLI",
        "AZURE_STORAGE_ENDPOINT",
        "AZURE_AUTHORITY_HOST",
        "AZURE_CLIENT_CERTIFICATE_PATH",
        "AZURE_FEDERATED_TOKEN_FILE",
    ];
    for name in names {
        for value in [secret.to_owned(), format!("{secret}\n{secret}"), format!("sig={secret}")] {
            let environment = complete(&[(name, &value)]).address("az://training/");
            let texts = match environment.build("x") {
                Ok((connection, credential)) => format!("{connection:?} {credential:?}"),
                Err(invalid) => format!("{invalid} {invalid:?} {:?}", Error::from(invalid.clone())),
            };
            assert!(!texts.contains(secret), "{name}: {texts}");
            assert!(!format!("{environment:?}").contains(secret), "{name}");
        }
    }
    let address = format!("https://contosovision.blob.core.windows.net/training?sig={secret}");
    let invalid = complete(&[]).address(address).build("x").unwrap_err();
    assert!(!format!("{invalid} {invalid:?}").contains(secret), "{invalid}");
}

#[test]
fn a_long_value_is_refused() {
    let long = "x".repeat(70_000);
    let invalid = complete(&[("AZURE_CLIENT_SECRET", &long)]).build("x").unwrap_err();
    assert_eq!(settings(&invalid), ["AZURE_CLIENT_SECRET"]);
    assert!(invalid.to_string().len() < 200);
}
