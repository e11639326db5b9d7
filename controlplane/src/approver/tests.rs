use rcgen::SanType;

use super::*;
use crate::api::push_condition;
use crate::testing::{node_csr, request, strings};

const AUTO: Orders = Orders { approval: Approval::Auto, paused: false, deny_all: false };
const BOOTSTRAP: &str = "system:bootstrap:abcdef";

fn auto(csr: &Csr) -> Decision {
    decide(csr, AUTO, Duration::ZERO)
}

fn by_bootstrapper() -> Csr {
    node_csr("foo", BOOTSTRAP, &["system:bootstrappers"])
}

fn by_itself() -> Csr {
    node_csr("foo", "system:node:foo", &["system:nodes"])
}

fn approved(csr: &Csr) -> Option<&'static str> {
    match auto(csr) {
        Decision::Approve(message) => Some(message),
        _ => None,
    }
}

#[test]
fn apr_006_a_node_gets_its_own_client_certificate_with_and_without_key_encipherment() {
    let mut csr = by_itself();
    assert!(approved(&csr).unwrap().contains("self kubelet client"));
    csr.spec.usages = Some(strings(&["key encipherment", "client auth", "digital signature"]));
    assert!(approved(&csr).unwrap().contains("self kubelet client"));
}

#[test]
fn apr_019_a_bootstrapper_gets_any_node_name() {
    assert!(approved(&by_bootstrapper()).unwrap().contains("Auto approving kubelet client"));
}

#[test]
fn apr_020_a_node_does_not_get_another_nodes_name() {
    assert_eq!(auto(&node_csr("foo", "system:node:bar", &["system:nodes"])), Decision::Leave);
}

#[test]
fn a_requestor_without_the_permission_gets_nothing() {
    assert_eq!(auto(&node_csr("foo", "system:node:foo", &["system:authenticated"])), Decision::Leave);
    assert_eq!(auto(&node_csr("foo", BOOTSTRAP, &["system:nodes"])), Decision::Leave);
}

#[test]
fn requests_that_break_a_criterion_are_not_recognised() {
    let dns = vec![SanType::DnsName("a.example".try_into().unwrap())];
    let ip = vec![SanType::IpAddress("10.0.0.1".parse().unwrap())];
    let requests = [
        request("foo", &["system:nodes"], vec![]),
        request("system:node:foo", &[], vec![]),
        request("system:node:foo", &["system:masters"], vec![]),
        request("system:node:foo", &["system:nodes", "more"], vec![]),
        request("system:node:foo", &["system:nodes"], dns),
        request("system:node:foo", &["system:nodes"], ip),
        b"nonsense".to_vec(),
    ];
    for (index, request) in requests.into_iter().enumerate() {
        let mut csr = by_bootstrapper();
        csr.spec.request.0 = request;
        assert_eq!(auto(&csr), Decision::Leave, "request {index}");
    }
    let usages: [&[&str]; 4] = [
        &["client auth"],
        &["digital signature", "key encipherment"],
        &["digital signature", "client auth", "server auth"],
        &["digital signature", "key encipherment", "client auth", "cert sign"],
    ];
    for usages in usages {
        let mut csr = by_bootstrapper();
        csr.spec.usages = Some(strings(usages));
        assert_eq!(auto(&csr), Decision::Leave, "{usages:?}");
    }
}

#[test]
fn apr_015_apr_017_apr_026_other_signers_are_left_alone() {
    for signer in ["example.com/x", KUBELET_SERVING, API_CLIENT] {
        let mut csr = by_bootstrapper();
        csr.spec.signer_name = signer.to_owned();
        assert_eq!(auto(&csr), Decision::Leave, "{signer}");
    }
}

#[test]
fn an_empty_node_name_passes_as_in_kubernetes() {
    assert!(approved(&node_csr("", BOOTSTRAP, &["system:bootstrappers"])).is_some());
}

#[test]
fn what_is_decided_or_issued_is_left_alone() {
    for kind in ["Approved", "Denied"] {
        let mut csr = by_bootstrapper();
        push_condition(&mut csr, kind, "", "");
        assert_eq!(auto(&csr), Decision::Leave, "{kind}");
    }
    let mut csr = by_bootstrapper();
    push_condition(&mut csr, "Failed", "", "");
    assert!(approved(&csr).is_some(), "Failed is not looked at");
}

#[test]
fn orders_delay_pause_or_turn_the_decision() {
    let csr = by_bootstrapper();
    let (two, five) = (Duration::from_secs(2), Duration::from_secs(5));
    let after = Orders { approval: Approval::After(five), ..AUTO };
    assert_eq!(decide(&csr, after, two), Decision::Wait(five - two));
    assert!(matches!(decide(&csr, after, five), Decision::Approve(_)));
    assert_eq!(decide(&csr, Orders { approval: Approval::Manual, ..AUTO }, five), Decision::Leave);
    assert_eq!(decide(&csr, Orders { paused: true, ..AUTO }, five), Decision::Leave);
    let deny = Orders { approval: Approval::Manual, deny_all: true, paused: false };
    assert_eq!(decide(&csr, deny, five), Decision::Deny);
}
