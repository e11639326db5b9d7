use std::time::UNIX_EPOCH;

use super::*;
use crate::base::csr::push_condition;
use crate::signing::criteria::{API_CLIENT, KUBELET_CLIENT, KUBELET_SERVING};
use crate::testing::{node_csr, request, strings};

const MINUTE: u64 = 60;
const HOUR: u64 = 3600;
const POLICY: Policy = Policy { longest: seconds(HOUR), backdate: seconds(5 * MINUTE), long: LONG };
const ALWAYS: (i64, i64) = (0, 4_000_000_000);

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn approved() -> Csr {
    let mut csr = node_csr("foo", "system:node:foo", &["system:nodes"]);
    push_condition(&mut csr, "Approved", "", "");
    csr
}

fn decided(csr: &Csr) -> Decision {
    decide(csr, Rules::of(&csr.spec.signer_name).unwrap(), POLICY)
}

fn why(csr: &Csr) -> String {
    match decided(csr) {
        Decision::Fail(why) => why,
        other => panic!("not failed: {other:?}"),
    }
}

#[test]
fn the_duration_granted_is_that_of_kubernetes() {
    let table: [(&str, u64, Option<i32>, u64); 9] = [
        ("SIG-015", HOUR, Some(30 * 60), 30 * MINUTE),
        ("SIG-016", HOUR, Some(3 * 3600), HOUR),
        ("SIG-018", HOUR, Some(599), 10 * MINUTE),
        ("SIG-020", HOUR, Some(3600), HOUR),
        ("SIG-021", HOUR, None, HOUR),
        ("the minimum itself", HOUR, Some(600), 10 * MINUTE),
        ("negative", HOUR, Some(-5), 10 * MINUTE),
        ("a maximum below the minimum", 10, None, 10),
        ("which wins", 10, Some(600), 10),
    ];
    for (id, longest, requested, granted) in table {
        assert_eq!(duration(seconds(longest), requested), seconds(granted), "{id}");
    }
}

#[test]
fn the_whole_lifetime_of_a_24_hour_signer() {
    let now = UNIX_EPOCH + seconds(1_000_000);
    let table = [
        ("SIG-026", None, 24 * HOUR),
        ("SIG-027", Some(24 * 3600), 24 * HOUR),
        ("SIG-028", Some(48 * 3600), 24 * HOUR),
        ("SIG-029", Some(20 * 3600), 20 * HOUR),
        ("SIG-030", Some(10 * 3600), 10 * HOUR),
        ("SIG-031", Some(2 * 3600), 2 * HOUR + 5 * MINUTE),
        ("SIG-032", Some(30 * 60), 35 * MINUTE),
    ];
    for (id, requested, lifetime) in table {
        let granted = duration(seconds(24 * HOUR), requested);
        let (start, end) = validity(now, granted, POLICY, ALWAYS).unwrap();
        assert_eq!(start, 1_000_000 - 300);
        assert_eq!(end - start, lifetime as i64, "{id}");
    }
}

#[test]
fn start_and_end_by_backdate_and_by_what_counts_as_short() {
    let now = UNIX_EPOCH + seconds(1_000_000);
    let (none, five) = (0, 5 * MINUTE);
    // Lifetime, backdate, threshold of a long lifetime; notBefore and notAfter relative to now.
    let table: [(&str, u64, u64, u64, i64, i64); 5] = [
        ("CA-001", HOUR, none, 0, 0, 3600),
        ("CA-004", HOUR, five, 0, -300, 55 * 60),
        ("CA-005", MINUTE, five, 0, -300, -240),
        ("CA-006", HOUR, five, 8 * HOUR, -300, 3600),
        ("CA-007", MINUTE, five, 8 * HOUR, -300, 60),
    ];
    for (id, life, backdate, long, start, end) in table {
        let policy = Policy { longest: seconds(life), backdate: seconds(backdate), long: seconds(long) };
        let valid = validity(now, seconds(life), policy, ALWAYS).unwrap();
        assert_eq!(valid, (1_000_000 + start, 1_000_000 + end), "{id}");
    }
}

