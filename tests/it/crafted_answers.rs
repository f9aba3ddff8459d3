//! Random redirects and challenges that try to lead a client to another host or authority.
//!
//! The seed determines everything in a case.

use bytes::Bytes;
use fastrand::Rng;
use http_body_util::Full;
use hyper::Response;

/// The tenant in challenges that name an authority of Azure.
pub const OWNER: &str = "22222222-2222-4222-8222-222222222222";
/// The tenant in all other challenges.
pub const STRANGER: &str = "66666666-6666-4666-8666-666666666666";

/// The server that sends the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Where {
    Account,
    Authority,
}

/// The addresses that responses refer to.
pub struct Hosts {
    pub account: String,
    pub authority: String,
    /// The port of the listener that counts connections.
    pub elsewhere: u16,
}

pub struct Crafted {
    pub at: Where,
    pub status: u16,
    /// Whether this is a challenge that a store must understand.
    pub is_plain: bool,
    headers: Vec<(&'static str, Vec<u8>)>,
    body: &'static str,
}

impl Crafted {
    pub fn response(&self) -> Response<Full<Bytes>> {
        let mut response = Response::builder().status(self.status);
        for (name, value) in &self.headers {
            response = response.header(*name, value.as_slice());
        }
        response.body(Full::from(self.body)).unwrap()
    }
}

impl std::fmt::Debug for Crafted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at the {:?}", self.status, self.at)?;
        for (name, value) in &self.headers {
            let (length, shown) = (value.len(), String::from_utf8_lossy(value));
            write!(
                f,
                ", {name} ({length} bytes): {:?}",
                shown.chars().take(300).collect::<String>()
            )?;
        }
        Ok(())
    }
}

fn one<'a>(rng: &mut Rng, of: &[&'a str]) -> &'a str {
    rng.choice(of).unwrap()
}

/// Hosts that are neither the account's nor the authority's, in misleading forms.
const ELSEWHERE: &[&str] = &[
    "127.0.0.1",
    "127.0.0.2",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "127.0.0.1.",
    "0.0.0.0",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "localhost",
    "a.localhost",
    "evil.test",
    "smallcloud.blob.core.windows.net",
    "smallcloud.blob.core.windows.net.evil.test",
    "smallcloud-secondary.blob.core.windows.net",
    "smallcloud.blob.core.wind%D0%BEws.net",
    "smallcloud.blob.core.windows%E3%80%82net",
    "smallcloud.z07.blob.storage.azure.net",
    "other.blob.core.windows.net",
    "xn--smallcloud-1ya.blob.core.windows.net",
    "login.microsoftonline.com",
    "login.microsoftonline.us",
    "metadata.google.internal",
];

/// Hosts at which a test cannot listen.
const UNSEEN: &[&str] = &[
    "169.254.169.254",
    "0xa9fea9fe",
    "168.63.129.16",
    "[fe80::1]",
    "[fd00:ec2::254]",
    "[64:ff9b::a9fe:a9fe]",
    "10.0.0.1",
    "100.100.100.200",
];

fn location(rng: &mut Rng, hosts: &Hosts) -> Vec<u8> {
    let port = hosts.elsewhere;
    let host = match rng.u8(0..8) {
        0 => one(rng, UNSEEN).to_owned(),
        1 => format!("{}@127.0.0.1:{port}", hosts.account),
        2 => format!("user:password@{}:{port}", one(rng, ELSEWHERE)),
        3 => format!("{}\\@127.0.0.1:{port}", hosts.account),
        _ => format!("{}:{port}", one(rng, ELSEWHERE)),
    };
    let own = if rng.bool() { &hosts.account } else { &hosts.authority };
    let scheme = one(rng, &["https:", "https:", "http:", "HTTPS:", "Http:", ""]);
    let path = one(
        rng,
        &[
            "/followed",
            "/followed/",
            "?followed",
            "/smallcloud/assets?comp=list&followed",
            "/11111111-1111-4111-8111-111111111111/oauth2/v2.0/token?followed",
            "/%2e%2e/followed",
            "/followed#part",
        ],
    );
    let text = match rng.u8(0..16) {
        // The same host with another path, another scheme or another port.
        0 => path.to_owned(),
        1 => format!("..{path}"),
        2 => format!("https://{own}{path}"),
        3 => format!("http://{own}{path}"),
        4 => format!("//{own}{path}"),
        5 => format!("https://user:password@{own}{path}"),
        6 => one(rng, &["", "#", "?followed", "https://", "https:///followed", "://", "*"])
            .to_owned(),
        7 => format!(
            "{}followed",
            one(rng, &["file:///", "ftp://127.0.0.1/", "data:,", "javascript:"])
        ),
        8 => format!("\\\\{host}{path}"),
        9 => format!("{scheme}{}{host}{path}", one(rng, &["/", "///", "\\\\", "/\\"])),
        10 => format!("{scheme}//{host}{path}{}", "x".repeat(rng.usize(0..32 << 10))),
        _ => format!("{scheme}//{host}{path}"),
    };
    let mut bytes = text.into_bytes();
    if rng.u8(0..12) == 0 {
        let at = rng.usize(..=bytes.len());
        bytes.splice(at..at, [0xe9, b'\t', 0xff]);
    }
    bytes
}

