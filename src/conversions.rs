//! Conversions into [`Error`], so that `?` works in a function that returns it.
//!
//! The modules of values do not use [`Error`], which belongs to operations that do I/O, so the conversions
//! are here. Each one keeps the original error as the source.

use crate::{
    cloud::RefusedHost,
    condition::ParseError,
    connection::InvalidConnection,
    error::{Error, ErrorKind, UnknownCode},
    grant::InvalidGrant,
    name::InvalidName,
};

/// Makes the conversion of an error type into an [`Error`] of a kind.
macro_rules! into_error {
    ($($(#[$doc:meta])* $type:ty => $kind:ident;)+) => {$(
        impl From<$type> for Error {
            $(#[$doc])*
            fn from(error: $type) -> Self {
                Self::new(ErrorKind::$kind, error.to_string()).with_source(error)
            }
        }
    )+};
}

into_error! {
    /// Returns an error of the kind [`Config`](ErrorKind::Config).
    ///
    /// ```
    /// use azure_asset_sync::{AccountName, Error, ErrorKind, InvalidName};
    ///
    /// fn account(text: &str) -> Result<AccountName, Error> {
    ///     Ok(text.parse()?)
    /// }
    /// let error = account("Contoso").unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Config);
    /// let source = std::error::Error::source(&error);
    /// assert!(source.is_some_and(|source| source.is::<InvalidName>()));
    /// ```
    InvalidName => Config;
    /// Returns an error of the kind [`Config`](ErrorKind::Config).
    InvalidConnection => Config;
    /// Returns an error of the kind [`Config`](ErrorKind::Config).
    InvalidGrant => Config;
    /// Returns an error of the kind [`Config`](ErrorKind::Config).
    ParseError => Config;
    /// Returns an error of the kind [`Config`](ErrorKind::Config).
    UnknownCode => Config;
    /// Returns an error of the kind [`HostRefused`](ErrorKind::HostRefused).
    RefusedHost => HostRefused;
}
