use super::*;
use crate::apiserver::resource::Subresource;
use crate::apiserver::user::NODES;
use crate::base::csr::push_condition;
use crate::testing::{node_csr, request};

const APPROVAL: Option<Subresource> = Some(Subresource::Approval);
const STATUS: Option<Subresource> = Some(Subresource::Status);

fn user(name: &str, group: &str) -> User {
    User { name: name.to_owned(), groups: vec![group.to_owned()], ..User::default() }
}

#[test]
fn adm_022_adm_023_adm_024_node_requests_only_its_own_certificate() {
    let node = user("system:node:a", NODES);
    for (signer, own, other) in
        [(KUBELET_CLIENT, true, false), (KUBELET_SERVING, true, false), ("example.com/x", true, true)]
    {
        let with = |node: &str| {
            let mut csr = node_csr(node, "", &[]);
            csr.spec.signer_name = signer.to_owned();
            csr
        };
        assert_eq!(create(&node, &with("a")).is_ok(), own, "{signer}");
        assert_eq!(create(&node, &with("b")).is_ok(), other, "{signer}");
    }
}

#[test]
fn adm_027_a_nodes_broken_request_is_refused() {
    let mut csr = node_csr("a", "", &[]);
    csr.spec.request.0 = b"broken".to_vec();
    assert!(create(&user("system:node:a", NODES), &csr).unwrap_err().contains("unable to parse"));
}

#[test]
fn a_bootstrapper_may_ask_for_any_node() {
    assert_eq!(create(&user("system:bootstrap:x", "system:bootstrappers"), &node_csr("a", "", &[])), Ok(()));
}

#[test]
fn adm_018_adm_034_adm_035_system_masters_is_refused_to_api_clients() {
    let admin = user("admin", MASTERS);
    for (signer, group, allowed) in
        [(API_CLIENT, MASTERS, false), (API_CLIENT, "others", true), (KUBELET_CLIENT, MASTERS, true)]
    {
        let mut csr = node_csr("a", "", &[]);
        csr.spec.signer_name = signer.to_owned();
        csr.spec.request.0 = request("someone", &["first", group], vec![]);
        assert_eq!(create(&admin, &csr).is_ok(), allowed, "{signer} {group}");
    }
}

fn create(user: &User, csr: &Csr) -> Result<(), String> {
    node_restriction(user, csr)?;
    subject_restriction(csr)
}

/// An approved request and a forged update of it.
fn pair() -> (Csr, Csr) {
    let mut old = node_csr("a", "", &[]);
    old.spec.signer_name = "abc.com/xyz".to_owned();
    push_condition(&mut old, "Approved", "", "");
    let mut new = old.clone();
    push_condition(&mut new, "Failed", "", "");
    (old, new)
}

#[test]
fn adm_002_a_status_update_that_changes_nothing_is_not_asked_about() {
    let (old, _) = pair();
    assert_eq!(change(&old, &old, STATUS, |_, _| panic!("asked")), Ok(()));
    assert_eq!(change(&old, &old, None, |_, _| panic!("asked")), Ok(()));
}

#[test]
fn whoever_approves_or_signs_is_allowed_to_for_the_stored_signer() {
    // Id, endpoint, the one name that is allowed, the signer that the update claims.
    let table = [
        ("ADM-004", STATUS, "", "abc.com/xyz", false),
        ("ADM-005", STATUS, "abc.com/xyz", "abc.com/xyz", true),
        ("ADM-006", STATUS, "abc.com/*", "abc.com/xyz", true),
        ("ADM-008", STATUS, "def.com/xyz", "def.com/xyz", false),
        ("ADM-011", APPROVAL, "abc.com/xyz", "abc.com/xyz", true),
        ("ADM-012", APPROVAL, "abc.com/*", "abc.com/xyz", true),
        ("ADM-014", APPROVAL, "def.com/xyz", "def.com/xyz", false),
    ];
    for (id, endpoint, name, claimed, allowed) in table {
        let (old, mut new) = pair();
        new.spec.signer_name = claimed.to_owned();
        let verb = if endpoint == STATUS { "sign" } else { "approve" };
        let judged = change(&new, &old, endpoint, |asked, signer| (asked, signer) == (verb, name));
        assert_eq!(judged.is_ok(), allowed, "{id}: {judged:?}");
    }
}
