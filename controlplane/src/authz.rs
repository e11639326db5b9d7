//! Who may do what: the default roles that matter here, and nothing else
//! (`plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go`).

use crate::auth::User;

#[cfg(test)]
mod tests;

/// Bound to every permission.
pub(crate) const MASTERS: &str = "system:masters";
/// Holders of bootstrap tokens.
pub(crate) const BOOTSTRAPPERS: &str = "system:bootstrappers";
/// Nodes with a certificate.
pub(crate) const NODES: &str = "system:nodes";

/// What the approver asks of the requestor's groups (`subresource` of its access review).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Permission {
    /// `certificatesigningrequests/selfnodeclient`.
    SelfNodeClient,
    /// `certificatesigningrequests/nodeclient`.
    NodeClient,
}

/// What is asked on an API path.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Attributes<'a> {
    pub(crate) verb: &'a str,
    pub(crate) subresource: &'a str,
}

/// Whether a requestor with these groups holds a permission, as kubeadm binds them.
pub(crate) fn holds(groups: &[String], permission: Permission) -> bool {
    let bound = match permission {
        Permission::SelfNodeClient => NODES,
        Permission::NodeClient => BOOTSTRAPPERS,
    };
    groups.iter().any(|g| g == bound || g == MASTERS)
}

/// Whether `user` may do this to certificate signing requests.
pub(crate) fn allowed(user: &User, attributes: Attributes<'_>) -> bool {
    let member = |group: &str| user.groups.iter().any(|g| g == group);
    let requesting =
        attributes.subresource.is_empty() && matches!(attributes.verb, "create" | "get" | "list" | "watch");
    member(MASTERS) || requesting && (member(BOOTSTRAPPERS) || member(NODES))
}
