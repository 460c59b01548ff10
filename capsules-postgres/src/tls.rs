//! TLS, as `sslmode` asks for it.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::config::{Ssl, SslMode};

/// Makes what opens TLS connections.
///
/// # Errors
///
/// Which certificate or key cannot be used, and why.
pub(crate) fn connector(ssl: &Ssl) -> Result<MakeRustlsConnect, String> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let builder = match ssl.mode {
        SslMode::VerifyFull => builder.with_root_certificates(roots(ssl)?),
        mode => {
            let chain = match mode {
                SslMode::VerifyCa => {
                    let verifier = WebPkiServerVerifier::builder_with_provider(
                        Arc::new(roots(ssl)?),
                        Arc::clone(&provider),
                    );
                    Some(verifier.build().map_err(|error| error.to_string())?)
                }
                _ => None,
            };
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(AnyHost { chain, provider }))
        }
    };
    let config = match &ssl.identity {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let unusable = |file: &std::path::Path, error: &dyn std::fmt::Display| {
                format!("{} cannot be used: {error}", file.display())
            };
            let chain = CertificateDer::pem_file_iter(certificate)
                .and_then(Iterator::collect)
                .map_err(|error| unusable(certificate, &error))?;
            let secret =
                PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, &error))?;
            builder
                .with_client_auth_cert(chain, secret)
                .map_err(|error| unusable(key, &error))?
        }
    };
    Ok(MakeRustlsConnect::new(config))
}

fn roots(ssl: &Ssl) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    let Some(file) = &ssl.root else {
        // One that cannot be read is no reason to trust fewer of the others.
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if store.is_empty() {
            return Err(
                "the operating system has no root certificates; name a file with sslrootcert"
                    .to_owned(),
            );
        }
        return Ok(store);
    };
    let unusable =
        |error: &dyn std::fmt::Display| format!("{} cannot be used: {error}", file.display());
    let certificates: Vec<_> = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect)
        .map_err(|error| unusable(&error))?;
    for certificate in certificates {
        store.add(certificate).map_err(|error| unusable(&error))?;
    }
    Ok(store)
}

/// Accepts a server whatever its name: with a `chain`, one whose certificate is trusted
/// (`verify-ca`), else any (`prefer` and `require`, which protect against listeners only).
#[derive(Debug)]
struct AnyHost {
    chain: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyHost {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(chain) = &self.chain else {
            return Ok(ServerCertVerified::assertion());
        };
        match chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // The name is looked at when everything else is in order.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
