use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec;
use alloc::vec::Vec;

use crate::disk::{DiskCommand, DiskFault, Name, Place};
use crate::event::{Event, Severity};
use crate::facts::Chain;
use crate::id::{FileNumber, Generation, RequestDigest};
use crate::issuer::{Credential, IssuerFault};
use crate::judge::Refusal;
use crate::key::KeyFault;
use crate::time::{Span, WallTime};

const AGAIN: Span = Span::from_secs(90);
const AT: WallTime = WallTime::from_unix_secs(1_800_000_000);
const GENERATION: Generation = Generation(3);
const REQUEST: RequestDigest = RequestDigest([7; 32]);
const FILE: FileNumber = FileNumber(1);
const BUNDLE: Name = Name::Bundle { issued: AT, generation: GENERATION, file: FILE };

fn of_files() -> Vec<Event> {
    let untrusted = Refusal::Chain { found: Chain::Untrusted };
    let (generation, command) = (GENERATION, DiskCommand::Symlink { name: BUNDLE, target: Name::Current });
    vec![
        Event::FileRefused { name: BUNDLE, refusal: untrusted.clone() },
        Event::FileRefused { name: BUNDLE, refusal: Refusal::NotYetValid { now: AT, not_before: AT } },
        Event::FileUnreadable { name: BUNDLE, fault: DiskFault::Io },
        Event::CurrentLinkForeign { again_in: AGAIN },
        Event::CurrentLinkUnusable { refusal: None },
        Event::CurrentLinkUnusable { refusal: Some(untrusted) },
        Event::Quarantined { from: Name::Current, to: Name::Quarantine { generation, file: FILE } },
        Event::Adopted { generation, place: Place::Current },
        Event::Adopted { generation, place: Place::Dated(AT) },
        Event::Adopted { generation, place: Place::Split },
        Event::Adopted { generation, place: Place::Exposed(BUNDLE) },
        Event::DiskFailed { command, fault: DiskFault::NoSpace, again_in: AGAIN },
        Event::DiskTimedOut { command: DiskCommand::SyncDir },
    ]
}

fn of_identities_and_clocks() -> Vec<Event> {
    let generation = GENERATION;
    vec![
        Event::Live { generation, not_after: AT, renew_at: AT, shorter: false },
        Event::Live { generation, not_after: AT, renew_at: AT, shorter: true },
        Event::Expired { generation, not_after: AT },
        Event::NotYetValid { generation, not_before: AT },
        Event::Held { generation, not_before: AT },
        Event::IdentityInMemory { generation, not_after: AT },
        Event::ClockInvalid { built: AT },
        Event::MonotonicClockRegressed { by: AGAIN },
        Event::ClockSuspect { not_before: AT, wait: AGAIN },
        Event::OldTemplate { generation },
        Event::OtherSubject { generation },
    ]
}

fn of_requests() -> Vec<Event> {
    let (request, again_in) = (REQUEST, AGAIN);
    let throttled = IssuerFault::Throttled { retry_after: Some(AGAIN) };
    vec![
        Event::AttemptStarted { generation: GENERATION },
        Event::KeyFailed { fault: Some(KeyFault::Failed), again_in },
        Event::RequestInMemory { request },
        Event::RequestAbandoned { request },
        Event::RequestOfExpired { request },
        Event::RequestPending { request },
        Event::RequestDenied { request, again_in },
        Event::RequestFailed { request, again_in },
        Event::RequestForeign { request, again_in },
        Event::RequestStuck { request, again_in },
        Event::HandleGone { request, again_in },
        Event::CertificateRefused { request, refusal: Refusal::Ca, again_in },
        Event::CallFailed { credential: Credential::Bootstrap, fault: throttled, again_in },
        Event::CallTimedOut { credential: Credential::Live(GENERATION), again_in },
    ]
}

#[test]
fn event_is_one_line_with_thing_and_remedy() {
    let events = [of_files(), of_identities_and_clocks(), of_requests()].concat();
    let name = |severity| match severity {
        Severity::Error => "ERROR",
        Severity::Warning => "WARN",
        Severity::Info => "INFO",
    };
    let lines: Vec<String> =
        events.iter().map(|event| format!("{:5} {event}", name(event.severity()))).collect();
    assert!(lines.iter().all(|line| !line.contains('\n') && !line.ends_with('.')));
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn fault_of_a_call_names_thing_and_remedy() {
    let faults = [
        IssuerFault::NoCredential,
        IssuerFault::Unreachable,
        IssuerFault::NotAuthenticated,
        IssuerFault::NotPermitted,
        IssuerFault::NotFound,
        IssuerFault::AlreadyExists,
        IssuerFault::Throttled { retry_after: None },
        IssuerFault::Invalid,
        IssuerFault::Unavailable { retry_after: Some(AGAIN) },
        IssuerFault::WatchEnded,
        IssuerFault::HandleGone,
        IssuerFault::WrongKind,
        IssuerFault::Unexpected,
    ];
    insta::assert_snapshot!(faults.map(|fault| fault.to_string()).join("\n"));
}
