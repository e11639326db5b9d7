//! An identity in the certificate directory, as an earlier run left it.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::time::SystemTime;

use certrotate_controlplane::Handle;
use certrotate_core::disk::{BundleHeader, Name};
use certrotate_core::id::{FileNumber, Generation};
use certrotate_core::time::WallTime;
use certrotate_store::PairName;
use certrotate_x509::{CertChain, SecretKey, bundle};

/// Puts an identity of `node-1` into the directory, as a run at `issued` would have left it; its bytes.
pub(crate) fn put(
    pki: &Path,
    issuer: &Handle,
    (start, end, issued): (SystemTime, SystemTime, SystemTime),
) -> Vec<u8> {
    let identity = issuer.client_identity("system:node:node-1", &["system:nodes"], start, end);
    let identity = identity.expect("it is signed");
    let key = SecretKey::from_pem(identity.key.as_bytes()).expect("a key");
    let (chain, _) = CertChain::read(identity.certificate.as_bytes(), None).expect("a chain");
    let since = issued.duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970");
    let issued = WallTime::from_unix_secs(i64::try_from(since.as_secs()).expect("before the end of time"));
    let (generation, file) = (Generation(1), FileNumber(2));
    let pair = PairName::new("kubelet-client").expect("a good name");
    let name = pair.file_name(Name::Bundle { issued, generation, file });
    let bytes = bundle::encode(&chain, &key, BundleHeader { generation, issued }).to_vec();
    let path = pki.join(&name);
    fs::write(&path, &bytes).expect("the scratch is writable");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("it is ours");
    symlink(&name, pki.join("kubelet-client-current.pem")).expect("the scratch is writable");
    bytes
}
