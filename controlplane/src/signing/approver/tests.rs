use rcgen::SanType;

use super::*;
use crate::base::csr::push_condition;
use crate::signing::criteria::{API_CLIENT, KUBELET_CLIENT, KUBELET_SERVING};
use crate::testing::{node_csr, request, strings};

const AUTO: Orders = Orders { approval: Approval::Auto, paused: false, deny_all: false };
const BOOTSTRAP: &str = "system:bootstrap:abcdef";

/// Decides as the approver does: by the rules for the signer's name, if it is one of ours.
fn decided(csr: &Csr, orders: Orders, waited: Duration) -> Decision {
    Rules::of(&csr.spec.signer_name).map_or(Decision::Leave, |rules| decide(csr, rules, orders, waited))
}

fn by_bootstrapper() -> Csr {
    node_csr("foo", BOOTSTRAP, &["system:bootstrappers"])
}

fn recognizers(csr: &Csr) -> Vec<Recognizer> {
    match decided(csr, AUTO, Duration::ZERO) {
        Decision::Ask(recognized) => recognized.by.to_vec(),
        _ => Vec::new(),
    }
}

/// The recognizer cases: what differs from a node's request for itself, and whether the recognizer takes it.
/// Each holds with and without key encipherment.
#[test]
fn recognizers_take_what_those_of_kubernetes_take() {
    use Recognizer::{NodeClient, SelfNodeClient};
    type Change = fn(&mut Csr);
    let none: Change = |_| {};
    let no_organization: Change = |c| c.spec.request.0 = request("system:node:foo", &[], vec![]);
    let other_organization: Change =
        |c| c.spec.request.0 = request("system:node:foo", &["system:not-nodes"], vec![]);
    let no_prefix: Change = |c| {
        c.spec.request.0 = request("foo", &["system:nodes"], vec![]);
        c.spec.username = Some("foo".to_owned());
    };
    let server_auth: Change = |c| c.spec.usages.as_mut().unwrap().push("server auth".to_owned());
    let other_domain: Change =
        |c| c.spec.signer_name = "example.com/kube-apiserver-client-kubelet".to_owned();
    let serving: Change = |c| c.spec.signer_name = KUBELET_SERVING.to_owned();
    let other_user: Change = |c| c.spec.username = Some("joe".to_owned());
    let other_node: Change = |c| c.spec.request.0 = request("system:node:bar", &["system:nodes"], vec![]);
    let table: [(&str, Recognizer, Change, bool); 13] = [
        ("APR-006", SelfNodeClient, none, true),
        ("APR-008", SelfNodeClient, no_prefix, false),
        ("APR-009", NodeClient, no_organization, false),
        ("APR-010", SelfNodeClient, no_organization, false),
        ("APR-011", NodeClient, other_organization, false),
        ("APR-012", SelfNodeClient, other_organization, false),
        ("APR-013", NodeClient, server_auth, false),
        ("APR-015", NodeClient, other_domain, false),
        ("APR-017", NodeClient, serving, false),
        ("APR-018", SelfNodeClient, serving, false),
        ("APR-019", NodeClient, other_user, true),
        ("APR-020", SelfNodeClient, other_user, false),
        ("APR-021", NodeClient, other_node, true),
    ];
    for (id, recognizer, change, taken) in table {
        for more in [None, Some("key encipherment")] {
            let mut csr = node_csr("foo", "system:node:foo", &["system:nodes"]);
            csr.spec.usages.as_mut().unwrap().extend(more.map(str::to_owned));
            change(&mut csr);
            assert_eq!(recognizers(&csr).contains(&recognizer), taken, "{id} with {more:?}");
        }
    }
}

#[test]
fn a_node_is_asked_about_as_itself_before_it_is_as_a_bootstrapper() {
    let csr = node_csr("foo", "system:node:foo", &["system:nodes"]);
    assert_eq!(recognizers(&csr), [Recognizer::SelfNodeClient, Recognizer::NodeClient]);
    assert!(Recognizer::SelfNodeClient.message().contains("self kubelet client"));
    assert_eq!(Recognizer::SelfNodeClient.subresource(), "selfnodeclient");
    assert_eq!(Recognizer::NodeClient.subresource(), "nodeclient");
}

