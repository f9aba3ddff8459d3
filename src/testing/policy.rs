//! A host policy for connections that a test has written itself.

use crate::{cloud::HostPolicy, connection::Connection};

/// Returns a host policy that allows the hosts of this connection, in addition to Azure's.
///
/// For tests only. A service must not derive its policy from the connections of its customers,
/// because then a customer could make it send requests to any host.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// use azure_asset_sync::{AzureStore, Store, store::ListRequest, testing::{SmallCloud, trust}};
///
/// let cloud = SmallCloud::builder().start().await?;
/// let connection = cloud.connection().build()?;
/// let store = AzureStore::builder(&connection)
///     .policy(trust(&connection))
///     .certificate_authority(cloud.certificate_authority())
///     .build(cloud.sas())?;
/// store.list(ListRequest::new("")).await?;
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn trust(connection: &Connection) -> HostPolicy {
    // The origin only: a policy has no paths.
    let endpoint = connection.container_url().origin().ascii_serialization();
    let authority = connection.cloud().authority().trim_end_matches('/');
    let policy = HostPolicy::azure().allow_endpoint(&endpoint);
    // If no policy can allow a host, the default policy refuses it with an error that names it.
    policy.and_then(|policy| policy.allow_authority(authority)).unwrap_or_default()
}
