//! The kubeconfigs that are written for agents and kubectl.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use zeroize::{Zeroize as _, Zeroizing};

use crate::signing::pki::authority::ClientIdentity;

/// A kubeconfig with a bootstrap token.
pub(crate) fn with_token(server: &str, ca_pem: &str, token: &str) -> Zeroizing<String> {
    render(server, ca_pem, "bootstrap", json!({"token": token}))
}

/// A kubeconfig with a client certificate and key.
pub(crate) fn with_identity(server: &str, ca_pem: &str, identity: &ClientIdentity) -> Zeroizing<String> {
    let user = json!({
        "client-certificate-data": STANDARD.encode(&identity.certificate),
        "client-key-data": STANDARD.encode(identity.key.as_bytes()),
    });
    render(server, ca_pem, "admin", user)
}

/// JSON is YAML, but a person reads this file; every value is a token, base64, a URL or a plain word, so none needs quoting.
fn render(server: &str, ca_pem: &str, user: &str, mut credentials: Value) -> Zeroizing<String> {
    let ca = STANDARD.encode(ca_pem);
    let mut text = Zeroizing::new(format!(
        "apiVersion: v1\nkind: Config\nclusters:\n- name: certrotate\n  cluster:\n    server: {server}\n    \
         certificate-authority-data: {ca}\nusers:\n- name: {user}\n  user:\n"
    ));
    // Room for all that follows, so that no reallocation leaves key bytes behind.
    text.reserve(64 * 1024);
    for (key, value) in credentials.as_object_mut().into_iter().flatten() {
        if let Value::String(value) = value {
            text.push_str("    ");
            text.push_str(key);
            text.push_str(": ");
            text.push_str(value);
            text.push('\n');
            value.zeroize();
        }
    }
    text.push_str("contexts:\n- name: certrotate\n  context:\n    cluster: certrotate\n    user: ");
    text.push_str(user);
    text.push_str("\ncurrent-context: certrotate\n");
    text
}