#[test]
fn requests_that_break_a_criterion_are_not_recognized() {
    let dns = vec![SanType::DnsName("a.example".try_into().unwrap())];
    let ip = vec![SanType::IpAddress("10.0.0.1".parse().unwrap())];
    let requests = [
        request("system:node:foo", &["system:nodes", "more"], vec![]),
        request("system:node:foo", &["system:nodes"], dns),
        request("system:node:foo", &["system:nodes"], ip),
        b"nonsense".to_vec(),
    ];
    for (index, request) in requests.into_iter().enumerate() {
        let mut csr = by_bootstrapper();
        csr.spec.request.0 = request;
        assert_eq!(recognizers(&csr), [], "request {index}");
    }
    let usages: [&[&str]; 3] = [
        &["client auth"],
        &["digital signature", "key encipherment"],
        &["digital signature", "key encipherment", "client auth", "cert sign"],
    ];
    for usages in usages {
        let mut csr = by_bootstrapper();
        csr.spec.usages = Some(strings(usages));
        assert_eq!(recognizers(&csr), [], "{usages:?}");
    }
}

#[test]
fn other_rules_are_never_approved_by() {
    for rules in [Rules::KubeletServing, Rules::ApiClient, Rules::Any] {
        assert_eq!(decide(&by_bootstrapper(), rules, AUTO, Duration::ZERO), Decision::Leave, "{rules:?}");
    }
    let mut csr = by_bootstrapper();
    csr.spec.signer_name = API_CLIENT.to_owned();
    assert_eq!(recognizers(&csr), []);
    assert_eq!(Rules::of(KUBELET_CLIENT), Some(Rules::KubeletClient));
}

#[test]
fn an_empty_node_name_passes_as_in_kubernetes() {
    assert_ne!(recognizers(&node_csr("", BOOTSTRAP, &["system:bootstrappers"])), []);
}

#[test]
fn what_is_decided_or_issued_is_left_alone() {
    for kind in ["Approved", "Denied"] {
        let mut csr = by_bootstrapper();
        push_condition(&mut csr, kind, "", "");
        assert_eq!(recognizers(&csr), [], "{kind}");
    }
    let mut csr = by_bootstrapper();
    push_condition(&mut csr, "Failed", "", "");
    assert_ne!(recognizers(&csr), [], "Failed is not looked at");
}

#[test]
fn orders_delay_pause_or_turn_the_decision() {
    let csr = by_bootstrapper();
    let (two, five) = (Duration::from_secs(2), Duration::from_secs(5));
    let after = Orders { approval: Approval::After(five), ..AUTO };
    assert_eq!(decided(&csr, after, two), Decision::Wait(five - two));
    assert!(matches!(decided(&csr, after, five), Decision::Ask(_)));
    assert_eq!(decided(&csr, Orders { approval: Approval::Manual, ..AUTO }, five), Decision::Leave);
    assert_eq!(decided(&csr, Orders { paused: true, ..AUTO }, five), Decision::Leave);
    let deny = Orders { approval: Approval::Manual, deny_all: true, paused: false };
    assert_eq!(decided(&csr, deny, five), Decision::Deny);
}

#[test]
fn w43_a_held_name_is_refused_to_bootstrappers_only_and_only_to_its_end() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
    let (before, after) = (now - Duration::from_secs(1), now + Duration::from_secs(1));
    assert!(name_is_taken(Recognizer::NodeClient, Some(after), now));
    assert!(!name_is_taken(Recognizer::NodeClient, Some(now), now));
    assert!(!name_is_taken(Recognizer::NodeClient, Some(before), now));
    assert!(!name_is_taken(Recognizer::NodeClient, None, now));
    assert!(!name_is_taken(Recognizer::SelfNodeClient, Some(after), now));
}

#[test]
fn approval_is_read_from_the_command_line_form() {
    assert_eq!("auto".parse::<Approval>().unwrap(), Approval::Auto);
    assert_eq!("manual".parse::<Approval>().unwrap(), Approval::Manual);
    let after = Approval::After(Duration::from_secs(3));
    assert_eq!("after=3s".parse::<Approval>().unwrap(), after);
    assert!("later".parse::<Approval>().is_err());
    assert!("after=".parse::<Approval>().is_err());
}
