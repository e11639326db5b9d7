use super::*;

fn user(group: &str) -> User {
    User { name: "someone".to_owned(), groups: vec![group.to_owned()], serial: None }
}

#[test]
fn bootstrappers_and_nodes_may_only_request_and_look() {
    for group in [BOOTSTRAPPERS, NODES] {
        for verb in ["create", "get", "list", "watch"] {
            assert!(allowed(&user(group), Attributes { verb, subresource: "" }), "{group} {verb}");
        }
        for verb in ["update", "patch", "delete", "deletecollection"] {
            assert!(!allowed(&user(group), Attributes { verb, subresource: "" }), "{group} {verb}");
        }
        for subresource in ["approval", "status"] {
            assert!(!allowed(&user(group), Attributes { verb: "get", subresource }), "{group} {subresource}");
        }
    }
}

#[test]
fn masters_may_do_everything_and_others_nothing() {
    let approve = Attributes { verb: "update", subresource: "approval" };
    assert!(allowed(&user(MASTERS), approve));
    assert!(!allowed(&user("system:authenticated"), Attributes { verb: "get", subresource: "" }));
}
