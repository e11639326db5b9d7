use certrotate_core::disk::{DiskCommand, DiskFault};
use certrotate_core::event::Event;
use certrotate_core::id::{Generation, RequestDigest};
use certrotate_core::input::ExitReason;
use certrotate_core::issuer::{Credential, IssuerFault};
use certrotate_core::judge::Refusal;
use certrotate_core::time::{Span, WallTime};

use super::{Exit, Verdict};

const AGAIN: Span = Span::from_secs(1);
const AT: WallTime = WallTime::from_unix_secs(1_800_000_000);
const REQUEST: RequestDigest = RequestDigest([0; 32]);

fn failed(fault: IssuerFault) -> Event {
    Event::CallFailed { credential: Credential::Bootstrap, fault, again_in: AGAIN }
}

fn why(events: &[Event]) -> Exit {
    let mut verdict = Verdict::default();
    events.iter().for_each(|event| verdict.note(event));
    verdict.why()
}

#[test]
fn exit_status_numbers_are_stable() {
    let all = [
        (Exit::Done, 0),
        (Exit::Internal, 1),
        (Exit::Usage, 2),
        (Exit::Degraded, 3),
        (Exit::Without, 4),
        (Exit::Pending, 10),
        (Exit::Denied, 11),
        (Exit::Unauthorized, 12),
        (Exit::Unreachable, 13),
        (Exit::Expired, 14),
        (Exit::Store, 15),
        (Exit::Refused, 17),
    ];
    for (exit, number) in all {
        assert_eq!(exit as u8, number);
    }
}

#[test]
fn only_unusable_directory_ends_a_run() {
    assert_eq!(Exit::from(ExitReason::Shutdown), Exit::Done);
    for reason in [ExitReason::Locked, ExitReason::Unsafe, ExitReason::NoDirectory] {
        assert_eq!(Exit::from(reason), Exit::Store);
    }
}

#[test]
fn last_reason_decides_the_exit_status() {
    let pending = Event::RequestPending { request: REQUEST };
    let denied = Event::RequestDenied { request: REQUEST, again_in: AGAIN };
    let refused = Event::CertificateRefused { request: REQUEST, refusal: Refusal::Ca, again_in: AGAIN };
    let disk = Event::DiskFailed { command: DiskCommand::SyncDir, fault: DiskFault::Io, again_in: AGAIN };
    for (events, expected) in [
        (vec![], Exit::Unreachable),
        (vec![pending.clone()], Exit::Pending),
        (vec![pending.clone(), denied], Exit::Denied),
        (vec![pending.clone(), refused, Event::AttemptStarted { generation: Generation(2) }], Exit::Refused),
        (vec![failed(IssuerFault::NotAuthenticated), pending], Exit::Pending),
        (vec![failed(IssuerFault::NotPermitted)], Exit::Unauthorized),
        (vec![failed(IssuerFault::Unavailable { retry_after: None })], Exit::Unreachable),
        (vec![disk], Exit::Store),
    ] {
        assert_eq!(why(&events), expected, "{events:?}");
    }
}

#[test]
fn f11_missing_credential_after_expiry_has_its_own_status() {
    let missing = failed(IssuerFault::NoCredential);
    let ended = Event::Expired { generation: Generation(1), not_after: AT };
    let live = Event::Live { generation: Generation(2), not_after: AT, renew_at: AT, shorter: false };
    assert_eq!(why(std::slice::from_ref(&missing)), Exit::Unauthorized);
    assert_eq!(why(&[ended.clone(), missing.clone()]), Exit::Expired);
    assert_eq!(why(&[ended, live, missing]), Exit::Unauthorized);
}
