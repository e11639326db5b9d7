//! Users and the groups that Kubernetes gives a meaning.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// Bound to every permission.
pub(crate) const MASTERS: &str = "system:masters";
/// Holders of bootstrap tokens.
pub(crate) const BOOTSTRAPPERS: &str = "system:bootstrappers";
/// Nodes with a certificate.
pub(crate) const NODES: &str = "system:nodes";
/// Every user with valid credentials.
pub(crate) const AUTHENTICATED: &str = "system:authenticated";

/// The name of the node that has this user name.
pub(crate) fn node_name(user: &str) -> Option<&str> {
    user.strip_prefix("system:node:").filter(|name| !name.is_empty())
}

/// An authenticated user.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) uid: Option<String>,
    pub(crate) groups: Vec<String>,
    pub(crate) extra: BTreeMap<String, Vec<String>>,
    /// Serial of the client certificate, if that is what convinced us.
    pub(crate) serial: Option<String>,
}

impl User {
    /// The name of the node that the user is (`pkg/auth/nodeidentifier/default.go`).
    pub(crate) fn node(&self) -> Option<&str> {
        node_name(&self.name).filter(|_| self.groups.iter().any(|group| group == NODES))
    }

    /// Whether the user may do everything.
    pub(crate) fn is_master(&self) -> bool {
        self.groups.iter().any(|group| group == MASTERS)
    }

    /// As a `UserInfo` says it.
    pub(crate) fn info(&self) -> Value {
        let mut info = json!({"username": self.name, "groups": self.groups});
        if let Some(uid) = &self.uid {
            info["uid"] = json!(uid);
        }
        if !self.extra.is_empty() {
            info["extra"] = json!(self.extra);
        }
        info
    }
}
