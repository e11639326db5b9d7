use certrotate_core::disk::Content;
use certrotate_core::facts::Usages;
use certrotate_core::id::{FileNumber, Generation, KeyHandle, RunId};

use super::*;

const OP: OpId = OpId { run: RunId(1), seq: 1 };
const REQUEST: RequestDigest = RequestDigest([7; 32]);
const CREATE: Call = Call::Create { key: KeyHandle(1) };
const GET: Call = Call::Get { request: REQUEST };
const LIVE: Credential = Credential::Live(Generation(1));
const BOOTSTRAP: Credential = Credential::Bootstrap;
const HOUR: Span = Span::from_hours(1);

fn hour(hours: u64) -> Now {
    Now { wall: WallTime::from_unix_secs(hours as i64 * 3600), mono: MonoTime::from_ms(hours * 3_600_000) }
}

fn object(state: RequestState) -> Result<RequestRecord, IssuerFault> {
    let (signer, usages) = (String::new(), Usages::default());
    Ok(RequestRecord { key: None, signer, usages, requester: String::new(), state })
}

/// The id that is noted when a call is answered and another one follows, while an identity is served.
fn noted(
    first: (Call, Credential),
    answer: &Result<RequestRecord, IssuerFault>,
    then: (Call, Credential),
) -> Option<&'static str> {
    let mut monitor = Monitor::default();
    monitor.calls(OP, &first.0, REQUEST, first.1, true);
    monitor.answered(OP, (MonoTime::default(), HOUR), answer, None, (None, 1));
    monitor.calls(OP, &then.0, REQUEST, then.1, true);
    monitor.broken.map(|it| it.0)
}

#[test]
fn l3_valid_identity_is_the_credential_until_refused() {
    let refused = Err(IssuerFault::NotAuthenticated);
    assert_eq!(noted((CREATE, LIVE), &refused, (CREATE, BOOTSTRAP)), None);
    assert_eq!(noted((CREATE, LIVE), &Err(IssuerFault::Unreachable), (CREATE, LIVE)), None);
    assert_eq!(noted((CREATE, LIVE), &refused, (CREATE, LIVE)), Some("L3"));
    assert_eq!(noted((CREATE, BOOTSTRAP), &refused, (CREATE, LIVE)), Some("L3"));
}

#[test]
fn l4_denied_request_is_not_repeated_and_deleted_one_is_created() {
    assert_eq!(noted((GET, LIVE), &object(RequestState::Denied), (GET, LIVE)), Some("L4"));
    assert_eq!(noted((GET, LIVE), &Err(IssuerFault::NotFound), (GET, LIVE)), Some("L4"));
    assert_eq!(noted((GET, LIVE), &Err(IssuerFault::NotFound), (CREATE, LIVE)), None);
    assert_eq!(noted((GET, LIVE), &object(RequestState::Pending), (GET, LIVE)), None);
}

#[test]
fn s9_attempt_after_a_denial_waits_unless_a_rotation_is_requested() {
    let begins = |minutes: u64, wish: bool| {
        let mut monitor = Monitor::default();
        monitor.calls(OP, &GET, REQUEST, BOOTSTRAP, false);
        monitor.answered(OP, (MonoTime::default(), HOUR), &object(RequestState::Denied), None, (None, 1));
        monitor.given(wish, |_| false);
        monitor.begins(Now { mono: MonoTime::from_ms(minutes * 60_000), ..hour(0) }, Span::MAX, None, None);
        monitor.broken.map(|it| it.0)
    };
    assert_eq!(begins(9, false), Some("S9"));
    assert_eq!(begins(9, true), None);
    assert_eq!(begins(10, false), None);
}

#[test]
fn s9_third_denial_waits_forty_minutes_from_the_pending_file_on() {
    let begins = |minutes: u64| {
        let mut monitor = Monitor::default();
        let found = (Some(Span::from_mins(15)), 3);
        monitor.calls(OP, &GET, REQUEST, BOOTSTRAP, false);
        monitor.answered(OP, (MonoTime::default(), HOUR), &object(RequestState::Denied), None, found);
        monitor.begins(Now { mono: MonoTime::from_ms(minutes * 60_000), ..hour(0) }, Span::MAX, None, None);
        monitor.broken.map(|it| it.0)
    };
    assert_eq!((begins(24), begins(25)), (Some("S9"), None));
}

#[test]
fn l4_refused_requested_lifetime_is_not_repeated() {
    let mut monitor = Monitor::default();
    monitor.calls(OP, &CREATE, REQUEST, BOOTSTRAP, false);
    monitor.answered(OP, (MonoTime::default(), HOUR), &Err(IssuerFault::Invalid), None, (None, 1));
    monitor.begins(hour(1), Span::MAX, None, None);
    assert_eq!(monitor.broken, None);
    monitor.begins(hour(1), Span::MAX, Some(Span::from_hours(1)), None);
    assert_eq!(monitor.broken.map(|it| it.0), Some("L4"));
}

