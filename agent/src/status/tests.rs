use certrotate_core::disk::{BundleFound, BundleHeader, CurrentLink, Name, PendingFound};
use certrotate_core::facts::{CertFacts, Chain, Subject, Usages};
use certrotate_core::id::{
    CertHandle, FileNumber, Generation, KeyDigest, KeyHandle, LeafDigest, RequestDigest,
};
use certrotate_core::time::{Span, WallTime};
use certrotate_store::PairName;
use certrotate_x509::LeafSummary;

use super::assemble::assemble;
use super::disk::{Held, OnDisk, wanted};
use super::published::ObservedRequest;
use super::*;
use crate::exit::Exit;

mod first_lines;

/// 2027-01-15T08:00:00Z.
const ISSUED: WallTime = WallTime::from_unix_secs(1_800_000_000);
const LIFE: Span = Span::from_hours(24);
/// 2025-06-15T06:13:20Z: before everything here.
const BUILT: WallTime = WallTime::from_unix_secs(1_749_968_000);

fn name(generation: u32) -> Name {
    Name::Bundle { issued: ISSUED, generation: Generation(generation), file: FileNumber(1) }
}

/// A bundle for node-1 that was issued at `start`, and begins and ends with it.
fn bundle(generation: u32, start: WallTime) -> Held {
    let subject = Subject {
        common_name: "system:node:node-1".into(),
        organizations: vec!["system:nodes".into()],
        others: vec![],
    };
    let (not_before, not_after) = (start, start.plus(LIFE));
    let facts = CertFacts {
        key: KeyDigest([1; 32]),
        leaf: LeafDigest([generation as u8; 32]),
        subject: subject.clone(),
        sans: vec![],
        usages: Usages::DIGITAL_SIGNATURE.with(Usages::CLIENT_AUTH),
        ca: false,
        not_before,
        not_after,
        chain: Chain::Unchecked,
    };
    let header = BundleHeader { generation: Generation(generation), issued: start };
    let (key_digest, key, cert) = (KeyDigest([1; 32]), KeyHandle(0), CertHandle(0));
    Held {
        name: name(generation),
        bundle: BundleFound { header, key_digest, facts, key, cert, private: true },
        leaf: LeafSummary { serial: format!("0{generation}ab"), subject, not_before, not_after },
    }
}

fn disk(bundles: Vec<Held>) -> OnDisk {
    let live_name = bundles.first().map_or(CurrentLink::Absent, |held| CurrentLink::Link(held.name));
    OnDisk { live_name, bundles, pending: None, remarks: vec![], quarantined: vec![] }
}

fn pending(generation: u32, made: WallTime) -> (Name, PendingFound) {
    let found = PendingFound {
        generation: Generation(generation),
        made,
        key_digest: KeyDigest([2; 32]),
        request: RequestDigest([3; 32]),
        template: wanted("node-1", false).template,
        key: KeyHandle(0),
        private: true,
    };
    (Name::Pending { generation: found.generation, file: FileNumber(1) }, found)
}

fn published(now: WallTime) -> Published {
    Published {
        pid: 4711,
        started: ISSUED.unix_ms(),
        now: now.unix_ms(),
        common_name: "system:node:node-1".into(),
        server: "https://api.example:6443".into(),
        rotates: true,
        phase: "resting".into(),
        serving: Some(2),
        next: Some((3_600_000, "the renewal".into())),
        ..Published::default()
    }
}

fn asked(conditions: &str, since: WallTime) -> ObservedRequest {
    ObservedRequest {
        name: certrotate_x509::request_name(&RequestDigest([3; 32])),
        conditions: vec![conditions.into()],
        since: since.unix_ms(),
        seen: since.unix_ms(),
    }
}

fn after(hours: u64) -> WallTime {
    ISSUED.plus(Span::from_hours(hours))
}

fn status(answer: Answer, disk: OnDisk, now: WallTime) -> Status {
    let question = Question {
        cert_dir: "/pki".into(),
        pair: PairName::new("kubelet-client").unwrap(),
        node_name: None,
        bootstrap_kubeconfig: None,
        client_ca: None,
    };
    assemble(&question, answer, Ok(disk), (now, BUILT)).unwrap()
}

/// A node whose certificate 2 is live, with an agent that publishes its status as modified by `change`.
fn running(hours: u64, change: impl FnOnce(&mut Published)) -> Answer {
    let mut published = published(after(hours));
    change(&mut published);
    Answer::Running(Box::new(published))
}

fn both() -> OnDisk {
    disk(vec![bundle(2, ISSUED), bundle(1, WallTime::from_unix_secs(1_799_950_000))])
}

