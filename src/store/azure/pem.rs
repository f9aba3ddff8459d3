//! The sections of a PEM text, in the forms in which people store it.
//!
//! More lenient than a PEM parser: a section is the text between its two markers. So a byte order
//! mark, quotes, indentation, blanks or a literal `\n` instead of line breaks, and the *Bag
//! Attributes* that OpenSSL prints between sections are accepted. Messages never quote the text,
//! because it contains a private key.
//!
//! Most messages are about files that people have instead: PFX, DER, encrypted keys, EC keys. Each one
//! contains the `openssl` command that converts the file.

use base64::{Engine as _, engine::general_purpose::STANDARD};

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// A section of a PEM text: its label and its content.
pub(super) struct Section<'a> {
    pub(super) label: &'a str,
    /// Whether the key is encrypted in OpenSSL's traditional format (`Proc-Type: 4,ENCRYPTED`).
    pub(super) is_encrypted: bool,
    /// The decoded content; `None` if it is not Base64 or has no end marker.
    pub(super) der: Option<Vec<u8>>,
}

/// Returns the sections of a text in order, damaged ones included.
pub(super) fn sections(text: &str) -> Vec<Section<'_>> {
    text.split(BEGIN).skip(1).filter_map(section).collect()
}

/// Splits the text after a begin marker into label and content.
fn section(text: &str) -> Option<Section<'_>> {
    let (label, rest) = text.split_once(DASHES)?;
    let body = rest.split_once(END).map(|(body, _)| body);
    // Such a section has RFC 1421 headers before its Base64.
    let is_encrypted = body.is_some_and(|body| body.contains("Proc-Type:"));
    Some(Section { label, is_encrypted, der: body.and_then(decode) })
}

/// Decodes a section's Base64, in which line breaks may be blanks or a literal `\n`.
fn decode(body: &str) -> Option<Vec<u8>> {
    // Environment variables and JSON often hold line breaks as two characters.
    let body = body.replace("\\r", "").replace("\\n", "");
    let body: String = body.chars().filter(|c| !c.is_whitespace()).collect();
    STANDARD.decode(body).ok().filter(|der| !der.is_empty())
}

/// Returns what a text without a section is, if it is one that people often give instead of PEM.
pub(super) fn explain_non_pem(text: &str) -> Option<&'static str> {
    decode(text.trim_start_matches('\u{feff}')).and_then(|der| explain_der(&der))
}

/// Returns the text of a file in UTF-8, or in UTF-16 with a byte order mark.
///
/// # Errors
/// The kind of file that it is instead, with the command that converts it, if it is not text.
pub(super) fn to_text(bytes: &[u8]) -> Result<String, &'static str> {
    let units = |from: fn([u8; 2]) -> u16| {
        // An odd last byte is dropped; the damaged text is reported when it is parsed.
        let (pairs, _) = bytes.as_chunks::<2>();
        String::from_utf16(&pairs.iter().copied().map(from).collect::<Vec<_>>()).ok()
    };
    let text = match bytes {
        [0xff, 0xfe, ..] => units(u16::from_le_bytes),
        [0xfe, 0xff, ..] => units(u16::from_be_bytes),
        _ => std::str::from_utf8(bytes).ok().map(str::to_owned),
    };
    text.ok_or_else(|| {
        explain_der(bytes)
            .unwrap_or("the file is not text; give the certificate and its key as PEM")
    })
}

/// Returns what a binary file in DER is, and how to convert it.
fn explain_der(der: &[u8]) -> Option<&'static str> {
    // An ASN.1 sequence whose length has the long form, which content of over 127 bytes needs.
    let [0x30, length @ 0x81..=0x84, rest @ ..] = der else { return None };
    let content = rest.get(usize::from(length & 0x7f)..)?;
    Some(match content {
        // A PFX starts with its version 3, a private key with 0 or 1 (RFC 7292, 5958 and 8017).
        [0x02, 0x01, 0x03, ..] => PFX,
        [0x02, 0x01, 0x00 | 0x01, ..] => {
            "this is a private key in binary form (DER) without its certificate; give both as PEM: `openssl pkey -in key.der -inform DER` prints the key"
        }
        [0x30, ..] => {
            "this is a certificate in binary form (DER) without its key; give both as PEM: `openssl x509 -in cert.der -inform DER` prints the certificate"
        }
        _ => return None,
    })
}

const PFX: &str = "this is a PFX (PKCS#12) file; convert it to PEM with `openssl pkcs12 -in cert.pfx -out cert.pem -nodes`, after `base64 -d` if it is a secret of Azure Key Vault";

/// Returns what is wrong with a section that is neither a certificate nor an RSA key.
pub(super) fn explain_unusable_key(section: &Section<'_>) -> Option<&'static str> {
    let is_key = section.label.ends_with("PRIVATE KEY");
    if section.is_encrypted && is_key || section.label == "ENCRYPTED PRIVATE KEY" {
        return Some(
            "the private key is encrypted; decrypt it with `openssl pkey -in cert.pem -out key.pem`, and give the result together with the certificate",
        );
    }
    Some(match section.label {
        "EC PRIVATE KEY" => NOT_RSA,
        "OPENSSH PRIVATE KEY" => {
            "the private key is in OpenSSH format; convert it with `ssh-keygen -p -m PEM -N '' -f key`"
        }
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => {
            "the text contains a certificate request, not a certificate; give the certificate that was issued for it"
        }
        "PKCS7" | "CMS" => {
            "the text contains a PKCS#7 bundle; convert it with `openssl pkcs7 -print_certs -in bundle.p7b -out chain.pem`"
        }
        "TRUSTED CERTIFICATE" => {
            "the text contains a certificate with OpenSSL's trust settings; convert it with `openssl x509 -in cert.pem -out plain.pem`"
        }
        _ => return None,
    })
}

/// The error for a key of another algorithm than RSA.
pub(super) const NOT_RSA: &str = "the private key is not an RSA key, and Microsoft Entra ID accepts only RSA for certificates of applications; an EC key cannot be converted, so create a new pair with `openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=name -days 365 -keyout key.pem -out cert.pem`, and upload the certificate to the application";
