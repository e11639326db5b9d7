//! What fuzz targets and property tests share: each takes any bytes and panics where a promise is broken.

use crate::{CertChain, bundle, csr, pending};

/// A certificate chain from a signer, or a certificate request from a client.
pub fn certificate(bytes: &[u8]) {
    if let Ok((chain, facts)) = CertChain::read(bytes, None) {
        let again = CertChain::read(chain.pem(), None).expect("what was read is read again");
        assert_eq!(again, (chain, facts), "a chain reads the same twice");
    }
    if let Ok(asked) = csr::read(bytes) {
        assert!(!asked.spki_der.is_empty(), "a request has a key");
    }
}

/// A bundle.
pub fn bundle(bytes: &[u8]) {
    if let Ok(read) = bundle::decode(bytes, None) {
        let written = bundle::encode(&read.chain, &read.key, read.header);
        assert!(*written == bytes, "an intact bundle is written back as it was");
    }
}

/// A pending file.
pub fn pending(bytes: &[u8]) {
    if let Ok((header, request)) = pending::decode(bytes) {
        let written = pending::encode(&request, header.generation, header.made);
        assert!(*written == bytes, "an intact pending file is written back as it was");
    }
}
