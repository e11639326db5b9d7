//! The state of the bootstrap credential, before it is needed (F11).

use std::path::Path;

use base64::Engine as _;
use certrotate_core::time::WallTime;
use certrotate_x509::CertChain;
use rustls_pki_types::CertificateDer;

use super::published::Published;
use super::types::BootstrapFallback;
use crate::file_client;
use crate::kubeconfig::{KubeconfigError, Secret};
use crate::offload::Offload;

/// Reads the credential as a call does. Only the server can accept it, so its last answer counts, too.
pub(super) fn bootstrap_fallback(
    path: Option<&Path>,
    published: Option<&Published>,
    now: WallTime,
) -> BootstrapFallback {
    let answer = |usable, what| {
        let bootstrap_kubeconfig = path.map(Path::to_owned);
        BootstrapFallback { usable: Some(usable), bootstrap_kubeconfig, what }
    };
    let Some(path) = path else {
        return match published {
            Some(_) => answer(
                false,
                "the agent was given no bootstrap kubeconfig; restart it with --bootstrap-kubeconfig".into(),
            ),
            None => BootstrapFallback {
                usable: None,
                bootstrap_kubeconfig: None,
                what: "no agent runs that knows its place; give --bootstrap-kubeconfig".into(),
            },
        };
    };
    let read = {
        let path = path.to_owned();
        Offload::default().run(move || file_client::read(&path))
    };
    let secret = match read.unwrap_or_else(|error| Err(KubeconfigError::new(path, error.into()))) {
        Ok((_, secret)) => secret,
        Err(error) => return answer(false, error.to_string()),
    };
    if let Some((at, line)) = published.and_then(|published| published.bootstrap_refused.as_ref()) {
        return answer(false, format!("at {}: {line}", WallTime::from_unix_ms(*at)));
    }
    match secret {
        Secret::Token(_) => answer(true, "its token can be read; only the server knows its expiry".into()),
        Secret::Certificate { chain, .. } => match end(&chain) {
            Some(end) if end <= now => {
                answer(false, format!("its client certificate ended at {end}; replace it"))
            }
            Some(end) => answer(true, format!("its client certificate is valid until {end}")),
            None => answer(true, "its client certificate can be read".into()),
        },
    }
}

fn end(chain: &[CertificateDer<'_>]) -> Option<WallTime> {
    let engine = base64::engine::general_purpose::STANDARD;
    let mut pem = String::new();
    for der in chain {
        pem.push_str("-----BEGIN CERTIFICATE-----\n");
        for line in engine.encode(der).as_bytes().chunks(64) {
            pem.push_str(&String::from_utf8_lossy(line));
            pem.push('\n');
        }
        pem.push_str("-----END CERTIFICATE-----\n");
    }
    CertChain::read(pem.as_bytes(), None).ok().map(|(_, facts)| facts.not_after)
}