/// Returns a redirect to another address.
pub fn redirect(rng: &mut Rng, hosts: &Hosts) -> Crafted {
    let at = if rng.u8(0..4) == 0 { Where::Authority } else { Where::Account };
    let statuses = [300, 301, 302, 303, 305, 306, 307, 307, 308, 308, 399];
    let mut headers = vec![("location", location(rng, hosts))];
    if rng.u8(0..8) == 0 {
        headers.push(("location", location(rng, hosts)));
    }
    if rng.u8(0..8) == 0 {
        headers.push(("refresh", [b"0; url=", location(rng, hosts).as_slice()].concat()));
    }
    if rng.u8(0..8) == 0 {
        let service = format!("h2=\"127.0.0.1:{0}\", h3=\":{0}\"", hosts.elsewhere);
        headers.push(("alt-svc", service.into_bytes()));
    }
    if rng.u8(0..8) == 0 {
        headers.push(("set-cookie", b"session=followed; Path=/".to_vec()));
    }
    let bodies =
        ["", "{}", "<html><meta http-equiv=\"refresh\" content=\"0; url=/followed\"></html>"];
    Crafted {
        at,
        status: *rng.choice(&statuses).unwrap(),
        is_plain: false,
        headers,
        body: one(rng, &bodies),
    }
}

/// Hosts of real authorities, and hosts that resemble them. `PORT` is replaced by `Hosts::elsewhere`.
const AUTHORITIES: &[&str] = &[
    "login.microsoftonline.com",
    "LOGIN.MicrosoftOnline.com",
    "login.microsoftonline.us",
    "login.partner.microsoftonline.cn",
    "login.chinacloudapi.cn",
];
const LOOK_ALIKES: &[&str] = &[
    "127.0.0.1:PORT",
    "localhost:PORT",
    "evil.test:PORT",
    "login.microsoftonline.com:PORT",
    "login.microsoftonline.com:8443",
    "login.microsoftonline.com.",
    "login.microsoftonline.com.evil.test",
    "login.microsoftonline.com@127.0.0.1:PORT",
    "user@login.microsoftonline.com",
    "login.microsoftonline.com:x@evil.test",
    "login.microsoftonline.com\\@127.0.0.1:PORT",
    "login.microsoftonline.com\\.evil.test",
    "evil.test#login.microsoftonline.com",
    "evil.test?login.microsoftonline.com",
    "evil.test;login.microsoftonline.com",
    "login.microsoftonline.com%00.evil.test",
    "login.microsoftonline.com%2eevil.test",
    "xlogin.microsoftonline.com",
    "login-microsoftonline.com",
    "login.microsoft\tonline.com",
    "login.micros\u{43e}ftonline.com",
    "login.microsoftonline\u{3002}com",
    "169.254.169.254",
    "[::1]:PORT",
    "",
];

