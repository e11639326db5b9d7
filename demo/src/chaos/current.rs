//! The identity behind the current link, followed as another program follows it: the file is read when the link changes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use certrotate_core::id::Generation;
use certrotate_x509::CertChain;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use zeroize::Zeroizing;

use certrotate::connection::BoxError;
use certrotate::identity::{Identity, LiveIdentity};

/// The interval between two readings of the link.
const LOOK: Duration = Duration::from_millis(20);
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----";
const KEY: &str = "-----BEGIN PRIVATE KEY-----";

/// Follows the file; ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Current(JoinHandle<()>);

impl Current {
    /// Makes the file's identity live in `live`. Each new content is a generation, from 1.
    pub(crate) fn follow(path: PathBuf, live: LiveIdentity) -> Self {
        Self(tokio::spawn(async move {
            let mut look = tokio::time::interval(LOOK);
            look.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let (mut known, mut number) = (None, 0);
            loop {
                look.tick().await;
                let target = std::fs::read_link(&path).ok();
                if target.is_none() || target == known {
                    continue;
                }
                // An unusable file is read again. If that lasts, requests fail and the run with them.
                if let Ok(identity) = read(&path, Generation(number + 1)) {
                    (known, number) = (target, number + 1);
                    live.go_live(identity);
                }
            }
        }))
    }
}

impl Drop for Current {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Certificate and key of one reading: of two, the second could be another identity's (F61).
fn read(path: &Path, generation: Generation) -> Result<Identity, BoxError> {
    let text = Zeroizing::new(std::fs::read_to_string(path)?);
    let (certificates, key) = (text.find(CERTIFICATE), text.find(KEY));
    let (Some(certificates), Some(key)) = (certificates, key) else {
        return Err("it does not have a certificate and a key".into());
    };
    let chain = text.get(certificates..key).ok_or("the key comes first")?;
    let (chain, facts) = CertChain::read(chain.as_bytes(), None)?;
    let key = PrivateKeyDer::from_pem_slice(text[key..].as_bytes())?;
    let signer = certrotate::tls::signer(&key, chain.ders().to_vec())?;
    Ok(Identity::new(generation, chain.leaf_summary().clone(), &facts, signer))
}
