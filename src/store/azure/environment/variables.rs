//! The variables: their names, which of two names takes precedence, and those that are refused.

/// A setting, with the variables that it is read from.
#[derive(Debug)]
pub(super) struct Setting {
    /// The variables by precedence. Those of one group mean the same and must not differ.
    pub(super) groups: &'static [&'static [&'static str]],
}

impl Setting {
    /// Returns the variable to name in messages about a missing value.
    pub(super) fn main(&self) -> &'static str {
        self.groups.iter().copied().flatten().next_back().copied().unwrap_or_default()
    }
}

pub(super) const ACCOUNT: Setting =
    Setting { groups: &[&["AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_ACCOUNT_NAME"]] };
pub(super) const CONTAINER: Setting = Setting { groups: &[&["AZURE_CONTAINER_NAME"]] };
pub(super) const ENDPOINT: Setting =
    Setting { groups: &[&["AZURE_STORAGE_ENDPOINT"], &["AZURE_ENDPOINT"]] };
pub(super) const AUTHORITY: Setting =
    Setting { groups: &[&["AZURE_STORAGE_AUTHORITY_HOST"], &["AZURE_AUTHORITY_HOST"]] };
pub(super) const TENANT: Setting = Setting {
    groups: &[
        &["AZURE_STORAGE_TENANT_ID", "AZURE_STORAGE_AUTHORITY_ID"],
        &["AZURE_AUTHORITY_ID", "AZURE_TENANT_ID"],
    ],
};
pub(super) const CLIENT_ID: Setting =
    Setting { groups: &[&["AZURE_STORAGE_CLIENT_ID"], &["AZURE_CLIENT_ID"]] };
pub(super) const CLIENT_SECRET: Setting =
    Setting { groups: &[&["AZURE_STORAGE_CLIENT_SECRET"], &["AZURE_CLIENT_SECRET"]] };
pub(super) const CERTIFICATE: Setting = Setting { groups: &[&["AZURE_CLIENT_CERTIFICATE_PATH"]] };
pub(super) const TOKEN_FILE: Setting = Setting { groups: &[&["AZURE_FEDERATED_TOKEN_FILE"]] };
pub(super) const SAS: Setting =
    Setting { groups: &[&["AZURE_STORAGE_SAS_KEY", "AZURE_STORAGE_SAS_TOKEN"]] };
pub(super) const USE_CLI: Setting = Setting { groups: &[&["AZURE_USE_AZURE_CLI"]] };
pub(super) const SKIP_SIGNATURE: Setting = Setting { groups: &[&["AZURE_SKIP_SIGNATURE"]] };
pub(super) const CREDENTIAL_TYPE: Setting = Setting { groups: &[&["AZURE_CREDENTIAL_TYPE"]] };

/// All settings that are read.
pub(super) const SETTINGS: &[Setting] = &[
    ACCOUNT,
    CONTAINER,
    ENDPOINT,
    AUTHORITY,
    TENANT,
    CLIENT_ID,
    CLIENT_SECRET,
    CERTIFICATE,
    TOKEN_FILE,
    SAS,
    USE_CLI,
    SKIP_SIGNATURE,
    CREDENTIAL_TYPE,
];

/// The part of the settings that a problem with a variable belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Connection,
    Credential,
}

/// A variable of other tools that selects another target or way of access, and that cannot be honored.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) variable: &'static str,
    pub(super) part: Part,
    /// Whether a value such as `false` is accepted.
    pub(super) is_switch: bool,
    pub(super) why: &'static str,
}

const ACCOUNT_KEY: &str = "an account key allows everything in the storage account, cannot be limited to one container or to reading, and is never accepted; unset it, and assign the role Storage Blob Data Reader to a principal, or set AZURE_STORAGE_SAS_TOKEN";
const BY_CLIENT_ID: &str = "a user-assigned managed identity is selected by its client ID only; unset it, and set AZURE_CLIENT_ID";
const IDENTITY_ENDPOINT: &str = "the endpoint of a managed identity is taken from the variables that Azure sets, such as IDENTITY_ENDPOINT; unset it";
const FABRIC: &str = "OneLake of Microsoft Fabric is not supported; unset it";

/// The refused variables.
pub(super) const REFUSED: &[Refused] = &[
    credential("AZURE_STORAGE_ACCOUNT_KEY", ACCOUNT_KEY),
    credential("AZURE_STORAGE_ACCESS_KEY", ACCOUNT_KEY),
    credential("AZURE_STORAGE_MASTER_KEY", ACCOUNT_KEY),
    credential("AZURE_STORAGE_KEY", ACCOUNT_KEY),
    credential(
        "AZURE_STORAGE_CONNECTION_STRING",
        "a connection string usually contains an account key, which is never accepted; unset it, and set AZURE_STORAGE_ACCOUNT_NAME and a credential",
    ),
    credential(
        "AZURE_STORAGE_TOKEN",
        "an access token expires in about an hour and cannot be renewed; unset it, and configure the principal that the token was issued to",
    ),
    credential(
        "AZURE_CLIENT_CERTIFICATE_PASSWORD",
        "the key of the certificate must not be encrypted; convert it with `openssl pkcs12 -in FILE -nodes -out FILE.pem`, and unset the variable",
    ),
    credential("AZURE_OBJECT_ID", BY_CLIENT_ID),
    credential("AZURE_MSI_RESOURCE_ID", BY_CLIENT_ID),
    credential("AZURE_MSI_ENDPOINT", IDENTITY_ENDPOINT),
    credential("AZURE_IDENTITY_ENDPOINT", IDENTITY_ENDPOINT),
    credential("AZURE_FABRIC_SESSION_TOKEN", FABRIC),
    Refused {
        variable: "AZURE_USE_FABRIC_ENDPOINT",
        part: Part::Connection,
        is_switch: true,
        why: FABRIC,
    },
    Refused {
        variable: "AZURE_STORAGE_USE_EMULATOR",
        part: Part::Connection,
        is_switch: true,
        why: "an emulator is a custom endpoint, which the host policy must allow; unset it, and set AZURE_STORAGE_ENDPOINT to its URL, for example https://127.0.0.1:10000/devstoreaccount1",
    },
    Refused {
        variable: "AZURE_STORAGE_ENCRYPTION_KEY",
        part: Part::Connection,
        is_switch: false,
        why: "blobs with customer-provided keys cannot be read; unset it",
    },
];

const fn credential(variable: &'static str, why: &'static str) -> Refused {
    Refused { variable, part: Part::Credential, is_switch: false, why }
}
