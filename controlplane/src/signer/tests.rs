use std::time::UNIX_EPOCH;

use super::*;
use crate::api::push_condition;
use crate::testing::{node_csr, request, strings};

const MINUTE: u64 = 60;
const HOUR: u64 = 3600;
const POLICY: Policy =
    Policy { longest: Duration::from_secs(HOUR), backdate: Duration::from_secs(5 * MINUTE) };
const FAR: i64 = 4_000_000_000;

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn approved() -> Csr {
    let mut csr = node_csr("foo", "system:node:foo", &["system:nodes"]);
    push_condition(&mut csr, "Approved", "", "");
    csr
}

#[test]
fn sig_015_to_021_the_duration_granted() {
    let table: [(u64, Option<i32>, u64); 9] = [
        (HOUR, Some(30 * 60), 30 * MINUTE),
        (HOUR, Some(3 * 3600), HOUR),
        (HOUR, Some(599), 10 * MINUTE),
        (HOUR, Some(600), 10 * MINUTE),
        (HOUR, Some(3600), HOUR),
        (HOUR, None, HOUR),
        (HOUR, Some(-5), 10 * MINUTE),
        (10, None, 10),
        (10, Some(600), 10),
    ];
    for (longest, requested, granted) in table {
        assert_eq!(duration(seconds(longest), requested), seconds(granted), "{longest} {requested:?}");
    }
}

#[test]
fn sig_026_to_032_the_whole_lifetime_of_a_24_hour_signer() {
    let (now, backdate) = (UNIX_EPOCH + seconds(1_000_000), seconds(5 * MINUTE));
    let table = [
        (None, 24 * HOUR),
        (Some(24 * 3600), 24 * HOUR),
        (Some(48 * 3600), 24 * HOUR),
        (Some(20 * 3600), 20 * HOUR),
        (Some(10 * 3600), 10 * HOUR),
        (Some(2 * 3600), 2 * HOUR + 5 * MINUTE),
        (Some(30 * 60), 35 * MINUTE),
    ];
    for (requested, lifetime) in table {
        let granted = duration(seconds(24 * HOUR), requested);
        let (start, end) = validity(now, granted, backdate, FAR).unwrap();
        assert_eq!(start, 1_000_000 - 300);
        assert_eq!(end - start, lifetime as i64, "{requested:?}");
    }
}

#[test]
fn fractions_never_shorten_a_lifetime() {
    let now = UNIX_EPOCH + Duration::from_millis(1_000_700);
    assert_eq!(validity(now, seconds(10), Duration::ZERO, FAR), Ok((1000, 1011)));
    assert_eq!(validity(now, Duration::from_millis(1500), seconds(1), FAR), Ok((999, 1003)));
}

#[test]
fn ca_011_ca_012_a_leaf_is_cut_to_the_authoritys_end_and_refused_after_it() {
    let now = UNIX_EPOCH + seconds(10_000);
    assert_eq!(validity(now, seconds(HOUR), seconds(300), 10_100), Ok((9700, 10_100)));
    assert!(validity(now, seconds(HOUR), Duration::ZERO, 10_000).unwrap_err().contains("expired"));
    assert!(validity(now, seconds(HOUR), seconds(300), 10_000).unwrap_err().contains("expired"));
    assert!(validity(now, seconds(HOUR), seconds(300), 9_000).unwrap_err().contains("expired"));
}

#[test]
fn sig_005_sig_006_an_approved_kubelet_request_is_signed() {
    let mut csr = approved();
    assert!(matches!(decide(&csr, POLICY), Decision::Sign(_, granted) if granted == seconds(HOUR)));
    csr.spec.usages.as_mut().unwrap().push("key encipherment".to_owned());
    assert!(matches!(decide(&csr, POLICY), Decision::Sign(..)));
}

#[test]
fn sig_010_sig_012_only_approved_requests_are_looked_at() {
    assert_eq!(decide(&node_csr("foo", "", &[]), POLICY), Decision::Leave);
    for kind in ["Denied", "Failed"] {
        let mut csr = approved();
        push_condition(&mut csr, kind, "", "");
        assert_eq!(decide(&csr, POLICY), Decision::Leave, "{kind}");
    }
    let mut other = approved();
    other.spec.signer_name = "example.com/x".to_owned();
    assert_eq!(decide(&other, POLICY), Decision::Leave);
}

#[test]
fn a_kubelet_request_that_breaks_a_rule_fails_with_the_rule() {
    let mut csr = approved();
    csr.spec.request.0 = request("system:node:foo", &["system:masters"], vec![]);
    assert_eq!(decide(&csr, POLICY), Decision::Fail("subject organization is not system:nodes".to_owned()));
    let mut csr = approved();
    csr.spec.usages = Some(strings(&["digital signature", "server auth"]));
    assert!(matches!(decide(&csr, POLICY), Decision::Fail(why) if why.contains("usages did not match")));
}

#[test]
fn sig_002_sig_004_an_api_client_has_client_auth_and_no_server_auth() {
    let mut csr = approved();
    csr.spec.signer_name = API_CLIENT.to_owned();
    csr.spec.request.0 = request("jane", &["team", "other team"], vec![]);
    assert!(matches!(decide(&csr, POLICY), Decision::Sign(..)));
    csr.spec.usages.as_mut().unwrap().push("server auth".to_owned());
    assert!(matches!(decide(&csr, POLICY), Decision::Fail(why) if why.contains("server auth")));
    csr.spec.usages = Some(strings(&["digital signature"]));
    assert!(matches!(decide(&csr, POLICY), Decision::Fail(why) if why.contains("client auth")));
}

#[test]
fn a_request_that_does_not_parse_is_retried_not_failed() {
    let mut csr = approved();
    csr.spec.request.0 = b"nonsense".to_vec();
    assert!(matches!(decide(&csr, POLICY), Decision::Retry(_)));
}
