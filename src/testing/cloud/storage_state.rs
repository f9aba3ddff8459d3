//! What the storage account is like.

use super::Refusal;

/// The situation of the storage account of a small cloud
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StorageState {
    /// All is well
    #[default]
    Normal,
    /// The account's network rules leave nobody in: 403 `AuthorizationFailure`, to anonymous
    /// requests too
    Firewall,
    /// The account is disabled, as with a subscription that is not paid: 403 `AccountIsDisabled`
    AccountDisabled,
    /// There is no such account: 404 `ResourceNotFound`
    ///
    /// In Azure its name usually has no address any more, which a port of this machine cannot show.
    AccountMissing,
    /// The container `assets` is not there: 404 `ContainerNotFound` for those who may read it
    ContainerMissing,
    /// The container `assets` is being deleted: 409 `ContainerBeingDeleted` for those who may read
    /// it
    ContainerBeingDeleted,
}

impl StorageState {
    /// What every request is answered with, before its credential is looked at
    pub(super) fn refusal(self) -> Option<Refusal> {
        match self {
            Self::Firewall => Some(Refusal::new(403, "AuthorizationFailure")),
            Self::AccountDisabled => Some(Refusal::new(403, "AccountIsDisabled")),
            // There is no service to answer for it.
            Self::AccountMissing => Some(Refusal::new(404, "ResourceNotFound").by_front_end()),
            Self::Normal | Self::ContainerMissing | Self::ContainerBeingDeleted => None,
        }
    }
}
