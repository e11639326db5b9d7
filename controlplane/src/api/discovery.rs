//! Discovery documents: what real kubectl asks before it asks for anything else.

use serde_json::{Value, json};

use super::{GROUP, RESOURCE};

/// `GET /version`.
pub(crate) fn version() -> Value {
    json!({
        "major": "1", "minor": "34", "gitVersion": "v1.34.0+certrotate",
        "gitCommit": "", "gitTreeState": "clean", "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "", "compiler": "rustc", "platform": "linux/amd64",
    })
}

/// `GET /api`: no core group, since kubectl reports one without resources as a fault.
pub(crate) fn core_versions() -> Value {
    json!({"kind": "APIVersions", "versions": [], "serverAddressByClientCIDRs": []})
}

/// `GET /apis`.
pub(crate) fn groups() -> Value {
    let mut group = group();
    if let Some(members) = group.as_object_mut() {
        members.remove("kind");
        members.remove("apiVersion");
    }
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": [group]})
}

/// `GET /apis/certificates.k8s.io`.
pub(crate) fn group() -> Value {
    let version = json!({"groupVersion": format!("{GROUP}/v1"), "version": "v1"});
    json!({
        "kind": "APIGroup", "apiVersion": "v1", "name": GROUP,
        "versions": [version], "preferredVersion": version,
    })
}

/// `GET /apis/certificates.k8s.io/v1`.
pub(crate) fn resources() -> Value {
    let kind = "CertificateSigningRequest";
    let part = |name: &str| {
        let (name, verbs) = (format!("{RESOURCE}/{name}"), json!(["get", "patch", "update"]));
        json!({"name": name, "singularName": "", "namespaced": false, "kind": kind, "verbs": verbs})
    };
    json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": format!("{GROUP}/v1"),
        "resources": [
            {
                "name": RESOURCE, "singularName": "certificatesigningrequest", "namespaced": false, "kind": kind,
                "verbs": ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
                "shortNames": ["csr"],
            },
            part("approval"),
            part("status"),
        ],
    })
}
