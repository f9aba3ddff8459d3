//! Checks that a container belongs to the customer who typed the connection.
//!
//! See "Whose container it is" at [`AzureStore`]. What is compared here comes from the service's own
//! records; nothing of the connection counts as proof.

use std::{fmt, str::FromStr};

use ring::rand::{SecureRandom as _, SystemRandom};
use serde::{Deserialize, Serialize};

use super::{AzureStore, AzureStoreBuilder};
use crate::{
    error::{Error, ErrorKind},
    name::{Prefix, TenantId, is_guid},
    store::{ReadRequest, Store as _},
};

impl AzureStoreBuilder {
    /// Checks that the storage account belongs to this tenant
    ///
    /// `on_record` is the tenant that the customer has proved to be theirs, for example the `tid`
    /// claim of a sign-in to the service, and not what they typed into the connection. Asks the
    /// account as [`discover_tenant`](Self::discover_tenant) does.
    ///
    /// ```no_run
    /// use azure_asset_sync::{AzureStore, Connection, TenantId};
    ///
    /// # async fn example(connection: Connection, signed_in: TenantId)
    /// #     -> Result<(), azure_asset_sync::Error> {
    /// AzureStore::builder(&connection).verify_tenant(&signed_in).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::TenantMismatch`] if the account belongs to another tenant;
    /// [`ErrorKind::Config`] if `on_record` is a domain, because accounts name tenants by id; those
    /// of [`discover_tenant`](Self::discover_tenant). Treat every error as "not proved".
    pub async fn verify_tenant(&self, on_record: &TenantId) -> Result<(), Error> {
        if !is_guid(on_record.as_str()) {
            return Err(Error::new(
                ErrorKind::Config,
                "the tenant on record must be a Directory (tenant) ID, because accounts name their tenant by id",
            ));
        }
        let found = self.discover_tenant().await?;
        if !found.as_str().eq_ignore_ascii_case(on_record.as_str()) {
            return Err(Error::new(
                ErrorKind::TenantMismatch,
                "the storage account belongs to another tenant than the customer on record; do not read it for this customer",
            ));
        }
        Ok(())
    }
}

impl AzureStore {
    /// Checks that the container has the marker of this customer
    ///
    /// Reads one byte of the blob that [`OwnerMarker::blob_name`] names, below the connection's
    /// prefix. Only somebody who may write to the container can have made it.
    ///
    /// # Errors
    /// [`ErrorKind::BlobNotFound`] if there is no such blob; those of a read. Treat every error as
    /// "not proved".
    pub async fn verify_marker(&self, marker: &OwnerMarker) -> Result<(), Error> {
        let name = marker.blob_name(self.connection.prefix());
        match self.read(ReadRequest::new(name, 0..1)).await {
            Ok(_) => Ok(()),
            // It exists, and is empty.
            Err(error) if error.kind() == ErrorKind::RangeNotSatisfiable => Ok(()),
            Err(error) => Err(error.context(format_args!("look for the owner's marker"))),
        }
    }
}

/// A random name that a customer puts into the container, to prove that they may write there
///
/// Make one per connection, store it with the customer's record, and ask the customer to upload a
/// blob of this name, which may be empty. The blob can be deleted after the check. The name need not
/// be secret: whoever reads it cannot use it for a container that they may not write to, as long as
/// each marker belongs to one customer.
///
/// ```no_run
/// use azure_asset_sync::{AzureStore, OwnerMarker, Prefix};
///
/// # async fn example(store: AzureStore) -> Result<(), Box<dyn std::error::Error>> {
/// let marker = OwnerMarker::generate()?;
/// println!("Please upload an empty blob `{}`.", marker.blob_name(&"hall-3/".parse()?));
/// // Later, with the marker from the customer's record:
/// store.verify_marker(&marker).await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OwnerMarker(String);

/// Half as many random bytes
const DIGITS: usize = 32;

impl OwnerMarker {
    /// A new marker of 128 random bits
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the system has no random numbers.
    pub fn generate() -> Result<Self, Error> {
        let mut bytes = [0; DIGITS / 2];
        SystemRandom::new().fill(&mut bytes).map_err(|_| {
            Error::new(ErrorKind::Config, "the system's random number generator failed")
        })?;
        Ok(Self(format!("{:0width$x}", u128::from_be_bytes(bytes), width = DIGITS)))
    }

    /// The marker's text, to be stored: 32 hexadecimal digits
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of the blob that proves ownership, below this prefix
    pub fn blob_name(&self, prefix: &Prefix) -> String {
        format!("{prefix}azure-asset-sync-owner-{self}")
    }
}

impl fmt::Display for OwnerMarker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for OwnerMarker {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() != DIGITS || !text.bytes().all(is_digit) {
            let what = "an owner's marker has 32 hexadecimal digits in small letters";
            return Err(Error::new(ErrorKind::Config, what));
        }
        Ok(Self(text))
    }
}

impl FromStr for OwnerMarker {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        text.to_owned().try_into()
    }
}

impl From<OwnerMarker> for String {
    fn from(marker: OwnerMarker) -> Self {
        marker.0
    }
}
