//! The agent's status socket.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// The agent's socket name: docs/operating.md says from what it derives.
pub(crate) fn socket_name(pki: &Path) -> String {
    let directory = std::fs::metadata(pki).expect("it exists");
    let place = format!("{:x}.{:x} kubelet-client", directory.dev(), directory.ino());
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, place.as_bytes());
    let name: String = digest.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("certrotate/{name}")
}
