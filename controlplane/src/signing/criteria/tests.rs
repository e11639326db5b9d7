use rcgen::SanType;

use super::*;
use crate::signing::pki::pkcs10;
use crate::testing::{request, strings};

const NODE: &str = "system:node:foo";
const NODES: &[&str] = &["system:nodes"];

#[derive(Clone, Copy)]
enum San {
    Dns,
    Ip,
    Email,
    Uri,
}

fn names(kinds: &[San]) -> Vec<SanType> {
    kinds
        .iter()
        .map(|kind| match kind {
            San::Dns => SanType::DnsName("example.org".try_into().unwrap()),
            San::Ip => SanType::IpAddress("192.0.2.1".parse().unwrap()),
            San::Email => SanType::Rfc822Name("me@example.org".try_into().unwrap()),
            San::Uri => SanType::URI("https://example.org".try_into().unwrap()),
        })
        .collect()
}

/// Id, common name, organisations, names, usages, whether it matches.
type Case<'a> = (&'a str, &'a str, &'a [&'a str], &'a [San], &'a [&'a str], bool);

fn all_hold(rules: Rules, signer: &str, table: &[Case<'_>]) {
    for (id, common_name, organizations, sans, usages, matches) in table {
        let request = pkcs10::read(&request(common_name, organizations, names(sans))).unwrap();
        let judged = rules.check(signer, &request, &strings(usages));
        assert_eq!(judged.is_ok(), *matches, "{id}: {judged:?}");
    }
}

#[test]
fn kubelet_serving_criteria_are_those_of_kubernetes() {
    use San::{Dns, Email, Ip, Uri};
    let two: &[&str] = &["digital signature", "server auth"];
    let three: &[&str] = &["digital signature", "key encipherment", "server auth"];
    all_hold(
        Rules::KubeletServing,
        KUBELET_SERVING,
        &[
            ("three usages", NODE, NODES, &[Dns, Ip], three, true),
            ("VAL-086", NODE, NODES, &[Dns, Ip], two, true),
            ("an address alone", NODE, NODES, &[Ip], two, true),
            ("another organisation", NODE, &["system:not-nodes"], &[Dns], three, false),
            ("VAL-088", "foo", NODES, &[Dns, Ip], three, false),
            ("client auth beside", NODE, NODES, &[Dns], &[three, &["client auth"]].concat(), false),
            ("VAL-090", NODE, NODES, &[Dns, Ip], &["key encipherment", "server auth"], false),
            ("VAL-091", NODE, NODES, &[], &["key encipherment", "server auth"], false),
            ("no name though all usages", NODE, NODES, &[], three, false),
            ("VAL-092", NODE, NODES, &[Dns, Ip, Uri], three, false),
            ("VAL-093", NODE, NODES, &[Dns, Ip, Email], three, false),
        ],
    );
}

#[test]
fn kubelet_client_criteria_are_those_of_kubernetes() {
    use San::{Dns, Email, Ip, Uri};
    let two: &[&str] = &["digital signature", "client auth"];
    let three: &[&str] = &["digital signature", "key encipherment", "client auth"];
    all_hold(
        Rules::KubeletClient,
        KUBELET_CLIENT,
        &[
            ("VAL-094", NODE, NODES, &[], three, true),
            ("two usages", NODE, NODES, &[], two, true),
            ("VAL-095", NODE, &["system:not-nodes"], &[], three, false),
            ("VAL-096", NODE, NODES, &[Dns], three, false),
            ("an e-mail address", NODE, NODES, &[Email], three, false),
            ("VAL-098", NODE, NODES, &[Uri], three, false),
            ("an address", NODE, NODES, &[Ip], three, false),
            ("VAL-100", "foo", NODES, &[], three, false),
            ("VAL-101", NODE, NODES, &[], &[three, &["server auth"]].concat(), false),
            ("no digital signature", NODE, NODES, &[], &["key encipherment", "client auth"], false),
            ("VAL-103", NODE, NODES, &[], &["client auth"], false),
        ],
    );
}

#[test]
fn sig_011_sig_014_a_name_under_kubernetes_io_is_one_that_kubernetes_has() {
    for name in ["kubernetes.io/unknown", "kubernetes.io/made-up"] {
        assert_eq!(Rules::of(name), None);
        let refused = Rules::Any.fit(name).unwrap_err();
        assert!(refused.contains("choose a domain of your own"), "{refused}");
    }
    assert_eq!(Rules::KubeletClient.fit("example.com/mine"), Ok(()));
    assert_eq!(Rules::KubeletServing.fit(KUBELET_SERVING), Ok(()));
    assert!(Rules::Any.fit(KUBELET_SERVING).is_err());
}
