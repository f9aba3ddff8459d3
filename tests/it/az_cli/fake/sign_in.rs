//! The fake's Entra: the metadata documents that client libraries request, and tokens for an application.
//!
//! A token is a JSON Web Token without a signature. It contains its principal and audience, so a token
//! for Resource Manager is refused by Graph, and a token of another cloud is refused too.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{ADMINISTRATOR, ADMINISTRATOR_SECRET, Host, Reply, Request, TENANT};

const RESOURCE_MANAGER: [&str; 6] = [
    "https://management.core.windows.net",
    "https://management.azure.com",
    "https://management.core.usgovcloudapi.net",
    "https://management.usgovcloudapi.net",
    "https://management.core.chinacloudapi.cn",
    "https://management.chinacloudapi.cn",
];
const GRAPH: [&str; 3] = [
    "https://graph.microsoft.com",
    "https://graph.microsoft.us",
    "https://microsoftgraph.chinacloudapi.cn",
];

pub(super) fn answer(request: &Request) -> Reply {
    match request.path.trim_start_matches('/').split_once('/') {
        Some(("common", "discovery/instance")) => Reply::ok(json!({
            "tenant_discovery_endpoint": format!(
                "https://login.microsoftonline.com/{TENANT}/v2.0/.well-known/openid-configuration"
            ),
            "metadata": [],
        })),
        Some((tenant, "v2.0/.well-known/openid-configuration")) => Reply::ok(json!({
            "issuer": format!("https://login.microsoftonline.com/{tenant}/v2.0"),
            "authorization_endpoint":
                format!("https://login.microsoftonline.com/{tenant}/oauth2/v2.0/authorize"),
            "token_endpoint":
                format!("https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token"),
        })),
        Some((TENANT, "oauth2/v2.0/token")) => token(&request.body),
        _ => refusal("invalid_tenant", "AADSTS90002: Tenant not found."),
    }
}

fn token(form: &Value) -> Reply {
    if form["client_id"] != ADMINISTRATOR || form["client_secret"] != ADMINISTRATOR_SECRET {
        return refusal("invalid_client", "AADSTS7000215: Invalid client secret provided.");
    }
    let audience = form["scope"].as_str().unwrap_or_default().trim_end_matches("/.default");
    let claims = json!({
        "aud": audience.trim_end_matches('/'), "tid": TENANT, "appid": ADMINISTRATOR,
        "oid": ADMINISTRATOR, "exp": 4_102_444_800_u64,
    });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = json!({ "typ": "JWT", "alg": "none" });
    Reply::ok(json!({
        "token_type": "Bearer",
        "expires_in": 3599,
        "access_token": format!("{}.{}.none", part(&header), part(&claims)),
    }))
}

fn refusal(error: &str, description: &str) -> Reply {
    Reply { status: 400, body: json!({ "error": error, "error_description": description }) }
}

/// Returns whether the request has a valid token for its host.
pub(super) fn is_signed_in(request: &Request) -> bool {
    let audience = || {
        let token = request.authorization.strip_prefix("Bearer ")?;
        let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
        let claims: Value = serde_json::from_slice(&claims).ok()?;
        Some(claims["aud"].as_str()?.to_owned())
    };
    audience().is_some_and(|audience| match request.host {
        Host::ResourceManager => RESOURCE_MANAGER.contains(&audience.as_str()),
        Host::Graph => GRAPH.contains(&audience.as_str()),
        Host::SignIn => true,
    })
}