#[test]
fn l4_good_certificate_is_not_refused() {
    let mut monitor = Monitor::default();
    monitor.calls(OP, &GET, REQUEST, BOOTSTRAP, false);
    monitor.answered(
        OP,
        (MonoTime::default(), HOUR),
        &object(RequestState::Approved),
        Some((CertHandle(1), true)),
        (None, 1),
    );
    let mut bad = monitor;
    bad.refuses(|_| false);
    assert_eq!(bad.broken, None);
    monitor.refuses(|cert| cert == CertHandle(1));
    assert_eq!(monitor.broken.map(|it| it.0), Some("L4"));
}

#[test]
fn s8_request_is_given_up_after_a_day_of_approval_and_not_before() {
    for (hours, broken) in [(24, None), (23, Some("S8"))] {
        let mut monitor = Monitor::default();
        monitor.calls(OP, &GET, REQUEST, BOOTSTRAP, false);
        monitor.answered(OP, (hour(0).mono, HOUR), &object(RequestState::Approved), None, (None, 1));
        monitor.gives_up(hour(hours).mono, HOUR, REQUEST);
        assert_eq!(monitor.broken.map(|it| it.0), broken);
    }
}

#[test]
fn s8_certificate_in_hand_is_installed_before_another_attempt() {
    let mut monitor = Monitor::default();
    monitor.calls(OP, &GET, REQUEST, BOOTSTRAP, false);
    monitor.answered(
        OP,
        (hour(0).mono, HOUR),
        &object(RequestState::Approved),
        Some((CertHandle(1), true)),
        (None, 1),
    );
    let (mut live, mut over) = (monitor, monitor);
    monitor.begins(hour(1), Span::MAX, None, None);
    assert_eq!(monitor.broken.map(|it| it.0), Some("S8"));
    live.goes_live(hour(1), Span::MAX, CertHandle(1), true);
    live.begins(hour(1), Span::MAX, None, None);
    over.given(false, |_| false);
    over.begins(hour(1), Span::MAX, None, None);
    assert_eq!((live.broken, over.broken), (None, None));
}

#[test]
fn s9_attempt_begins_at_seventy_percent_by_either_clock_or_on_request() {
    let lifetime = Some(Validity { start: hour(0).wall, end: hour(10).wall });
    let began = |now, wished| {
        let mut monitor = Monitor::default();
        monitor.goes_live(hour(0), Span::MAX, CertHandle(1), true);
        monitor.given(wished, |_| true);
        monitor.begins(now, Span::MAX, None, lifetime);
        monitor.broken.map(|it| it.0)
    };
    assert_eq!(began(hour(6), false), Some("S9"));
    assert_eq!(began(hour(6), true), None);
    assert_eq!(began(hour(7), false), None);
    assert_eq!(began(Now { mono: hour(7).mono, ..hour(1) }, false), None);
}

#[test]
fn s3_final_name_is_not_created_and_found_file_not_written_over() {
    let (generation, file) = (Generation(1), FileNumber(1));
    let (pending, name) = (Name::Pending { generation, file }, Name::Temporary { generation, file });
    let content = Content::Pending { generation, key: KeyHandle(1), made: hour(0).wall };
    let mut monitor = Monitor::default();
    monitor.writes(&DiskCommand::Create { name });
    monitor.wrote(&DiskCommand::Create { name }, Ok(()));
    monitor.writes(&DiskCommand::Write { name, content });
    assert_eq!(monitor.broken, None);
    let mut over = monitor;
    over.wrote(&DiskCommand::Create { name }, Err(DiskFault::Exists));
    over.writes(&DiskCommand::Write { name, content });
    assert_eq!(over.broken.map(|it| it.0), Some("S3"));
    monitor.writes(&DiskCommand::Create { name: pending });
    assert_eq!(monitor.broken.map(|it| it.0), Some("S3"));
}

#[test]
fn l3_wait_ends_by_true_time() {
    let (early, late) = (MonoTime::from_ms(10), MonoTime::from_ms(20));
    let mut monitor = Monitor::default();
    monitor.sleeps(MonoTime::default(), Some((early, early)), false, false);
    let mut moved = monitor;
    moved.sleeps(late, Some((late, late)), true, false);
    assert_eq!(moved.broken, None);
    monitor.sleeps(late, Some((late, early)), true, false);
    assert_eq!(monitor.broken.map(|it| it.0), Some("L3"));
}
