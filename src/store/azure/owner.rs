//! Checks that a container belongs to the customer who typed the connection.
//!
//! See "Whose container it is" at [`AzureStore`]. The values to compare with come from the service's
//! own records, because nothing in a connection counts as proof. A check fails closed: every error,
//! also one of the network, means that the ownership is not proved.

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
    /// Checks that the storage account belongs to this tenant.
    ///
    /// `on_record` is the tenant that the customer has proved to own, for example the `tid` claim of a
    /// sign-in to the service, and not what they typed into the connection. Sends the requests of
    /// [`discover_tenant`](Self::discover_tenant).
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
    /// [`ErrorKind::Config`] if `on_record` is a domain, because accounts report tenants by ID; those
    /// of [`discover_tenant`](Self::discover_tenant). Treat every error as "not proved".
    pub async fn verify_tenant(&self, on_record: &TenantId) -> Result<(), Error> {
        if !is_guid(on_record.as_str()) {
            return Err(Error::new(
                ErrorKind::Config,
                "the tenant on record is a domain name, and storage accounts report only tenant IDs; store the Directory (tenant) ID of the customer",
            ));
        }
        let found = self.discover_tenant().await?;
        // GUIDs are equal in any letter case.
        if !found.as_str().eq_ignore_ascii_case(on_record.as_str()) {
            return Err(Error::new(
                ErrorKind::TenantMismatch,
                "the storage account belongs to another tenant than the customer on record; do not read it for this customer, and ask which account they mean",
            ));
        }
        Ok(())
    }
}

impl AzureStore {
    /// Checks that the container has the marker of this customer.
    ///
    /// Reads one byte of the blob that [`OwnerMarker::blob_name`] names, below the connection's
    /// prefix. Only somebody with write access to the container can have created that blob.
    ///
    /// # Errors
    /// [`ErrorKind::BlobNotFound`] if the blob does not exist; those of a read. Treat every error as
    /// "not proved".
    pub async fn verify_marker(&self, marker: &OwnerMarker) -> Result<(), Error> {
        // Below the prefix, because a role condition may allow nothing else.
        let name = marker.blob_name(self.connection.prefix());
        match self.read(ReadRequest::new(name, 0..1)).await {
            Ok(_) => Ok(()),
            // The blob exists and is empty, which proves as much.
            Err(error) if error.kind() == ErrorKind::RangeNotSatisfiable => Ok(()),
            Err(error) => Err(error.context(format_args!("check for the owner marker"))),
        }
    }
}

/// A random blob name with which a customer proves write access to a container.
///
/// Generate one marker for each connection, store it with the customer's record, and ask the customer
/// to upload a blob of this name, which may be empty. The blob can be deleted after the check. The
/// name need not be secret: somebody who learns it cannot use it for a container without write
/// access, as long as each marker belongs to one customer.
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

/// The length of a marker in hexadecimal digits, for half as many random bytes.
///
/// 128 bits cannot be guessed, so nobody can upload the marker of another customer in advance.
const DIGITS: usize = 32;

impl OwnerMarker {
    /// Generates a marker of 128 random bits.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the operating system provides no random numbers.
    pub fn generate() -> Result<Self, Error> {
        let mut bytes = [0; DIGITS / 2];
        SystemRandom::new().fill(&mut bytes).map_err(|_| {
            Error::new(ErrorKind::Config, "the operating system provides no random numbers; retry, and check the sandbox of this process")
        })?;
        Ok(Self(format!("{:0width$x}", u128::from_be_bytes(bytes), width = DIGITS)))
    }

    /// Returns the text to store: 32 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name of the blob that proves ownership, below this prefix.
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
        // Only the form that `generate` returns, so that equal markers are equal texts.
        let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() != DIGITS || !text.bytes().all(is_digit) {
            let what = "an owner marker must be 32 hexadecimal digits in lower case";
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

crate::schema::schema_as!(OwnerMarker, String);
