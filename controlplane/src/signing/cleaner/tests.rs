use k8s_openapi::ByteString;
use proptest::prelude::*;

use super::*;
use crate::base::csr::push_condition;
use crate::signing::pki::authority::Authority;
use crate::testing::node_csr;

const NOW: u64 = 10_000_000;
const MINUTES: u64 = 60;
const HOURS: u64 = 3600;

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

fn ago(seconds: u64) -> Option<Time> {
    Some(crate::base::time::api_time(now() - Duration::from_secs(seconds)))
}

/// A pending object that was made this long ago.
fn made(seconds: u64) -> Csr {
    let mut csr = node_csr("foo", "u", &[]);
    csr.metadata.creation_timestamp = ago(seconds);
    csr
}

fn with(mut csr: Csr, kind: &str, seconds: u64) -> Csr {
    push_condition(&mut csr, kind, "", "");
    csr.status.as_mut().unwrap().conditions.as_mut().unwrap().last_mut().unwrap().last_update_time =
        ago(seconds);
    csr
}

fn issued_as(mut csr: Csr, pem: &str) -> Csr {
    csr.status.get_or_insert_with(Default::default).certificate = Some(ByteString(pem.as_bytes().to_vec()));
    csr
}

/// A certificate that ends so many seconds from now; a CA's will do.
fn ending(in_seconds: i64) -> String {
    let start = now() - Duration::from_secs(48 * HOURS);
    let life = 48 * HOURS as i64 + in_seconds;
    Authority::create(start, Duration::from_secs(life as u64)).unwrap().pem().to_owned()
}

fn deleted(csr: &Csr) -> bool {
    matches!(decide(csr, Ages::default(), now()), Decision::Delete(_))
}

#[test]
fn objects_go_at_the_ages_of_kubernetes() {
    let (good, over) = (ending(3600), ending(-1));
    let fresh = || made(50 * MINUTES);
    let old = || made(30 * HOURS);
    let table = [
        ("CLN-001", issued_as(with(fresh(), "Approved", 50 * MINUTES), &good), false),
        ("CLN-004", with(fresh(), "Denied", 50 * MINUTES), false),
        ("CLN-006", with(with(old(), "Approved", 2 * HOURS), "Failed", 50 * MINUTES), false),
        ("CLN-007", with(with(old(), "Approved", 2 * HOURS), "Failed", 2 * HOURS), true),
        ("CLN-009", made(25 * HOURS), true),
        ("CLN-010", with(old(), "Approved", 25 * HOURS), true),
        ("CLN-011", with(old(), "Approved", 5 * HOURS), false),
        ("CLN-012", issued_as(with(old(), "Approved", 50 * MINUTES), &good), false),
        ("CLN-013", issued_as(with(old(), "Approved", 50 * MINUTES), &over), true),
        ("CLN-014", issued_as(with(old(), "Approved", 2 * HOURS), "garbage"), true),
        ("ended at once", issued_as(with(fresh(), "Approved", 14 * MINUTES), &over), false),
        ("ended, and looked at", issued_as(with(fresh(), "Approved", 16 * MINUTES), &over), true),
        ("approved and issued", issued_as(with(fresh(), "Approved", 61 * MINUTES), &good), true),
        ("denied", with(fresh(), "Denied", 61 * MINUTES), true),
        ("failed", with(fresh(), "Failed", 61 * MINUTES), true),
        ("pending", made(23 * HOURS), false),
        ("garbage that is young", issued_as(with(fresh(), "Approved", 50 * MINUTES), "garbage"), false),
        ("issued though denied", issued_as(with(old(), "Denied", 50 * MINUTES), &over), false),
    ];
    for (id, csr, goes) in table {
        assert_eq!(deleted(&csr), goes, "{id}");
    }
}

#[test]
fn an_age_is_strictly_exceeded_and_the_decision_says_when() {
    let csr = made(24 * HOURS);
    assert_eq!(decide(&csr, Ages::default(), now()), Decision::KeepUntil(now()));
    let later = now() + Duration::from_millis(1);
    assert_eq!(decide(&csr, Ages::default(), later), Decision::Delete("pending"));
}

#[test]
fn the_first_rule_that_comes_due_counts() {
    let csr = issued_as(with(made(50 * MINUTES), "Approved", 50 * MINUTES), &ending(60));
    let end = UNIX_EPOCH + Duration::from_secs(NOW + 60);
    assert_eq!(decide(&csr, Ages::default(), now()), Decision::KeepUntil(end));
}

#[test]
fn a_time_that_is_not_there_is_never_over() {
    let mut csr = node_csr("foo", "u", &[]);
    assert_eq!(decide(&csr, Ages::default(), now()), Decision::Keep);
    csr.metadata.creation_timestamp = Some(crate::base::time::api_time(UNIX_EPOCH));
    assert_eq!(decide(&csr, Ages::default(), now()), Decision::Keep);
    push_condition(&mut csr, "Denied", "", "");
    assert_eq!(decide(&csr, Ages::default(), now()), Decision::Keep);
}

#[test]
fn w52_conditions_of_other_types_do_not_keep_an_object_for_ever() {
    assert!(deleted(&with(made(25 * HOURS), "example.com/Seen", 1)));
}

fn history() -> impl Strategy<Value = Csr> {
    let kind = prop_oneof![Just("Approved"), Just("Denied"), Just("Failed"), Just("Custom")];
    let condition = (kind, proptest::option::of(0..40 * HOURS));
    let certificate = prop_oneof![Just(None), Just(Some("garbage")), Just(Some("real"))];
    (proptest::option::of(0..40 * HOURS), proptest::collection::vec(condition, 0..4), certificate).prop_map(
        |(created, conditions, certificate)| {
            let mut csr = Csr::default();
            csr.metadata.creation_timestamp = created.and_then(ago);
            for (kind, at) in conditions {
                csr = with(csr, kind, at.unwrap_or(0));
                let list = csr.status.as_mut().unwrap().conditions.as_mut().unwrap();
                if at.is_none() {
                    list.last_mut().unwrap().last_update_time = None;
                }
            }
            match certificate {
                None => csr,
                Some("garbage") => issued_as(csr, "garbage"),
                Some(_) => issued_as(csr, &REAL),
            }
        },
    )
}

/// Making one for each case would be most of the work.
static REAL: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| ending(3600));

proptest! {
    /// An object that is kept until a time is kept up to it, deleted right after it, and never comes back.
    #[test]
    fn the_time_that_a_decision_names_is_the_one_at_which_it_turns(csr in history(), later in 1..80 * HOURS) {
        let instant = Duration::from_millis(1);
        match decide(&csr, Ages::default(), now()) {
            Decision::Keep => {
                let much_later = now() + Duration::from_secs(365 * 24 * HOURS);
                prop_assert_eq!(decide(&csr, Ages::default(), much_later), Decision::Keep);
            }
            Decision::KeepUntil(end) => {
                prop_assert!(end >= now());
                prop_assert_eq!(decide(&csr, Ages::default(), end), Decision::KeepUntil(end));
                let after = decide(&csr, Ages::default(), end + instant);
                prop_assert!(matches!(after, Decision::Delete(_)), "{:?}", after);
            }
            Decision::Delete(_) => {
                let after = decide(&csr, Ages::default(), now() + Duration::from_secs(later));
                prop_assert!(matches!(after, Decision::Delete(_)), "{:?}", after);
            }
        }
    }
}
