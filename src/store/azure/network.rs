//! The one host that the requests of a store or of a sign-in may go to.

use std::net::IpAddr;

use azure_core::http::Url;

use super::http::{HttpClient, LookupError};

/// The one host that requests may go to, and the client that sends them.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// The scheme, host and port; the rest of the URL is ignored.
    url: Url,
    /// The host name, or the IP address without brackets.
    host: String,
    http: HttpClient,
}

impl Target {
    /// Creates a target from any URL of the host.
    ///
    /// The policy of the client must have allowed the host.
    pub(super) fn new(url: Url, http: HttpClient) -> Self {
        // `IpAddr` parses an IPv6 address only without the brackets of a URL.
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        Self { url, host, http }
    }

    /// Returns whether a request to this URL stays with the host and carries no user info.
    pub(super) fn is_origin_of(&self, url: &Url) -> bool {
        // User info would become an `Authorization` header, beside or instead of the token.
        url.origin() == self.url.origin() && url.username().is_empty() && url.password().is_none()
    }

    /// Resolves the host.
    ///
    /// # Errors
    /// [`LookupError::Refused`] if the policy refuses at least one of the addresses.
    pub(super) async fn addresses(&self) -> Result<Vec<IpAddr>, LookupError> {
        self.http.resolver().addresses(&self.host).await
    }

    /// Returns the client.
    pub(super) fn http(&self) -> &HttpClient {
        &self.http
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spellings of the same origin are accepted, and look-alike hosts are not.
    #[test]
    fn a_request_stays_with_its_origin() {
        let url = |text: &str| Url::parse(text).unwrap();
        let http = HttpClient::builder().build().unwrap();
        let storage = Target::new(url("https://contoso.blob.core.windows.net/"), http);
        for same in [
            "https://contoso.blob.core.windows.net:443/x?sig=y",
            "HTTPS://CONTOSO.blob.core.windows.net",
        ] {
            assert!(storage.is_origin_of(&url(same)), "{same}");
        }
        for other in [
            "http://contoso.blob.core.windows.net/",
            "https://contoso.blob.core.windows.net:8443/",
            // A trailing dot is another origin, and another name in certificates.
            "https://contoso.blob.core.windows.net./",
            "https://user@contoso.blob.core.windows.net/",
            "https://other.blob.core.windows.net/",
            "https://contoso.blob.core.windows.net.evil.test/",
            "https://127.0.0.1/",
        ] {
            assert!(!storage.is_origin_of(&url(other)), "{other}");
        }
    }
}
