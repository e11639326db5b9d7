//! Checks that fuzz targets and property tests share: each takes any bytes and panics if a promise
//! is broken.
//!
//! Each check takes the bytes as they are, and once more with the outer layer around them (PEM, or
//! the first line with its digest), so that a search reaches the inner content.

use certrotate_core::id::Generation;
use certrotate_core::time::WallTime;

use crate::{CertChain, ClientCa, MAX_CLIENT_CAS, plain_certificates};
use crate::{bundle as bundles, csr, header, pair, pem, pending as pendings};

/// A certificate chain from a signer, a client CA file, and a certificate request from a client.
pub fn certificate(bytes: &[u8]) {
    others(bytes);
    chain(bytes);
    chain(pem::write(pem::CERTIFICATE, bytes).as_bytes());
    request(bytes);
    request(pem::write(pem::REQUEST, bytes).as_bytes());
}

fn chain(text: &[u8]) {
    let ca = ClientCa::read(text).ok();
    let Ok((chain, facts)) = CertChain::read(text, ca.as_ref()) else { return };
    let again = CertChain::read(chain.pem(), ca.as_ref());
    assert_eq!(again, Ok((chain, facts)), "a chain reads the same twice");
}

/// The readers of a kubelet's pair and of a server's CA bundle.
fn others(text: &[u8]) {
    assert!(plain_certificates(text).len() <= MAX_CLIENT_CAS, "a bundle has a bound");
    if let Ok(pair) = pair::read(text, text, None) {
        let written = [pair.chain.pem(), pair.key.to_pem().as_bytes()].concat();
        let again = pair::read(&written, &written, None).map(|again| (again.chain, again.key.digest()));
        assert_eq!(again, Ok((pair.chain, pair.key.digest())), "a pair reads the same twice");
    }
}

fn request(text: &[u8]) {
    if let Ok(asked) = csr::read(text) {
        assert!(!asked.spki_der.is_empty(), "a request that is signed has a key");
    }
}

/// A bundle.
pub fn bundle(bytes: &[u8]) {
    let sealed = header::seal(header::BUNDLE, Generation(1), WallTime::default(), &[bytes]);
    for file in [bytes, &sealed] {
        if let Ok(read) = bundles::decode(file, None) {
            let written = bundles::encode(&read.chain, &read.key, read.header);
            assert!(*written == file, "an intact bundle is written back as it was");
        }
    }
}

/// A pending file.
pub fn pending(bytes: &[u8]) {
    let sealed = header::seal(header::PENDING, Generation(1), WallTime::default(), &[bytes]);
    for file in [bytes, &sealed] {
        if let Ok((header, request)) = pendings::decode(file) {
            let written = pendings::encode(&request, header.generation, header.made);
            assert!(*written == file, "an intact pending file is written back as it was");
        }
    }
}
