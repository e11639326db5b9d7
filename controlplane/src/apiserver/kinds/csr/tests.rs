use super::*;
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
