//! The fake's directory: one subscription with two accounts, the principals, roles and assignments.
//!
//! The initial state is that of a customer before a grant: other people and applications with
//! assignments above, at and next to the scopes of the grant, and a CORS rule. A grant must not change
//! any of them.

use serde_json::{Value, json};

use super::{Assignment, Role};

pub const TENANT: &str = "7e3c1f0a-52d4-4b8e-9a61-0c5d2e7f8a90";
pub const SUBSCRIPTION: &str = "11111111-2222-3333-4444-555555555555";
pub const GROUP: &str = "vision(eu)";
pub const ACCOUNT: &str = "contosovision";
/// A second account, whose group has the same name.
pub const NAMESAKE: &str = "contosolabels";
/// The application that runs the commands, with all permissions.
pub const ADMINISTRATOR: &str = "5a5a5a5a-0000-4000-8000-5a5a5a5a5a5a";
pub const ADMINISTRATOR_SECRET: &str = "not-a-secret";
/// The application of the service.
pub const APPLICATION: &str = "99999999-8888-7777-6666-555555555555";
pub const PRINCIPAL: &str = "0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e";
/// Another application with access to the same account.
pub const OTHER_APPLICATION: &str = "12121212-3434-5656-7878-909090909090";
pub const OTHER_PRINCIPAL: &str = "0b0b0b0b-1b1b-2c2c-3d3d-4e4e4e4e4e4e";

/// The role "Storage Blob Data Reader".
pub const READER: &str = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1";
/// The role "Storage Blob Delegator".
const DELEGATOR: &str = "db58b8e5-c6ad-4a2a-8342-4190687cbf4a";
/// The role "Owner".
const OWNER: &str = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635";

#[derive(Clone, Debug, PartialEq)]
pub struct Directory {
    pub principals: Vec<Principal>,
    pub roles: Vec<Role>,
    pub assignments: Vec<Assignment>,
    pub accounts: Vec<Account>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Principal {
    pub id: String,
    pub application: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    pub group: String,
    pub name: String,
    pub containers: Vec<String>,
    /// The properties of the blob service.
    pub blob_service: Value,
    /// How often its delegation keys were revoked.
    pub revoked_keys: u32,
}

impl Account {
    fn new(group: &str, name: &str) -> Self {
        Self {
            group: group.to_owned(),
            name: name.to_owned(),
            containers: vec!["training".to_owned(), "inspection".to_owned()],
            blob_service: json!({
                "cors": { "corsRules": [{
                    "allowedOrigins": ["https://labels.contoso.com", "https://maps.contoso.com"],
                    "allowedMethods": ["GET"],
                    "allowedHeaders": ["x-ms-*"],
                    "exposedHeaders": ["*"],
                    "maxAgeInSeconds": 60,
                }] },
                "deleteRetentionPolicy": { "enabled": true, "days": 14 },
                "isVersioningEnabled": true,
            }),
            revoked_keys: 0,
        }
    }

    /// Returns its resource ID.
    pub fn id(&self) -> String {
        account_id(&self.group, &self.name)
    }
}

/// Returns the resource ID of an account.
fn account_id(group: &str, account: &str) -> String {
    format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}/providers/Microsoft.Storage/storageAccounts/{account}"
    )
}

impl Directory {
    pub(super) fn new() -> Self {
        let subscription = format!("/subscriptions/{SUBSCRIPTION}");
        let account = account_id(GROUP, ACCOUNT);
        let container = format!("{account}/blobServices/default/containers/training");
        let assignment =
            |name: &str, scope: &str, role: &str, principal: &str, kind: &str| Assignment {
                name: name.to_owned(),
                scope: scope.to_owned(),
                role: role.to_owned(),
                principal: principal.to_owned(),
                principal_type: kind.to_owned(),
                description: None,
                condition: None,
                condition_version: None,
            };
        let existing = |id: &str, application: &str| Principal {
            id: id.to_owned(),
            application: application.to_owned(),
        };
        Self {
            principals: vec![
                existing(ADMINISTRATOR, ADMINISTRATOR),
                existing(OTHER_PRINCIPAL, OTHER_APPLICATION),
            ],
            roles: vec![
                Role::built_in(OWNER, "Owner", &["*"], &[]),
                Role::built_in(
                    READER,
                    "Storage Blob Data Reader",
                    &[
                        "Microsoft.Storage/storageAccounts/blobServices/containers/read",
                        "Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action",
                    ],
                    &["Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read"],
                ),
                Role::built_in(
                    DELEGATOR,
                    "Storage Blob Delegator",
                    &[
                        "Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action",
                    ],
                    &[],
                ),
            ],
            assignments: vec![
                assignment(
                    "00000000-0000-4000-8000-000000000001",
                    &subscription,
                    OWNER,
                    ADMINISTRATOR,
                    "ServicePrincipal",
                ),
                assignment(
                    "00000000-0000-4000-8000-000000000002",
                    &container,
                    READER,
                    OTHER_PRINCIPAL,
                    "ServicePrincipal",
                ),
                assignment(
                    "00000000-0000-4000-8000-000000000003",
                    &account,
                    DELEGATOR,
                    OTHER_PRINCIPAL,
                    "ServicePrincipal",
                ),
                assignment(
                    "00000000-0000-4000-8000-000000000004",
                    &account,
                    READER,
                    "0c0c0c0c-1b1b-2c2c-3d3d-4e4e4e4e4e4e",
                    "Group",
                ),
            ],
            accounts: vec![Account::new(GROUP, ACCOUNT), Account::new(NAMESAKE, NAMESAKE)],
        }
    }

    /// Returns the account that has assignments and rules of others.
    pub fn account(&mut self) -> &mut Account {
        &mut self.accounts[0]
    }

    /// Adds the principal of an application.
    pub fn add_principal(&mut self, application: &str) -> &Principal {
        // Each application has a fixed principal ID in this tenant.
        let id = match application {
            APPLICATION => PRINCIPAL.to_owned(),
            other => format!("0d{}", &other[2..]),
        };
        self.principals.push(Principal { id, application: application.to_owned() });
        &self.principals[self.principals.len() - 1]
    }

    /// Returns the assignments of a principal.
    pub fn assignments_of(&self, principal: &str) -> Vec<&Assignment> {
        self.assignments.iter().filter(|assignment| assignment.principal == principal).collect()
    }
}
