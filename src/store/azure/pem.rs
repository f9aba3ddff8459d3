//! The sections of a PEM text, in the forms in which people store one.
//!
//! More lenient than a PEM parser: a section is what stands between its two marks. So a byte order
//! mark, quotes, indented lines, blanks or a literal `\n` in place of line breaks, and the *Bag
//! Attributes* that OpenSSL prints between sections make no difference. Messages never quote the text,
//! because it holds a private key.

use base64::{Engine as _, engine::general_purpose::STANDARD};

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// A section: what it says it is, and its content
pub(super) struct Section<'a> {
    pub(super) label: &'a str,
    /// Whether it is encrypted in the way of OpenSSL before version 1
    pub(super) is_encrypted: bool,
    /// `None` if it is not Base64, or has no end
    pub(super) der: Option<Vec<u8>>,
}

/// Returns the sections of a text in their order
pub(super) fn sections(text: &str) -> Vec<Section<'_>> {
    text.split(BEGIN).skip(1).filter_map(section).collect()
}

fn section(text: &str) -> Option<Section<'_>> {
    let (label, rest) = text.split_once(DASHES)?;
    let body = rest.split_once(END).map(|(body, _)| body);
    let is_encrypted = body.is_some_and(|body| body.contains("Proc-Type:"));
    Some(Section { label, is_encrypted, der: body.and_then(decode) })
}

/// Decodes a body, whose line breaks may be real ones, blanks, or `\n` in two characters
fn decode(body: &str) -> Option<Vec<u8>> {
    let body = body.replace("\\r", "").replace("\\n", "");
    let body: String = body.chars().filter(|c| !c.is_whitespace()).collect();
    STANDARD.decode(body).ok().filter(|der| !der.is_empty())
}

/// Says what a text without a usable section is, if it is something that people often have in place of
/// PEM
pub(super) fn instead_of_pem(text: &str) -> Option<&'static str> {
    decode(text.trim_start_matches('\u{feff}')).and_then(|der| of_der(&der))
}

/// Returns the text of a file
///
/// # Errors
/// What the file is, if it is not text.
pub(super) fn text(bytes: &[u8]) -> Result<String, &'static str> {
    let units = |from: fn([u8; 2]) -> u16| {
        let (pairs, _) = bytes.as_chunks::<2>();
        String::from_utf16(&pairs.iter().copied().map(from).collect::<Vec<_>>()).ok()
    };
    let text = match bytes {
        [0xff, 0xfe, ..] => units(u16::from_le_bytes),
        [0xfe, 0xff, ..] => units(u16::from_be_bytes),
        _ => std::str::from_utf8(bytes).ok().map(str::to_owned),
    };
    text.ok_or_else(|| {
        of_der(bytes).unwrap_or("it is not text; a certificate and its key must be PEM")
    })
}

/// Says what a binary file is
fn of_der(der: &[u8]) -> Option<&'static str> {
    // A sequence, in the long form that anything of more than 127 bytes has.
    let [0x30, length @ 0x81..=0x84, rest @ ..] = der else { return None };
    let content = rest.get(usize::from(length & 0x7f)..)?;
    Some(match content {
        // PFX begins with its version, 3; private keys with 0 or 1 (RFC 7292, RFC 5958, RFC 8017).
        [0x02, 0x01, 0x03, ..] => PFX,
        [0x02, 0x01, 0x00 | 0x01, ..] => {
            "it is a private key in binary form (DER) without its certificate; give both as PEM: `openssl pkey -in key.der -inform DER` prints the key's"
        }
        [0x30, ..] => {
            "it is a certificate in binary form (DER) without its key; give both as PEM: `openssl x509 -in cert.der -inform DER` prints the certificate's"
        }
        _ => return None,
    })
}

const PFX: &str = "it is a PFX (PKCS#12) file; convert it to PEM with `openssl pkcs12 -in cert.pfx -out cert.pem -nodes`, after `base64 -d` if it is a secret of Azure Key Vault";

/// Says what is wrong with a section that is neither a certificate nor a key that can sign
pub(super) fn instead_of_key(section: &Section<'_>) -> Option<&'static str> {
    let is_key = section.label.ends_with("PRIVATE KEY");
    if section.is_encrypted && is_key || section.label == "ENCRYPTED PRIVATE KEY" {
        return Some(
            "the private key is encrypted; decrypt it with `openssl pkey -in cert.pem -out key.pem`, and give that with the certificate",
        );
    }
    Some(match section.label {
        "EC PRIVATE KEY" => NOT_RSA,
        "OPENSSH PRIVATE KEY" => {
            "the private key is one of OpenSSH; convert it with `ssh-keygen -p -m PEM -N '' -f key`"
        }
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => {
            "it has a certificate request, which is not yet a certificate; give the certificate that was issued for it"
        }
        "PKCS7" | "CMS" => {
            "it has a PKCS#7 bundle; convert it with `openssl pkcs7 -print_certs -in bundle.p7b -out chain.pem`"
        }
        "TRUSTED CERTIFICATE" => {
            "it has a certificate with OpenSSL's trust settings; convert it with `openssl x509 -in cert.pem -out plain.pem`"
        }
        _ => return None,
    })
}

/// What is wrong with keys that Entra does not take
pub(super) const NOT_RSA: &str = "the private key is no RSA key, and Microsoft Entra accepts only RSA for certificates of applications; an EC key cannot be converted, so make a new pair with `openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=name -days 365 -keyout key.pem -out cert.pem`, and upload the certificate";