/// Returns the usual text, or in one of five cases one of the others.
fn usually<'a>(rng: &mut Rng, usual: &'a str, others: &[&'a str]) -> &'a str {
    if rng.u8(0..5) == 0 { one(rng, others) } else { usual }
}

/// Returns the fields of a challenge, and whether a store must understand them.
fn fields(rng: &mut Rng, hosts: &Hosts) -> (String, bool) {
    let counts = rng.bool();
    let (host, tenant) = match counts {
        true => {
            (one(rng, AUTHORITIES), usually(rng, OWNER, &["common", "contoso.test", "", "%2e"]))
        }
        false => (one(rng, LOOK_ALIKES), STRANGER),
    };
    let host = host.replace("PORT", &hosts.elsewhere.to_string());
    let scheme = usually(rng, "https://", &["http://", "ftp://", "//", "", "https:/", "wss://"]);
    let end = one(rng, &["/oauth2/authorize", "/oauth2/v2.0/authorize", "", "/", "?x", "/../.."]);
    let resources = [
        "https://storage.azure.com.evil.test",
        "https://management.azure.com",
        "http://storage.azure.com",
        "storage.azure.com",
        "",
    ];
    let resource = usually(rng, "https://storage.azure.com", &resources);
    let quote = one(rng, &["", "", "", "\"", "\"", "'", "\\\""]);
    let name = usually(rng, "authorization_uri", &["authorization", "Authorization_Uri", "uri"]);
    let uri = format!("{name}={quote}{scheme}{host}/{tenant}{end}{quote}");
    let id = format!("resource_id={quote}{resource}{}{quote}", one(rng, &["", "/"]));
    let separator = one(rng, &[" ", ", ", ","]);
    let mut fields = if rng.bool() { [uri, id] } else { [id, uri] }.to_vec();
    let mut is_plain = counts && tenant == OWNER && scheme == "https://" && end != "/../..";
    is_plain &= name == "authorization_uri" && resource == "https://storage.azure.com";
    is_plain &= ["", "\""].contains(&quote);
    if rng.u8(0..8) == 0 {
        fields.retain(|_| rng.bool());
        is_plain &= fields.len() == 2;
    }
    for _ in 0..rng.usize(0..3) {
        let more = match rng.u8(0..6) {
            0 => "error=\"invalid_token\"".to_owned(),
            1 => "error_description=\"Sign in at https://evil.test/followed\"".to_owned(),
            2 => format!("claims=\"{}\"", "eyJ4Ijp7fX0".repeat(rng.usize(0..100))),
            3 => format!("realm=\"{}\"", "r".repeat(rng.usize(0..48 << 10))),
            4 => format!("tenant_id={STRANGER}"),
            _ => format!("nonce=\"{}\" trusted_issuers=\"{}@*\"", rng.u64(..), rng.u64(..)),
        };
        fields.insert(rng.usize(..=fields.len()), more);
    }
    (fields.join(separator), is_plain)
}

/// Returns a challenge that names an authority.
pub fn challenge(rng: &mut Rng, hosts: &Hosts) -> Crafted {
    let at = if rng.u8(0..6) == 0 { Where::Authority } else { Where::Account };
    let (mut text, mut is_plain) = fields(rng, hosts);
    let mut scheme = "Bearer ";
    if rng.u8(0..8) == 0 {
        scheme = one(
            rng,
            &[
                "bearer ",
                "BEARER ",
                "Bearer\t",
                "Basic ",
                "Negotiate, Bearer ",
                "Digest realm=\"Bearer \", ",
                "SharedKey, ",
                "",
            ],
        );
        is_plain = false;
    }
    if rng.u8(0..8) == 0 {
        // Adds a second challenge to the same header.
        let (other, _) = fields(rng, hosts);
        text = format!("{text}, {}{other}", one(rng, &["Bearer ", "Basic ", ""]));
    }
    let mut bytes = [scheme, &text].concat().into_bytes();
    if rng.u8(0..10) == 0 {
        let at = rng.usize(..=bytes.len());
        bytes.splice(at..at, [0xe9, 0xff]);
    }
    // A header with non-ASCII characters is not a challenge.
    is_plain &= bytes.is_ascii();
    let mut headers = vec![("www-authenticate", bytes)];
    if rng.u8(0..8) == 0 {
        let more = [b"Bearer ", fields(rng, hosts).0.as_bytes()].concat();
        headers.push(("www-authenticate", more));
        is_plain = false;
    }
    if rng.u8(0..8) == 0 {
        headers.push(("location", location(rng, hosts)));
    }
    let status = *rng.choice(&[401, 401, 401, 403, 404, 409, 400]).unwrap();
    let bodies = ["", "{}", r#"{"error":"invalid_client"}"#, "<Error><Code>X</Code></Error>"];
    Crafted { at, status, is_plain, headers, body: one(rng, &bodies) }
}
