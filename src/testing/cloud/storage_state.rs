//! States of the storage account and its container in which requests fail.

use super::refusal::Refusal;

/// The state of the storage account and the container `assets` of a small cloud.
///
/// Set it with [`SmallCloud::set_storage_state`](super::SmallCloud::set_storage_state). It stays
/// until the next call.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// use azure_asset_sync::{Store, store::ListRequest, testing::{SmallCloud, StorageState}};
///
/// let cloud = SmallCloud::builder().start().await?;
/// let store = cloud.store(&cloud.connection().build()?)?;
/// cloud.set_storage_state(StorageState::ContainerMissing);
/// let error = store.list(ListRequest::new("")).await.unwrap_err();
/// assert_eq!(error.code(), Some("ContainerNotFound"));
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StorageState {
    /// The account answers normally.
    #[default]
    Normal,
    /// The network rules of the account refuse every client: 403 `AuthorizationFailure`, for
    /// anonymous requests too.
    Firewall,
    /// The account is disabled, for example because the subscription was not paid: 403
    /// `AccountIsDisabled`.
    AccountDisabled,
    /// The account does not exist: 404 `ResourceNotFound`.
    ///
    /// In Azure the host name of a missing account usually does not resolve. A loopback port cannot
    /// simulate that.
    AccountMissing,
    /// The container `assets` does not exist: 404 `ContainerNotFound` for callers that may read it.
    ContainerMissing,
    /// The container `assets` is being deleted: 409 `ContainerBeingDeleted` for callers that may
    /// read it.
    ContainerBeingDeleted,
}

impl StorageState {
    /// Returns the refusal of every request to the account, or `None` if the account answers.
    ///
    /// The service checks this before it looks at the credential.
    pub(super) fn account_refusal(self) -> Option<Refusal> {
        match self {
            Self::Firewall => Some(Refusal::new(403, "AuthorizationFailure")),
            Self::AccountDisabled => Some(Refusal::new(403, "AccountIsDisabled")),
            // No blob service exists for the account, so the front end answers.
            Self::AccountMissing => Some(Refusal::new(404, "ResourceNotFound").by_front_end()),
            Self::Normal | Self::ContainerMissing | Self::ContainerBeingDeleted => None,
        }
    }

    /// Returns the refusal of requests to the container `assets`, or `None` if the container
    /// answers.
    ///
    /// The service checks this after authorization, so that callers without access learn nothing.
    pub(super) fn container_refusal(self) -> Option<Refusal> {
        match self {
            Self::ContainerMissing => Some(Refusal::new(404, "ContainerNotFound")),
            Self::ContainerBeingDeleted => Some(Refusal::new(409, "ContainerBeingDeleted")),
            // The other states concern the account, and were checked before authorization.
            _ => None,
        }
    }
}
