//! A token endpoint like that of Entra, with tokens that Azurite accepts.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::SystemTime,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Method, Request, Response,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use serde_json::json;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_rustls::TlsAcceptor;

use super::{EXPIRED_SECRET, SECRET, TENANT};

/// The kinds of tokens that the sign-in issues, each to its own application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    Valid,
    Expired,
    NotYetValid,
    OtherAudience,
    OtherIssuer,
}

impl Token {
    const ALL: [Self; 5] =
        [Self::Valid, Self::Expired, Self::NotYetValid, Self::OtherAudience, Self::OtherIssuer];

    /// Returns the application that receives this kind of token.
    pub fn client_id(self) -> String {
        format!("44444444-4444-4444-8444-{:012}", self as u8)
    }

    /// Issues a token of this kind at the current time.
    pub fn issue(self) -> String {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let (from, until) = match self {
            Self::Expired => (now - 7200, now - 3600),
            Self::NotYetValid => (now + 3600, now + 7200),
            _ => (now - 60, now + 3599),
        };
        let audience = match self {
            Self::OtherAudience => "https://vault.azure.net",
            _ => "https://storage.azure.com",
        };
        let issuer = match self {
            Self::OtherIssuer => "https://issuer.invalid",
            _ => "https://sts.windows.net",
        };
        let header = json!({ "alg": "RS256", "typ": "JWT" });
        let claims = json!({
            "aud": audience, "iss": format!("{issuer}/{TENANT}/"), "tid": TENANT,
            "appid": self.client_id(), "oid": self.client_id(), "sub": self.client_id(),
            "iat": from, "nbf": from, "exp": until, "ver": "1.0",
        });
        let [header, claims] = [header, claims].map(|j| URL_SAFE_NO_PAD.encode(j.to_string()));
        format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode("no signature"))
    }
}

/// Serves the token endpoint for client secrets.
pub async fn serve(listener: TcpListener, acceptor: TlsAcceptor, tokens_given: Arc<AtomicU32>) {
    // The connections end with this task.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        let (acceptor, tokens_given) = (acceptor.clone(), Arc::clone(&tokens_given));
        connections.spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let service = service_fn(|request| answer(request, &tokens_given));
            // A client that closes the connection is not an error of the server.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    tokens_given: &AtomicU32,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let tenant = path.strip_suffix("/oauth2/v2.0/token").map(|path| path.trim_start_matches('/'));
    let post = request.method() == Method::POST;
    let form = request.into_body().collect().await.unwrap_or_default().to_bytes();
    let form = String::from_utf8_lossy(&form);
    let field = |name: &str| {
        let value = form.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        let value = value.unwrap_or_default().replace('+', " ");
        percent_decode_str(&value).decode_utf8_lossy().into_owned()
    };
    let client_id = field("client_id");
    let token = Token::ALL.into_iter().find(|token| token.client_id() == client_id);
    let secret = field("client_secret");
    let (status, body) = match (tenant, token) {
        (Some(tenant), _) if tenant != TENANT => refusal(
            400,
            "invalid_request",
            90002,
            "Tenant was not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.",
        ),
        (Some(_), None) => refusal(
            400,
            "unauthorized_client",
            700_016,
            "Application was not found in the directory 'Contoso'.",
        ),
        (Some(_), Some(_)) if secret == EXPIRED_SECRET => refusal(
            401,
            "invalid_client",
            7_000_222,
            "The provided client secret keys for app are expired.",
        ),
        (Some(_), Some(_)) if secret != SECRET => refusal(
            401,
            "invalid_client",
            7_000_215,
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID.",
        ),
        (Some(_), Some(token))
            if post
                && field("grant_type") == "client_credentials"
                && field("scope") == "https://storage.azure.com/.default" =>
        {
            tokens_given.fetch_add(1, Ordering::Relaxed);
            let token = token.issue();
            let body = json!({
                "token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599,
                "access_token": token,
            });
            (200, body)
        }
        _ => refusal(400, "invalid_request", 900_144, "The request is not one for a token."),
    };
    let response = Response::builder()
        .status(status)
        .header("content-type", "application/json; charset=utf-8")
        .body(Full::new(body.to_string().into()));
    Ok(response.unwrap())
}

/// Returns an error in the format of Entra. Its escaped line breaks have caused errors in clients.
fn refusal(status: u16, error: &str, code: u32, text: &str) -> (u16, serde_json::Value) {
    let trace = "55555555-5555-4555-8555-555555555555";
    let description = format!(
        "AADSTS{code}: {text}\r\nTrace ID: {trace}\r\nCorrelation ID: {trace}\r\nTimestamp: 2026-01-01 00:00:00Z"
    );
    let body = json!({
        "error": error, "error_description": description, "error_codes": [code],
        "timestamp": "2026-01-01 00:00:00Z", "trace_id": trace, "correlation_id": trace,
        "error_uri": format!("https://login.microsoftonline.com/error?code={code}"),
    });
    (status, body)
}
