//! Reasons for a missing token that the SDK has no error for.
//!
//! A [`NoToken`] travels inside an SDK error, because the SDK calls back into this crate for
//! transport, assertions and tokens. The `failure` module finds it in the chain of causes.

use std::fmt;

use crate::error::{Detail, Error, ErrorKind};

/// Why a sign-in gave no token.
///
/// The SDK has no error kind for these reasons, and its texts are not stable.
#[derive(Debug)]
pub(super) enum NoToken {
    /// The answer contains no token that can be used.
    UnusableAnswer,
    /// This machine has no identity endpoint.
    NoIdentityEndpoint,
    /// The identity endpoint does not know the requested identity.
    NoSuchIdentity,
    /// The connection to the identity endpoint failed, which may pass.
    Network(Error),
    /// The file with the Kubernetes token cannot be read; the text says why.
    TokenFile(String),
}

impl NoToken {
    /// Returns the error that callers see, with the detail that a diagnosis needs.
    pub(super) fn to_error(&self) -> Error {
        use ErrorKind::{CredentialUnavailable, UnexpectedAnswer};
        // All of these arise in the sign-in, which a diagnosis must not confuse with the store.
        let error = |kind, what: &str| Error::new(kind, format!("sign in: {what}")).in_sign_in();
        match self {
            Self::UnusableAnswer => error(
                UnexpectedAnswer,
                "the answer contains no usable token; check whether a proxy or a login page answers instead of the authority",
            ),
            Self::NoIdentityEndpoint => error(
                CredentialUnavailable,
                "this machine has no managed identity endpoint: nothing of Azure answers at IDENTITY_ENDPOINT or, if that variable is not set, at 169.254.169.254; run in Azure with a managed identity, or use another credential",
            )
            .with_detail(Detail::NoIdentityEndpoint),
            Self::NoSuchIdentity => error(
                CredentialUnavailable,
                "the managed identity endpoint of this machine does not know the identity; assign a managed identity to the virtual machine or app, or correct the client ID of the user-assigned identity",
            )
            .with_detail(Detail::NoSuchIdentity),
            Self::Network(error) => error.clone().context(format_args!("sign in")).in_sign_in(),
            Self::TokenFile(what) => {
                error(CredentialUnavailable, what).with_detail(Detail::TokenFile)
            }
        }
    }

    /// Wraps the reason in an SDK error.
    pub(super) fn into_error(self) -> azure_core::Error {
        // `DataConversion`, because the SDK's retry policy does not retry errors of that kind.
        azure_core::Error::with_error(
            azure_core::error::ErrorKind::DataConversion,
            self,
            "no token could be obtained",
        )
    }
}

impl fmt::Display for NoToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no token could be obtained")
    }
}

impl std::error::Error for NoToken {}
