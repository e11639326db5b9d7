use super::*;
use crate::apiserver::object::Size;
use crate::base::budgets::{REQUESTOR_OBJECTS, requestor_bytes};
use crate::testing::{node_csr, strings};

#[test]
fn reg_002_name_uid_groups_and_extras_are_those_of_the_request_user() {
    let extra = [("scope".to_owned(), strings(&["a", "b"]))].into();
    let user = User {
        name: "jane".to_owned(),
        uid: Some("7".to_owned()),
        groups: strings(&["one", "two"]),
        extra,
        serial: None,
    };
    let spec = node_csr("n", "liar", &["system:masters"]).begin(&user).spec;
    assert_eq!((spec.username.as_deref(), spec.uid.as_deref()), (Some("jane"), Some("7")));
    assert_eq!((spec.groups, spec.extra), (Some(user.groups), Some(user.extra)));
}

#[test]
fn memory_of_many_short_texts_is_counted() {
    let mut csr = node_csr("a", "u", &[]);
    let plain = Size::of(&csr);
    let map = || Some((0..1_000).map(|n| (format!("{n:x}"), String::new())).collect());
    csr.metadata.labels = map();
    csr.metadata.annotations = map();
    let full = Size::of(&csr);
    // Measured with the allocator of glibc: 96 to 128 bytes for an entry.
    assert!(full.memory - plain.memory > 2_000 * 120, "{full:?}");
    assert!(full.json - plain.json < 2_000 * 9, "{full:?}");
}

#[test]
fn approval_and_certificate_take_the_room_that_was_counted_for_them() {
    let mut csr = node_csr("a", "system:node:a", &["system:nodes", "system:authenticated"]);
    let before = Size::of(&csr).memory;
    crate::base::csr::push_condition(
        &mut csr,
        "Approved",
        "AutoApproved",
        "Auto approving kubelet client certificate",
    );
    csr.status.as_mut().unwrap().certificate = Some(k8s_openapi::ByteString(vec![b'a'; 1_100]));
    let after = Size::of(&csr).memory;
    assert!(after <= before, "{after} {before}");
    // A hundred thousand of one requestor have room.
    assert!(before * REQUESTOR_OBJECTS <= requestor_bytes(CSR_BYTES), "{before}");
}