#[test]
fn fraction_of_the_clock_changes_no_lifetime() {
    for fraction in [0, 1, 499_999_999, 700_000_000, 999_999_999] {
        let now = UNIX_EPOCH + Duration::new(1_000_000, fraction);
        for (life, start, end) in [(600, 999_700, 1_000_600), (24 * HOUR, 999_700, 999_700 + 24 * 3_600)] {
            let valid = validity(now, seconds(life), POLICY, ALWAYS);
            assert_eq!(valid, Ok((start, end)), "{life} s at .{fraction}");
        }
    }
    let now = UNIX_EPOCH + Duration::from_millis(1_000_700);
    let policy = Policy { backdate: Duration::ZERO, ..POLICY };
    assert_eq!(validity(now, Duration::from_millis(1500), policy, ALWAYS), Ok((1000, 1002)));
}

#[test]
fn ca_011_ca_012_a_leaf_is_cut_to_the_authoritys_end_and_refused_after_it() {
    let now = UNIX_EPOCH + seconds(10_000);
    let with = |backdate: u64, ca_end| {
        validity(now, seconds(HOUR), Policy { backdate: seconds(backdate), ..POLICY }, (0, ca_end))
    };
    assert_eq!(with(300, 10_100), Ok((9700, 10_100)));
    for (backdate, ca_end) in [(0, 10_000), (300, 10_000), (300, 9_700), (300, 9_000)] {
        assert_eq!(with(backdate, ca_end), Err(Unable::Ended { ca_end }), "{backdate} {ca_end}");
    }
}

#[test]
fn w49_an_authority_that_starts_later_signs_nothing_yet() {
    let now = UNIX_EPOCH + seconds(10_000);
    let valid = validity(now, seconds(HOUR), POLICY, (10_001, 20_000));
    assert_eq!(valid, Err(Unable::NotYet { ca_start: 10_001 }));
    assert!(validity(now, seconds(HOUR), POLICY, (10_000, 20_000)).is_ok());
}

#[test]
fn w44_why_it_cannot_sign_names_the_remedy() {
    let ended = Unable::Ended { ca_end: 0 };
    assert_eq!(ended.to_string(), "the signer's CA certificate expires at 1970-01-01T00:00:00Z: replace it");
    assert_eq!(ended.reason(), "SignerExpired");
    assert!(Unable::NotYet { ca_start: 0 }.to_string().ends_with("check its clock"));
}

#[test]
fn requests_that_meet_the_rules_of_their_signer_are_signed() {
    let dns = || vec![rcgen::SanType::DnsName("foo.example".try_into().unwrap())];
    let node = || request("system:node:foo", &["system:nodes"], vec![]);
    let three = ["digital signature", "key encipherment", "client auth"];
    let table: [(&str, &str, Vec<u8>, &[&str]); 4] = [
        ("SIG-002", API_CLIENT, request("jane", &["team", "other team"], vec![]), &three),
        ("SIG-005", KUBELET_CLIENT, node(), &three),
        ("SIG-006", KUBELET_CLIENT, node(), &["digital signature", "client auth"]),
        (
            "SIG-009",
            KUBELET_SERVING,
            request("system:node:foo", &["system:nodes"], dns()),
            &["digital signature", "server auth"],
        ),
    ];
    for (id, signer, request, usages) in table {
        let mut csr = approved();
        csr.spec.signer_name = signer.to_owned();
        csr.spec.request.0 = request;
        csr.spec.usages = Some(strings(usages));
        match decided(&csr) {
            Decision::Sign(order) => assert_eq!(order.granted, seconds(HOUR), "{id}"),
            other => panic!("{id}: {other:?}"),
        }
    }
}

#[test]
fn sig_012_sig_022_sig_024_only_approved_requests_are_looked_at() {
    let pending = node_csr("foo", "", &[]);
    assert!(!is_approved(&pending) && is_approved(&approved()));
    assert_eq!(decided(&pending), Decision::Leave);
    let mut denied = approved();
    push_condition(&mut denied, "Denied", "", "");
    assert!(!is_approved(&denied), "Denied wins, whichever came first");
    assert_eq!(decided(&denied), Decision::Leave);
}

