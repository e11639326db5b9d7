use k8s_openapi::api::coordination::v1::LeaseSpec;

use super::*;

fn lease(name: &str) -> Lease {
    let mut lease = Lease::default();
    lease.metadata.name = Some(name.to_owned());
    lease.metadata.namespace = Some("kube-system".to_owned());
    lease.metadata.resource_version = Some("3".to_owned());
    lease.spec = Some(LeaseSpec { holder_identity: Some("me".to_owned()), ..LeaseSpec::default() });
    lease
}

#[test]
fn every_wrong_field_of_a_lease_is_named() {
    let spec = |duration, transitions| {
        let mut lease = lease("a");
        lease.spec = Some(LeaseSpec {
            lease_duration_seconds: Some(duration),
            lease_transitions: Some(transitions),
            ..LeaseSpec::default()
        });
        lease
    };
    for (lease, field) in [
        (lease(""), "metadata.name"),
        (lease("A"), "metadata.name"),
        (spec(0, 0), "spec.leaseDurationSeconds"),
        (spec(1, -1), "spec.leaseTransitions"),
    ] {
        let fields: Vec<_> = lease.check().into_iter().map(|error| error.field).collect();
        assert_eq!(fields, [field]);
    }
    assert_eq!(spec(15, 0).check(), []);
}

#[test]
fn a_change_is_taken_from_the_newest_version_only() {
    let old = lease("a");
    let mut new = old.clone();
    new.spec.as_mut().unwrap().holder_identity = Some("you".to_owned());
    let now = || crate::base::time::api_time(std::time::UNIX_EPOCH);
    assert_eq!(Lease::change(new.clone(), &old, None, now()).unwrap().spec, new.spec);
    new.metadata.resource_version = Some("2".to_owned());
    let error = Lease::change(new, &old, None, now()).unwrap_err();
    assert_eq!((error.code.as_u16(), error.reason), (409, "Conflict"));
    assert!(
        error.message.starts_with("Operation cannot be fulfilled on leases.coordination.k8s.io \"a\""),
        "{error:?}"
    );
}

#[test]
fn a_row_shows_the_holder() {
    assert_eq!(lease("a").cells(std::time::UNIX_EPOCH), [json!("a"), json!("me"), json!("<unknown>")]);
}

#[test]
fn node_creates_its_own_lease_only() {
    let groups = crate::testing::strings(&["system:nodes"]);
    let node = User { name: "system:node:a".to_owned(), groups, ..User::default() };
    let mut own = lease("a");
    assert!(own.admit(&node).is_err(), "the namespace is another");
    own.metadata.namespace = Some("kube-node-lease".to_owned());
    assert_eq!(own.admit(&node), Ok(()));
    own.metadata.name = Some("b".to_owned());
    assert!(own.admit(&node).unwrap_err().contains("the same name as the requesting node"));
    assert_eq!(own.admit(&User::default()), Ok(()));
}
