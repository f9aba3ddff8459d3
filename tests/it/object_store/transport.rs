//! A transport for `object_store` that trusts the certificate authority of a test, and a store of its
//! Azure client over it.

use std::sync::Arc;

use object_store::{
    ClientOptions, RetryConfig,
    azure::{MicrosoftAzure, MicrosoftAzureBuilder},
    client::{
        HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
    },
};

#[derive(Clone, Debug)]
struct Transport(reqwest::Client);

#[async_trait::async_trait]
impl HttpService for Transport {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (parts, body) = request.into_parts();
        let failed = |error| HttpError::new(HttpErrorKind::Connect, error);
        let request = self.0.request(parts.method, parts.uri.to_string()).headers(parts.headers);
        let request = request.body(body.as_bytes().cloned().unwrap_or_default());
        let answer = request.send().await.map_err(failed)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let mut response = HttpResponse::new(answer.bytes().await.map_err(failed)?.into());
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }
}

impl HttpConnector for Transport {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

/// Returns the Azure client for a container at an endpoint, without retries.
pub fn azure(
    endpoint: String,
    authority: &str,
    credential: impl FnOnce(MicrosoftAzureBuilder) -> MicrosoftAzureBuilder,
) -> Arc<MicrosoftAzure> {
    // The first test installs the provider for all others of the process.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let authority = reqwest::Certificate::from_pem(authority.as_bytes()).unwrap();
    let http = reqwest::Client::builder().tls_certs_only([authority]).build().unwrap();
    let builder = MicrosoftAzureBuilder::new()
        .with_account("account")
        .with_container_name("assets")
        .with_endpoint(endpoint)
        .with_http_connector(Transport(http))
        .with_retry(RetryConfig { max_retries: 0, ..RetryConfig::default() });
    Arc::new(credential(builder).build().unwrap())
}
