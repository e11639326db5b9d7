use std::path::Path;

use certrotate_core::disk::{Content, DiskCommand, DiskFault, Name};
use certrotate_core::event::{Event, Severity};
use certrotate_core::facts::Chain;
use certrotate_core::id::{FileNumber, Generation, KeyHandle, RequestDigest};
use certrotate_core::issuer::{Credential, IssuerFault};
use certrotate_core::judge::Refusal;
use certrotate_core::time::{Span, WallTime};
use certrotate_store::PairName;

use super::Reporter;
use crate::fault_texts::FaultTexts;

const AGAIN: Span = Span::from_secs(90);
const AT: WallTime = WallTime::from_unix_secs(1_800_000_000);
const GENERATION: Generation = Generation(3);

fn reporter() -> (Reporter, FaultTexts) {
    let texts = FaultTexts::default();
    let pair = PairName::new("kubelet-client").unwrap();
    let server = "https://api.example:6443".to_owned();
    (Reporter::new(Path::new("/pki"), pair, server, texts.clone()), texts)
}

fn events() -> Vec<Event> {
    let (file, request, again_in) = (FileNumber(1), RequestDigest([7; 32]), AGAIN);
    let name = Name::Bundle { issued: AT, generation: GENERATION, file };
    let refusal = Refusal::Chain { found: Chain::Untrusted };
    let temporary = Name::Temporary { generation: GENERATION, file };
    let content = Content::Pending { generation: GENERATION, key: KeyHandle(1), made: AT };
    let command = DiskCommand::Write { name: temporary, content };
    let mut all = vec![
        Event::FileRefused { name, refusal: refusal.clone() },
        Event::CurrentLinkUnusable { refusal: None },
        Event::FileUnreadable { name, fault: DiskFault::Io },
        Event::CurrentLinkForeign { again_in },
        Event::Quarantined { from: Name::Current, to: Name::Quarantine { generation: Generation(0), file } },
        Event::Live { generation: GENERATION, not_after: AT, renew_at: AT, shorter: false },
        Event::Live { generation: GENERATION, not_after: AT, renew_at: AT, shorter: true },
        Event::Expired { generation: GENERATION, not_after: AT },
        Event::NotYetValid { generation: GENERATION, not_before: AT },
        Event::AttemptStarted { generation: GENERATION },
        Event::RequestPending { request },
        Event::RequestDenied { request, again_in },
        Event::RequestFailed { request, again_in },
        Event::RequestForeign { request, again_in },
        Event::RequestOfExpired { request },
        Event::RequestStuck { request, again_in },
        Event::CertificateRefused { request, refusal, again_in },
        Event::CertificateRefused { request, refusal: Refusal::Unreadable, again_in },
        Event::CallTimedOut { credential: Credential::Live(GENERATION), again_in },
        Event::KeyFailed { fault: None, again_in },
        Event::DiskFailed { command, fault: DiskFault::NoSpace, again_in },
        Event::DiskTimedOut { command },
    ];
    let faults = [
        IssuerFault::NoCredential,
        IssuerFault::Unreachable,
        IssuerFault::NotAuthenticated,
        IssuerFault::NotPermitted,
        IssuerFault::NotFound,
        IssuerFault::AlreadyExists,
        IssuerFault::Throttled { retry_after: None },
        IssuerFault::Invalid,
        IssuerFault::Unavailable { retry_after: None },
        IssuerFault::WatchEnded,
        IssuerFault::Unexpected,
    ];
    let credential = Credential::Bootstrap;
    all.extend(faults.map(|fault| Event::CallFailed { credential, fault, again_in }));
    all
}

#[test]
fn every_event_is_one_line_with_thing_and_remedy() {
    let (reporter, _) = reporter();
    let name = |severity| match severity {
        Severity::Error => "ERROR",
        Severity::Warning => "WARN",
        Severity::Info => "INFO",
    };
    let lines: Vec<_> = events()
        .iter()
        .map(|event| format!("{:5} {}", name(event.severity()), reporter.line(event)))
        .collect();
    assert!(lines.iter().all(|line| !line.contains('\n') && !line.ends_with('.')));
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn texts_of_the_ports_are_in_the_line_of_their_event() {
    let (reporter, texts) = reporter();
    let lines: Vec<_> = events()
        .iter()
        .map(|event| {
            texts.set_disk("cannot write /pki/x: no space left on device; free space".to_owned());
            texts.set_call("the server's own words");
            texts.set_remarks(&[
                "/pki/kubelet-client-current.pem is not used as it is: it is a file".to_owned()
            ]);
            reporter.line(event)
        })
        .filter(|line| line.contains("words") || line.contains("no space") || line.contains("it is a file"))
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}