fn shown(status: &Status) -> String {
    format!("{status}exit status {}\n", status.verdict.exit() as u8)
}

#[test]
fn f26_valid_certificate_is_shown_with_renewal_and_reason() {
    insta::assert_snapshot!(shown(&status(running(6, |_| {}), both(), after(6))));
}

#[test]
fn status_without_agent_names_the_unknown_parts() {
    let mut with_request = both();
    with_request.pending = Some(pending(3, after(5)));
    insta::assert_snapshot!(shown(&status(Answer::Stopped, with_request, after(6))));
}

#[test]
fn due_renewal_without_agent_is_degraded() {
    let late = status(Answer::Stopped, both(), after(22));
    assert_eq!(late.verdict, Verdict::Degraded);
    assert_eq!(late.because, ["the renewal is due, and no agent runs or answers; start certrotate run"]);
    let running = status(running(22, |_| {}), both(), after(22));
    assert_eq!(running.verdict, Verdict::Valid, "an agent that runs is about to: {:?}", running.because);
    let silent = status(silent(), both(), after(22));
    assert_eq!((silent.verdict, silent.agent.state), (Verdict::Degraded, AgentState::Silent));
}

fn silent() -> Answer {
    no_answer(&NoAnswer::Silent, Some(12))
}

#[test]
fn f46_f49_pending_request_is_shown_with_age_and_command() {
    let mut with_request = both();
    with_request.pending = Some(pending(3, after(18)));
    let answer = running(19, |published| {
        published.attempt = Some(3);
        published.phase = "asking".into();
        published.request = Some(asked("Pending", after(18)));
    });
    insta::assert_snapshot!(shown(&status(answer, with_request, after(19))));
}

#[test]
fn f46_denied_request_is_shown_with_command() {
    let mut with_request = both();
    with_request.pending = Some(pending(3, after(18)));
    let answer = running(19, |published| {
        published.next = Some((600_000, "a new request".into()));
        published.gate = Some((600_000, "the last attempt failed".into()));
        published.request = Some(asked("Denied", after(18)));
        published.trouble.push_back((after(18).unix_ms(), "node-csr-… was denied (not today)".into()));
    });
    insta::assert_snapshot!(shown(&status(answer, with_request, after(19))));
}

#[test]
fn f16_certificate_not_on_disk_is_unsaved_and_degraded() {
    let answer = running(19, |published| {
        (published.attempt, published.unsaved, published.disk_failures) = (Some(3), Some(3), 4);
        published.phase = "recovering".into();
    });
    let unsaved = status(answer, both(), after(19));
    let in_hand = Some(Unsaved { generation: 3, served: false });
    assert_eq!((unsaved.verdict, unsaved.unsaved), (Verdict::Degraded, in_hand));
    assert!(unsaved.because[0].contains("the disk does not take it; it is in memory only"));
    // While it is being written for the first time, nothing is amiss.
    let at_work = running(19, |published| (published.attempt, published.unsaved) = (Some(3), Some(3)));
    assert_eq!(status(at_work, both(), after(19)).verdict, Verdict::Valid);
}

#[test]
fn f16_in_memory_identity_is_degraded_for_any_current_link() {
    let answer = |hours| {
        running(hours, |published| {
            (published.serving, published.unsaved, published.from_memory) = (Some(3), Some(3), true);
            (published.disk_failures, published.phase) = (9, "recovering".into());
        })
    };
    insta::assert_snapshot!(shown(&status(answer(23), both(), after(23))));
    let over = status(answer(25), both(), after(25));
    assert_eq!((over.verdict, over.verdict.exit()), (Verdict::Degraded, Exit::Degraded));
    assert!(over.because[0].contains("certificate 3 is served from the agent's memory only"));
    assert!(over.because[1].starts_with("certificate 2: it has expired"), "{:?}", over.because);
    let none = status(answer(25), disk(vec![]), after(25));
    assert_eq!(none.verdict, Verdict::Degraded);
    assert_eq!(none.because[1..], ["there is no /pki/kubelet-client-current.pem yet"]);
    let ended = running(25, |published| {
        (published.serving, published.unsaved, published.from_memory) = (None, Some(3), true)
    });
    assert_eq!(status(ended, both(), after(25)).verdict, Verdict::Expired, "it is no longer live");
}

