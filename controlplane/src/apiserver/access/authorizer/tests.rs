use super::*;
use crate::apiserver::user::{BOOTSTRAPPERS, MASTERS, NODES};

fn user(group: &str) -> User {
    User { name: "someone".to_owned(), groups: vec![group.to_owned()], ..User::default() }
}

fn on_csrs<'a>(verb: &'a str, subresource: &'a str) -> Attributes<'a> {
    Attributes {
        verb,
        group: "certificates.k8s.io",
        resource: "certificatesigningrequests",
        subresource,
        ..Attributes::default()
    }
}

#[test]
fn bootstrappers_and_nodes_may_only_request_and_look() {
    for group in [BOOTSTRAPPERS, NODES] {
        for verb in ["create", "get", "list", "watch"] {
            assert!(allowed(&user(group), &on_csrs(verb, "")), "{group} {verb}");
        }
        for verb in ["update", "patch", "delete", "deletecollection"] {
            assert!(!allowed(&user(group), &on_csrs(verb, "")), "{group} {verb}");
        }
        for subresource in ["approval", "status"] {
            assert!(!allowed(&user(group), &on_csrs("get", subresource)), "{group} {subresource}");
        }
    }
}

#[test]
fn masters_may_do_everything_and_others_nothing() {
    assert!(allowed(&user(MASTERS), &on_csrs("update", "approval")));
    assert!(allowed(
        &user(MASTERS),
        &Attributes { verb: "delete", path: "/certrotate", ..Attributes::default() }
    ));
    assert!(!allowed(&user("system:authenticated"), &on_csrs("get", "")));
}

#[test]
fn everybody_with_credentials_may_ask_who_it_is_and_look_around() {
    let (someone, get) = (user("system:authenticated"), "get");
    let review = Attributes {
        verb: "create",
        group: "authentication.k8s.io",
        resource: "selfsubjectreviews",
        ..Attributes::default()
    };
    assert!(allowed(&someone, &review));
    for (path, may) in
        [("/apis/x/v1", true), ("/openapi/v3", true), ("/version", true), ("/certrotate", false)]
    {
        assert_eq!(
            allowed(&someone, &Attributes { verb: get, path, ..Attributes::default() }),
            may,
            "{path}"
        );
    }
}

#[test]
fn the_node_client_permissions_are_bound_as_kubeadm_binds_them() {
    let groups = |name: &str| vec![name.to_owned()];
    assert!(may_create_subresource(&groups(BOOTSTRAPPERS), "nodeclient"));
    assert!(!may_create_subresource(&groups(BOOTSTRAPPERS), "selfnodeclient"));
    assert!(may_create_subresource(&groups(NODES), "selfnodeclient"));
    assert!(!may_create_subresource(&groups(NODES), "nodeclient"));
    assert!(may_create_subresource(&groups(MASTERS), "nodeclient"));
}

#[test]
fn signers_are_allowed_by_name_and_domains_as_a_name_of_their_own() {
    let kubelet = "kubernetes.io/kube-apiserver-client-kubelet";
    let controller = User { name: "system:kube-controller-manager".to_owned(), ..User::default() };
    for (user, verb, signer, may) in [
        (&user("certrotate:approvers"), "approve", "kubernetes.io/*", true),
        (&user("certrotate:approvers"), "approve", "example.com/own", false),
        (&user("certrotate:approvers"), "approve", "example.com/*", false),
        (&user("certrotate:approvers"), "sign", kubelet, false),
        (&user("certrotate:signers"), "sign", "example.com/own", true),
        (&controller, "approve", kubelet, true),
        (&controller, "approve", "kubernetes.io/kube-apiserver-client", false),
        (&controller, "sign", "kubernetes.io/kubelet-serving", true),
        (&user(NODES), "sign", kubelet, false),
    ] {
        assert_eq!(may_for_signer(user, verb, signer), may, "{user:?} {verb} {signer}");
    }
}

#[test]
fn node_may_access_its_own_lease_only() {
    let node = User { name: "system:node:node-1".to_owned(), ..user(NODES) };
    let lease = |verb, namespace, name| Attributes {
        verb,
        group: "coordination.k8s.io",
        resource: "leases",
        namespace,
        name,
        ..Attributes::default()
    };
    for verb in ["get", "update", "patch", "delete"] {
        assert!(allowed(&node, &lease(verb, "kube-node-lease", "node-1")), "{verb}");
        assert!(!allowed(&node, &lease(verb, "kube-node-lease", "node-2")), "{verb}");
        assert!(!allowed(&node, &lease(verb, "kube-system", "node-1")), "{verb}");
        assert!(!allowed(&node, &lease(verb, "", "node-1")), "{verb}");
        assert!(!allowed(&user(NODES), &lease(verb, "kube-node-lease", "someone")), "{verb}: no node");
    }
    assert!(allowed(&node, &lease("create", "kube-node-lease", "")));
    assert!(!allowed(&node, &lease("list", "kube-node-lease", "")));
}

#[test]
fn an_answer_says_by_which_role() {
    let why = reason("someone", &user(NODES).groups, &on_csrs("create", "")).unwrap();
    assert_eq!(why, "allowed by role \"system:node\", bound to group \"system:nodes\"");
}
