//! Who may do what: the default roles that matter here, as Kubernetes and kubeadm bind them
//! (`plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go`). Roles are fixed; a user who needs a permission
//! gets a certificate for one of the groups.

use crate::apiserver::access::roles::{BINDINGS, Binding, Rule};
use crate::apiserver::attributes::Attributes;
use crate::apiserver::user::User;

#[cfg(test)]
mod tests;

/// Whether a requestor with these groups may create this subresource of CSRs, `nodeclient` or `selfnodeclient`: the
/// permission that the approver checks.
pub(crate) fn may_create_subresource(groups: &[String], subresource: &str) -> bool {
    let attributes = Attributes {
        verb: "create",
        group: "certificates.k8s.io",
        resource: "certificatesigningrequests",
        subresource,
        ..Attributes::default()
    };
    reason("", groups, &attributes).is_some()
}

/// Whether `user` may do this.
pub(crate) fn allowed(user: &User, attributes: &Attributes<'_>) -> bool {
    reason(&user.name, &user.groups, attributes).is_some()
}

/// Why a user with these groups may do this; `None`: it may not.
pub(crate) fn reason(user: &str, groups: &[String], attributes: &Attributes<'_>) -> Option<String> {
    bindings(user, groups)
        .find(|binding| {
            binding.covers(user, attributes) && binding.role.rules.iter().any(|rule| rule.covers(attributes))
        })
        .map(|binding| {
            let (kind, subject) = binding.subject.words();
            format!("allowed by role {:?}, bound to {kind} {subject:?}", binding.role.name)
        })
}

/// Whether a user may approve or sign (`verb`) for signers of this name; `domain/*` is one, too.
pub(crate) fn may_for_signer(user: &User, verb: &str, name: &str) -> bool {
    let group = "certificates.k8s.io";
    allowed(user, &Attributes { verb, group, resource: "signers", name, ..Attributes::default() })
}

/// The rules for a user in a namespace.
pub(crate) fn rules(user: &User, namespace: &str) -> Vec<&'static Rule> {
    bindings(&user.name, &user.groups)
        .filter(|binding| binding.namespace.is_none_or(|only| only == namespace))
        .flat_map(|binding| binding.role.rules)
        .collect()
}

fn bindings<'a>(user: &'a str, groups: &'a [String]) -> impl Iterator<Item = &'static Binding> + 'a {
    BINDINGS.iter().filter(move |binding| binding.subject.is(user, groups))
}