#[test]
fn f21_clock_before_build_time_is_noted_with_and_without_agent() {
    let early = BUILT.minus(Span::from_hours(1));
    let noted = "it shows less than 2025-06-15T06:13:20Z, when the program was built";
    let alone = status(Answer::Stopped, both(), early);
    assert!(alone.clock.notes[0].starts_with(noted), "{:?}", alone.clock.notes);
    // What the agent was built to go by is what counts.
    let answer = |built| Answer::Running(Box::new(Published { built_later: built, ..published(early) }));
    assert!(!status(answer(None), both(), early).clock.notes.iter().any(|note| note.contains("was built")));
    let agents = status(answer(Some(BUILT.unix_ms())), both(), early);
    assert!(agents.clock.notes[0].starts_with(noted), "{:?}", agents.clock.notes);
    let live = running(6, |published| published.built_later = Some(after(7).unix_ms()));
    assert_eq!(
        status(live, both(), after(6)).verdict,
        Verdict::Degraded,
        "nothing is renewed until it is set"
    );
}

#[test]
fn f18_certificate_not_yet_valid_is_held() {
    let mut early = bundle(3, after(7));
    early.bundle.header.issued = after(5);
    let mut all = both();
    all.bundles.insert(0, early);
    let held = |answer| status(answer, all.clone(), after(6)).held.expect("held");
    let starts = "starts at 2027-01-15T15:00:00Z, in 1h0m";
    assert_eq!(held(Answer::Stopped).what, starts);
    let waits = running(6, |published| published.waits_for = Some(after(7).unix_ms()));
    let waits = held(waits);
    assert_eq!(waits.generation, 3);
    assert_eq!(waits.what, format!("{starts}; the agent waits for it and requests no other until then"));
}

#[test]
fn f11_expired_certificate_without_fallback_names_both() {
    insta::assert_snapshot!(shown(&status(
        running(25, |published| published.serving = None),
        both(),
        after(25)
    )));
}

#[test]
fn f21_clock_before_newest_issue_is_noted() {
    let early = WallTime::from_unix_secs(1_799_960_000);
    let status = status(Answer::Stopped, both(), early);
    assert_eq!(status.verdict, Verdict::None);
    assert!(status.because[0].contains("it is not valid yet"), "{:?}", status.because);
    assert!(status.clock.notes[0].contains("it went back, or is not set yet"), "{:?}", status.clock.notes);
}

#[test]
fn f26_clock_jumps_seen_by_the_agent_are_shown() {
    let answer = running(6, |published| {
        published.jumps.extend([(after(3).unix_ms(), 3_600_000), (after(4).unix_ms(), -5000)])
    });
    let clock = status(answer, both(), after(6)).clock;
    assert_eq!(
        clock.notes,
        [
            "it was set forward by 1h0m, to 2027-01-15T11:00:00Z",
            "it was set back by 5s, to 2027-01-15T12:00:00Z"
        ]
    );
}

#[test]
fn unused_file_and_foreign_current_link_are_not_valid() {
    let mut moved_aside = both();
    let (generation, file) = (Generation(2), FileNumber(2));
    moved_aside.quarantined.push(Name::Quarantine { generation, file });
    assert_eq!(status(running(6, |_| {}), moved_aside, after(6)).verdict, Verdict::Degraded);
    let mut foreign = both();
    foreign.live_name = CurrentLink::Foreign;
    let foreign = status(running(6, |_| {}), foreign, after(6));
    assert_eq!(foreign.verdict, Verdict::None);
    assert_eq!(foreign.because, ["/pki/kubelet-client-current.pem is not a link that certrotate made"]);
}

#[test]
fn json_has_exactly_the_documented_fields() {
    let json = serde_json::to_value(status(running(6, |_| {}), both(), after(6))).unwrap();
    let keys: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    let mut wanted = [
        "verdict",
        "because",
        "directory",
        "identity",
        "renewal",
        "request",
        "pending",
        "previous",
        "unsaved",
        "held",
        "bootstrap_fallback",
        "clock",
        "agent",
        "notes",
        "timing_ms",
    ];
    wanted.sort_unstable();
    let mut keys = keys;
    keys.sort_unstable();
    assert_eq!(keys, wanted);
    assert_eq!((&json["verdict"], &json["identity"]["age_percent"]), (&"valid".into(), &25.into()));
}

#[test]
fn timing_parameters_are_scaled_to_the_lifetime() {
    let mut short = bundle(2, ISSUED);
    short.bundle.facts.not_after = ISSUED.plus(Span::from_mins(6));
    let status = status(Answer::Stopped, disk(vec![short]), ISSUED);
    insta::assert_snapshot!(status.timing());
}

#[test]
fn failed_keys_degrade_the_status_and_are_no_failed_calls() {
    let answer = running(6, |published| published.key_failures = 3);
    let status = status(answer, both(), after(6));
    assert_eq!(status.verdict, Verdict::Degraded);
    assert_eq!(status.because, ["no key could be made, 3 times in a row"]);
}