#[test]
fn sig_010_what_has_failed_stays_failed() {
    let mut csr = approved();
    push_condition(&mut csr, "Failed", "", "");
    assert_eq!(decided(&csr), Decision::Leave);
    csr.status.as_mut().unwrap().conditions.as_mut().unwrap()[1].status.clear();
    assert_eq!(decided(&csr), Decision::Leave, "no status is taken for True");
    csr.status.as_mut().unwrap().conditions.as_mut().unwrap()[1].status = "False".to_owned();
    assert!(matches!(decided(&csr), Decision::Sign(_)));
}

#[test]
fn sig_004_a_request_that_breaks_a_rule_fails_with_the_rule() {
    let mut csr = approved();
    csr.spec.request.0 = request("system:node:foo", &["system:masters"], vec![]);
    assert_eq!(why(&csr), "subject organization is not system:nodes");
    let mut csr = approved();
    csr.spec.usages = Some(strings(&["digital signature", "server auth"]));
    assert!(why(&csr).contains("usages did not match"));
    csr.spec.signer_name = KUBELET_SERVING.to_owned();
    assert_eq!(why(&csr), "DNS or IP subjectAltName is required");
    let mut csr = approved();
    csr.spec.signer_name = API_CLIENT.to_owned();
    csr.spec.usages.as_mut().unwrap().push("server auth".to_owned());
    assert!(why(&csr).contains("unexpected usage \"server auth\""));
    csr.spec.usages = Some(strings(&["digital signature"]));
    assert!(why(&csr).contains("\"client auth\" usage"));
}

#[test]
fn w44_what_no_authority_could_sign_fails_and_says_why() {
    let mut csr = approved();
    csr.spec.request.0 = b"nonsense".to_vec();
    assert!(why(&csr).starts_with("unable to parse the request"));
    let mut csr = approved();
    csr.spec.usages.as_mut().unwrap().push("unicorn".to_owned());
    assert_eq!(decide(&csr, Rules::Any, POLICY), Decision::Fail("unrecognized usage \"unicorn\"".to_owned()));
}

proptest::proptest! {
    /// For any request and policy: a certificate has a lifetime, and none above the maximum.
    #[test]
    fn a_certificate_lives_as_granted_and_never_beyond_its_authority(
        now in 1_000_000_000_000_u64..2_000_000_000_000,
        longest in 1_u64..400 * 24 * HOUR,
        backdate in 0_u64..24 * HOUR,
        long in 0_u64..24 * HOUR,
        requested in proptest::option::of(proptest::num::i32::ANY),
        ca_start in 0_i64..3_000_000_000,
        ca_life in 0_i64..3_000_000_000,
    ) {
        let now = UNIX_EPOCH + Duration::from_millis(now);
        let policy = Policy { longest: seconds(longest), backdate: seconds(backdate), long: seconds(long) };
        let granted = duration(policy.longest, requested);
        proptest::prop_assert!(granted <= policy.longest);
        let asked = requested.and_then(|seconds| u64::try_from(seconds).ok());
        if let Some(asked) = asked && (600..=longest).contains(&asked) {
            proptest::prop_assert_eq!(granted, seconds(asked));
        }
        let ca = (ca_start, ca_start + ca_life);
        let second = seconds_down(now);
        match validity(now, granted, policy, ca) {
            Ok((start, end)) => {
                proptest::prop_assert!((ca.0..ca.1).contains(&second), "the CA is valid");
                proptest::prop_assert!(start <= second && end <= ca.1 && start < ca.1);
                let left = (now + granted).duration_since(UNIX_EPOCH).unwrap().as_secs() as i64 + 1;
                proptest::prop_assert!(end <= left, "never longer after its issue than granted");
                if granted < policy.long {
                    proptest::prop_assert!(end == ca.1 || end >= left - 1, "all of it after its issue");
                }
            }
            Err(Unable::Ended { .. }) => proptest::prop_assert!(second >= ca.1),
            Err(Unable::NotYet { .. }) => proptest::prop_assert!(second < ca.0),
            Err(Unable::Broken(why)) => proptest::prop_assert!(false, "{}", why),
        }
    }
}
