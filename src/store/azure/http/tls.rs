//! The TLS configuration of a client: whom it trusts, by the name of the host.
//!
//! Azure's own hosts are verified with this machine's certificate authorities only. Extra authorities
//! count for every other host: the authority of a private network must not be able to vouch for
//! `login.microsoftonline.com`.

use std::sync::Arc;

use rustls::{
    ClientConfig, DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use rustls_platform_verifier::Verifier;

use crate::{
    cloud::is_azure_host,
    error::{Error, ErrorKind},
    tls::{NO_PROVIDER, provider},
};

/// Returns a TLS configuration that trusts this machine's certificate authorities and, for hosts that
/// are not Azure's, the given ones.
///
/// Loading this machine's authorities takes more than 10 ms on some systems. It happens once if no
/// authorities are given, and twice otherwise.
///
/// # Errors
/// [`ErrorKind::Config`] if there is no TLS provider, or if the authorities cannot be loaded.
pub(super) fn load(extra: Vec<CertificateDer<'static>>) -> Result<ClientConfig, Error> {
    let config = |what: String| Error::new(ErrorKind::Config, what);
    let provider = provider().ok_or_else(|| config(NO_PROVIDER.to_owned()))?;
    let verifier = |roots| {
        Verifier::new_with_extra_roots(roots, Arc::clone(&provider)).map(Arc::new).map_err(
            |error| {
                config(format!("the root certificates of this machine cannot be loaded: {error}"))
            },
        )
    };
    let azure = verifier(Vec::new())?;
    let others = if extra.is_empty() { Arc::clone(&azure) } else { verifier(extra)? };
    Ok(ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| config(format!("TLS: {error}")))?
        .dangerous() // the only method that accepts a verifier, also for the platform's own
        .with_custom_certificate_verifier(Arc::new(VerifierByHost { azure, others }))
        .with_no_client_auth())
}

/// Returns the certificates of a PEM text, or its fault.
pub(super) fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, &'static str> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let Ok(certificates) = certificates else {
        return Err(
            "a certificate authority cannot be read; give it as PEM text that begins with `-----BEGIN CERTIFICATE-----`",
        );
    };
    // An empty text is a mistake, not a choice.
    if certificates.is_empty() {
        return Err(
            "the PEM text of a certificate authority contains no certificate; it must begin with `-----BEGIN CERTIFICATE-----`",
        );
    }
    Ok(certificates)
}

/// Verifies Azure's hosts and all other hosts with different certificate authorities.
#[derive(Debug)]
struct VerifierByHost {
    azure: Arc<Verifier>,
    others: Arc<Verifier>,
}

impl VerifierByHost {
    /// Returns the verifier for a host.
    fn of(&self, host: &ServerName<'_>) -> &Verifier {
        // A name that ends with a dot is the same name in certificates.
        let host = host.to_str();
        match is_azure_host(host.strip_suffix('.').unwrap_or(&host)) {
            true => &self.azure,
            false => &self.others,
        }
    }
}

impl ServerCertVerifier for VerifierByHost {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verifier = self.of(server_name);
        verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    // Signatures do not depend on whom a verifier trusts.
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.azure.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.azure.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.azure.supported_verify_schemes()
    }
}
