use http::Method;

use super::*;
use crate::apiserver::user::MASTERS;
use crate::testing::{context, node_csr};

const CSRS: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/default/leases";

/// Returns the status and the `reason` of the answer to a cluster admin, `csr-of-a` being stored.
fn answer(method: &str, path: &str) -> (u16, String) {
    let context = context();
    context.store.create(node_csr("a", "u", &[])).unwrap();
    let admin = User { name: "admin".to_owned(), groups: vec![MASTERS.to_owned()], ..User::default() };
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let call = Call { method, path: path.to_owned(), ..Call::default() };
    let result = dispatch(&context, Some(&admin), &call);
    assert_eq!(context.store.version(), 1, "{path}: nothing is changed or deleted");
    match result {
        Ok(answer) => (answer.status().as_u16(), String::new()),
        Err(error) => (error.code.as_u16(), error.reason.to_owned()),
    }
}

#[test]
fn unknown_subresource_is_answered_404() {
    for method in ["GET", "PUT", "PATCH", "DELETE", "POST"] {
        for path in [
            format!("{CSRS}/csr-of-a/scale"),
            format!("{CSRS}/csr-of-a/Status"),
            format!("{CSRS}/csr-of-a/approval/x"),
            format!("{LEASES}/a/status"),
            format!("{LEASES}/a/approval"),
        ] {
            assert_eq!(answer(method, &path), (404, "NotFound".to_owned()), "{method} {path}");
        }
    }
}

#[test]
fn unsupported_method_is_answered_405() {
    for (method, path) in [
        ("TRACE", CSRS.to_owned()),
        ("OPTIONS", CSRS.to_owned()),
        ("PURGE", CSRS.to_owned()),
        ("PUT", CSRS.to_owned()),
        ("PATCH", CSRS.to_owned()),
        ("PURGE", format!("{CSRS}/csr-of-a")),
        ("POST", format!("{CSRS}/csr-of-a")),
        ("POST", format!("{CSRS}/csr-of-a/approval")),
        ("DELETE", format!("{CSRS}/csr-of-a/approval")),
        ("DELETE", format!("{CSRS}/csr-of-a/status")),
        ("PURGE", LEASES.to_owned()),
        ("DELETE", "/apis/coordination.k8s.io/v1/leases".to_owned()),
        ("POST", "/apis/coordination.k8s.io/v1/leases".to_owned()),
        ("GET", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews".to_owned()),
    ] {
        assert_eq!(answer(method, &path), (405, "MethodNotAllowed".to_owned()), "{method} {path}");
    }
}

#[test]
fn known_methods_and_subresources_are_answered() {
    for path in [CSRS.to_owned(), format!("{CSRS}/csr-of-a"), format!("{CSRS}/csr-of-a/approval")] {
        assert_eq!(answer("GET", &path), (200, String::new()), "{path}");
        assert_eq!(answer("HEAD", &path), (200, String::new()), "{path}");
    }
}
