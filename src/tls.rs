//! The cryptography of TLS: which provider this crate uses, and never which one the process uses.
//!
//! Providers are always passed explicitly. `ClientConfig::builder()` panics in a program with two
//! providers and no default, and installing a default would decide for the rest of the program.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

/// What to do if there is no provider, for messages.
pub(crate) const NO_PROVIDER: &str = "no TLS provider: turn on the feature `rustls-ring` or `rustls-aws-lc` of `azure-asset-sync`, install a process-wide provider of `rustls`, or bring an HTTP client of your own (feature `reqwest-0-13`)";

/// Returns the provider of the chosen feature.
///
/// Without such a feature, returns the provider that the program has installed for the process, or
/// `None` if it has installed none.
pub(crate) fn provider() -> Option<Arc<CryptoProvider>> {
    #[cfg(feature = "rustls-aws-lc")]
    let provider = Some(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    #[cfg(all(feature = "rustls-ring", not(feature = "rustls-aws-lc")))]
    let provider = Some(Arc::new(rustls::crypto::ring::default_provider()));
    #[cfg(not(any(feature = "rustls-ring", feature = "rustls-aws-lc")))]
    let provider = CryptoProvider::get_default().cloned();
    provider
}
