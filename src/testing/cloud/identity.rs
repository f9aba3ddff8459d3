//! The fixed identities of a small cloud: account, container, tenant and service principal.
//!
//! They are the same in every cloud, so that tests can compare texts that contain them. Secrets,
//! signatures, tokens and keys are random and live in `State`.

/// The name of the storage account.
pub(super) const ACCOUNT: &str = "smallcloud";
/// The ID of the Entra tenant.
pub(super) const TENANT: &str = "11111111-1111-4111-8111-111111111111";
/// The application (client) ID; the application has a service principal in the tenant.
pub(super) const CLIENT_ID: &str = "22222222-2222-4222-8222-222222222222";
/// The object ID of the service principal, which role assignments refer to.
pub(super) const OBJECT_ID: &str = "44444444-4444-4444-8444-444444444444";
/// The container that blobs are seeded into.
pub(super) const CONTAINER: &str = "assets";

/// Returns the address of the account as response bodies show it.
///
/// Bodies show the address of the real service, not of the loopback port, because a client must not
/// take addresses from a body.
pub(super) fn endpoint() -> String {
    format!("https://{ACCOUNT}.blob.core.windows.net/")
}
