//! The token endpoint: Microsoft Learn, "OAuth 2.0 client credentials flow".

use std::io;

use http_body_util::{BodyExt as _, Limited};
use hyper::{Request, Response, body::Incoming, header::CONTENT_TYPE};
use url::form_urlencoded;

use super::{
    CLIENT_ID, State, TENANT, assertion, lock, random,
    server::{Body, full},
};

/// How long a token holds, in seconds: Entra's usual
const LIFETIME: u32 = 3599;

pub(super) async fn answer(
    request: Request<Incoming>,
    state: &State,
) -> io::Result<Response<Body>> {
    let tenant = request.uri().path().split('/').nth(1).unwrap_or_default().to_owned();
    let body = Limited::new(request.into_body(), 64 << 10).collect().await;
    let body = body.map_err(io::Error::other)?.to_bytes();
    let field = |name: &str| {
        form_urlencoded::parse(&body)
            .find_map(|(key, value)| (key == name).then(|| value.into_owned()))
            .unwrap_or_default()
    };
    // The line break is as Entra writes it; clients have stumbled over its escape.
    let refusal = if tenant != TENANT {
        Some((400, "invalid_request", 90002, "Tenant was not found.\r\nTrace ID: 0"))
    } else if field("client_id") != CLIENT_ID {
        Some((400, "unauthorized_client", 700_016, "Application was not found.\r\nTrace ID: 0"))
    } else if field("client_assertion_type").ends_with(":jwt-bearer") {
        let known = state
            .certificate
            .as_deref()
            .is_some_and(|certificate| assertion::is_good(&field("client_assertion"), certificate));
        let text = "Client assertion failed signature validation.\r\nTrace ID: 0";
        (!known).then_some((401, "invalid_client", 700_027, text))
    } else if field("client_secret") != state.secret {
        Some((401, "invalid_client", 7_000_215, "Invalid client secret provided.\r\nTrace ID: 0"))
    } else if field("scope") != "https://storage.azure.com/.default" {
        Some((400, "invalid_scope", 70_011, "The provided scope is not valid.\r\nTrace ID: 0"))
    } else {
        None
    };
    let (status, json) = match refusal {
        Some((status, error, code, text)) => (
            status,
            serde_json::json!({
                "error": error,
                "error_description": format!("AADSTS{code}: {text}"),
                "error_codes": [code],
                "trace_id": "33333333-3333-4333-8333-333333333333",
            }),
        ),
        None => {
            let token = random();
            lock(&state.tokens).insert(token.clone());
            let json = serde_json::json!({
                "token_type": "Bearer", "expires_in": LIFETIME, "access_token": token,
            });
            (200, json)
        }
    };
    Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "application/json; charset=utf-8")
        .body(full(json.to_string()))
        .map_err(io::Error::other)
}
