//! A plain HTTP client of a small cloud, which shares no code with the crate's own store.

use std::collections::BTreeSet;

use azure_asset_sync::testing::{SmallCloud, SmallCloudBuilder};
use hyper::ext::ReasonPhrase;
use reqwest::{
    Certificate, Method, RequestBuilder, Response,
    header::{HeaderMap, HeaderName, HeaderValue},
};

pub struct Client {
    pub cloud: SmallCloud,
    pub http: reqwest::Client,
}

/// A response with its complete body.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// The reason phrase, if it is not the standard phrase of the status.
    pub reason: Option<String>,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    async fn read(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let reason = response.extensions().get::<ReasonPhrase>();
        let reason = reason.map(|reason| String::from_utf8_lossy(reason.as_bytes()).into_owned());
        Self { status, reason, headers, body: response.text().await.unwrap() }
    }

    /// Returns the sorted names of the headers, separated by spaces.
    pub fn header_names(&self) -> String {
        let names: BTreeSet<_> = self.headers.keys().map(HeaderName::as_str).collect();
        names.into_iter().collect::<Vec<_>>().join(" ")
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Returns the status and the header `x-ms-error-code`.
    pub fn status_and_code(&self) -> (u16, Option<&str>) {
        (self.status, self.header("x-ms-error-code"))
    }

    /// Returns the text of the first element with this name.
    pub fn element(&self, tag: &str) -> Option<&str> {
        let (_, rest) = self.body.split_once(&format!("<{tag}>"))?;
        rest.split_once(&format!("</{tag}>")).map(|(text, _)| text)
    }

    /// Returns Azure's message without the request ID and the time that follow it.
    pub fn message(&self) -> &str {
        self.element("Message").unwrap_or_default().split('\n').next().unwrap()
    }
}

impl Client {
    pub async fn of(builder: SmallCloudBuilder) -> Self {
        // The first test installs the provider for all others of the process.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let cloud = builder.start().await.unwrap();
        let authority = Certificate::from_pem(cloud.certificate_authority().as_bytes()).unwrap();
        let version = (HeaderName::from_static(VERSION.0), HeaderValue::from_static(VERSION.1));
        let http = reqwest::Client::builder()
            .tls_certs_only([authority])
            .default_headers(HeaderMap::from_iter([version]))
            .build()
            .unwrap();
        Self { cloud, http }
    }

    /// Returns a request without a credential, for [`VERSION`] unless the caller sets another version.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("https://{}/{path}", self.cloud.address()))
    }

    pub async fn send(&self, request: RequestBuilder) -> Answer {
        Answer::read(request.send().await.unwrap()).await
    }

    pub async fn sign_in(&self) -> Answer {
        let path = format!("{}/oauth2/v2.0/token", self.cloud.tenant());
        let body = format!(
            "client_id={}&client_secret={}&scope=https%3A%2F%2Fstorage.azure.com%2F.default&grant_type=client_credentials",
            self.cloud.client_id(),
            self.cloud.secret()
        );
        self.send(self.request(Method::POST, &path).body(body)).await
    }

    pub async fn token(&self) -> String {
        let answer = self.sign_in().await;
        let json: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        json["access_token"].as_str().unwrap().to_owned()
    }

    /// Sends a GET with a token.
    pub async fn get(&self, token: &str, path: &str) -> Answer {
        self.send(self.request(Method::GET, path).bearer_auth(token)).await
    }

    /// Sends a GET with the shared access signature.
    pub async fn signed(&self, path: &str) -> Answer {
        let join = if path.contains('?') { '&' } else { '?' };
        let path = format!("{path}{join}sig={}", self.cloud.signature());
        self.send(self.request(Method::GET, &path)).await
    }
}

/// The header of every request: the service selects its behavior by this version.
pub const VERSION: (&str, &str) = ("x-ms-version", "2026-04-06");
pub const LIST: &str = "smallcloud/assets?restype=container&comp=list";
