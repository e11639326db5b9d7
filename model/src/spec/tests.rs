use certrotate_core::disk::Entry;
use certrotate_core::id::{RequestDigest, RunId};
use certrotate_core::input::{KeyFault, Why};

use super::*;
use crate::cert::Flaw;
use crate::world::START;

mod observed;

use observed::{CERT, FIRST, HOUR, KEY, Observed, bundle, found, pending, tmp};

const FLAWS: [Flaw; 9] = [
    Flaw::Key,
    Flaw::Subject,
    Flaw::SubjectCase,
    Flaw::Organization,
    Flaw::Sans,
    Flaw::Usage,
    Flaw::ExtraUsage,
    Flaw::Ca,
    Flaw::Chain,
];

#[test]
fn rotation_and_expiry_break_no_rule() {
    let mut it = Observed::live();
    let op = it.next();
    let credential = Credential::Live(FIRST);
    it.acts(Action::Call { op, call: Call::Get { request: RequestDigest([1; 32]) }, credential });
    it.acts(Action::Cancel { op });
    it = it.at(START.plus(HOUR));
    it.acts(Action::Withdraw { generation: FIRST });
    it.makes_key(KeyHandle(2));
    assert_eq!(it.spec.broken, None);
}

#[test]
fn found_bundle_goes_live_after_a_directory_sync_and_a_rescan() {
    let mut it = Observed::new();
    it.scans(CurrentLink::Link(bundle()), vec![found(None)]);
    let mut early = Observed { spec: it.spec.clone(), wanted: it.wanted.clone(), ..it };
    early.goes_live(FIRST);
    early.refused("S4", "an identity goes live first when the current link leads to it durably");
    it.does(DiskCommand::SyncDir);
    it.scans(CurrentLink::Link(bundle()), vec![found(None)]);
    it.goes_live(FIRST);
    assert_eq!(it.spec.broken, None);
}

#[test]
fn s13_answer_without_an_operation_in_flight_is_ignored() {
    let sentence = "an answer to no operation in flight is ignored";
    let unknown = OpId { run: RunId(1), seq: 1000 };
    let ignored = Disposition::Ignored(Why::NotOutstanding);
    let answer = Input::DiskAnswered { op: unknown, result: Ok(DiskDone::Done) };
    let mut it = Observed::saved();
    it.given(&answer);
    it.steps(ignored, vec![]);
    assert_eq!(it.spec.broken, None);
    it.given(&answer);
    it.steps(Disposition::Applied, vec![]);
    it.refused("S13", sentence);

    let mut it = Observed::saved();
    it.given(&answer);
    let op = it.next();
    it.steps(ignored, vec![Action::Disk { op, command: DiskCommand::Scan }]);
    it.refused("S13", sentence);

    // An answer of another kind ends nothing.
    let mut it = Observed::saved();
    let op = it.asks(DiskCommand::SyncDir);
    it.given(&Input::KeyMade { op, result: Err(KeyFault::Failed) });
    it.steps(Disposition::Applied, vec![]);
    it.refused("S13", sentence);

    // Nor does one to what was cancelled.
    let mut it = Observed::saved();
    let op = it.asks_for(KEY);
    it.acts(Action::Cancel { op });
    it.given(&Input::CallAnswered { op, result: Err(IssuerFault::NotFound) });
    it.steps(Disposition::Applied, vec![]);
    it.refused("S13", sentence);
}

#[test]
fn s13_operation_numbers_increase() {
    for (run, seq) in [(1, 0), (2, 1000)] {
        let mut it = Observed::saved();
        it.asks_for(KEY);
        let op = OpId { run: RunId(run), seq };
        it.acts(Action::Call { op, call: Call::Create { key: KEY }, credential: Credential::Bootstrap });
        it.refused("S13", "operation numbers increase");
    }
}

#[test]
fn s7_unanswered_operation_is_followed_by_a_scan_only() {
    let mut it = Observed::started();
    let late = it.asks(DiskCommand::SyncDir);
    it.asks(DiskCommand::Scan);
    assert_eq!(it.spec.broken, None);
    it.given(&Input::DiskAnswered { op: late, result: Ok(DiskDone::Done) });
    assert!(it.spec.stray, "no operation waits for it now");
    it.steps(Disposition::Ignored(Why::NotOutstanding), vec![]);
    it.asks(DiskCommand::SyncDir);
    it.refused("S7", "an unanswered disk operation is followed by a scan or a lock only");
}

#[test]
fn s7_only_a_synced_file_of_this_run_gets_a_final_name() {
    let sentence = "only a file that this run wrote and synced gets a final name";
    let rename = DiskCommand::Rename { from: tmp(1), to: pending() };
    let mut it = Observed::started();
    it.does(DiskCommand::Create { name: tmp(1) });
    it.asks(rename);
    it.refused("S7", sentence);

    let mut it = Observed::started();
    it.does(DiskCommand::Create { name: tmp(1) });
    it.fails(DiskCommand::SyncFile { name: tmp(1) });
    it.asks(rename);
    it.refused("S7", sentence);

    let mut it = Observed::started();
    it.scans(CurrentLink::Absent, vec![Entry { name: tmp(1), found: Found::Unread }]);
    it.asks(rename);
    it.refused("S7", sentence);
}

#[test]
fn s7_failed_or_foreign_file_is_neither_written_nor_synced() {
    let sentence = "only a file on which no operation failed is written and synced";
    let write = DiskCommand::Write {
        name: tmp(1),
        content: Content::Pending { generation: FIRST, key: KEY, made: START },
    };
    let sync = DiskCommand::SyncFile { name: tmp(1) };
    for (failing, next) in [(write, write), (write, sync), (sync, sync), (sync, write)] {
        let mut it = Observed::started();
        it.does(DiskCommand::Create { name: tmp(1) });
        it.fails(failing);
        it.asks(next);
        it.refused("S7", sentence);
    }
    let mut it = Observed::started();
    it.scans(CurrentLink::Absent, vec![Entry { name: tmp(1), found: Found::Unread }]);
    it.asks(sync);
    it.refused("S7", sentence);
}

#[test]
fn s2_only_a_judged_certificate_is_written_with_its_own_key() {
    let sentence = "only an acceptable certificate is written, with its own key";
    let writes = |mut it: Observed, content| {
        it.does(DiskCommand::Create { name: tmp(2) });
        it.asks(DiskCommand::Write { name: tmp(2), content });
        it
    };
    assert_eq!(writes(Observed::issued(None), Observed::content(FIRST)).spec.broken, None);
    writes(Observed::saved(), Observed::content(FIRST)).refused("S2", sentence);
    for flaw in FLAWS {
        writes(Observed::issued(Some(flaw)), Observed::content(FIRST)).refused("S2", sentence);
    }
    let other = Content::Bundle { generation: FIRST, key: KeyHandle(2), cert: CERT, issued: START };
    writes(Observed::issued(None), other).refused("S2", sentence);
    // With less than five seconds left it is not worth its while.
    let mut short = Observed::saved();
    let op = short.asks_for(KEY);
    let end = START.plus(Span::from_ms(4999));
    short.shows(op, Some(CertFacts { not_after: end, ..Observed::facts(None) }), false);
    writes(short, Observed::content(FIRST)).refused("S2", sentence);
}

#[test]
fn s2_configured_client_ca_must_have_been_checked() {
    for (chain, required, fits) in [
        (Chain::Unchecked, false, true),
        (Chain::Unchecked, true, false),
        (Chain::Untrusted, false, false),
        (Chain::Trusted, true, true),
    ] {
        let mut it = Observed::saved();
        it.wanted.chain = required;
        let op = it.asks_for(KEY);
        it.shows(op, Some(CertFacts { chain, ..Observed::facts(None) }), false);
        it.does(DiskCommand::Create { name: tmp(2) });
        it.asks(DiskCommand::Write { name: tmp(2), content: Observed::content(FIRST) });
        assert_eq!(it.spec.broken.is_none(), fits, "{chain:?}, {required}");
    }
}

#[test]
fn s8_key_is_made_only_without_a_write_or_a_request_in_flight() {
    let sentence = "a key is made when no write and no request is in flight";
    let mut it = Observed::started();
    it.asks(DiskCommand::SyncDir);
    it.makes_key(KEY);
    it.refused("S8", sentence);

    let mut it = Observed::saved();
    let op = it.asks_for(KEY);
    it.shows(op, None, false);
    it.makes_key(KeyHandle(2));
    it.refused("S8", sentence);

    let decided: [fn(&mut Observed, OpId); 4] = [
        |it, op| it.shows(op, None, true),
        |it, op| it.shows(op, Some(Observed::facts(None)), false),
        |it, op| it.given(&Input::CallAnswered { op, result: Err(IssuerFault::Invalid) }),
        |it, _| {
            let request = RequestDigest([1; 32]);
            it.acts(Action::Report(Event::RequestForeign { request, again_in: HOUR }));
        },
    ];
    for decide in decided {
        let mut it = Observed::saved();
        let op = it.asks_for(KEY);
        decide(&mut it, op);
        it.makes_key(KeyHandle(2));
        assert_eq!(it.spec.broken, None);
    }
}

#[test]
fn s8_request_is_sent_after_its_key_is_durable_and_alone() {
    let mut it = Observed::started();
    it.makes_key(KEY);
    it.asks_for(KEY);
    it.refused("S8", "a request is sent after its key is durable");

    let mut it = Observed::named();
    it.asks_for(KEY);
    it.refused("S8", "a request is sent after its key is durable");

    let mut it = Observed::saved();
    it.asks_for(KEY);
    it.spec.open = Some(KeyHandle(7));
    it.asks_for(KEY);
    it.refused("S8", "no other request is open");
}

#[test]
fn l3_only_the_served_valid_identity_is_presented() {
    let presents = |mut it: Observed, generation| {
        let op = it.next();
        let call = Call::Get { request: RequestDigest([1; 32]) };
        it.acts(Action::Call { op, call, credential: Credential::Live(generation) });
        it.refused("L3", "only the served, valid identity is presented");
    };
    presents(Observed::switched(), FIRST);
    presents(Observed::live(), Generation(2));
    presents(Observed::live().at(START.plus(HOUR)), FIRST);
}

#[test]
fn s4_identity_goes_live_after_its_link_is_durable() {
    let sentence = "an identity goes live first when the current link leads to it durably";
    let mut it = Observed::issued(None);
    it.goes_live(FIRST);
    it.refused("S4", sentence);
    let mut it = Observed::switched();
    it.goes_live(FIRST);
    it.refused("S4", sentence);
    let mut it = Observed::switched();
    it.fails(DiskCommand::SyncDir);
    it.goes_live(FIRST);
    it.refused("S4", sentence);
    let mut it = Observed::switched();
    it.does(DiskCommand::SyncDir);
    it.goes_live(Generation(2));
    it.refused("S4", sentence);
}

#[test]
fn s1_s2_only_a_valid_acceptable_certificate_goes_live() {
    let mut it = Observed::switched();
    it.does(DiskCommand::SyncDir);
    let mut late = Observed { spec: it.spec.clone(), wanted: it.wanted.clone(), ..it }.at(START.plus(HOUR));
    late.goes_live(FIRST);
    late.refused("S1", "only a valid certificate goes live");
    it.acts(Action::GoLive { generation: FIRST, key: KeyHandle(2), cert: CERT });
    it.refused("S2", "only an acceptable certificate with its own key goes live");
}

#[test]
fn s1_served_identity_is_withdrawn_at_expiry_and_not_before() {
    let mut it = Observed::live().at(START.plus(HOUR));
    it.steps(Disposition::Applied, vec![]);
    it.refused("S1", "a live identity is valid");
    let mut it = Observed::live();
    it.acts(Action::Withdraw { generation: FIRST });
    it.refused("S1", "only a served identity that is not valid is withdrawn");
    let mut it = Observed::started();
    it.acts(Action::Withdraw { generation: FIRST });
    it.refused("S1", "only a served identity that is not valid is withdrawn");
}

#[test]
fn s13_expired_identity_stays_withdrawn_and_a_held_one_returns() {
    let mut it = Observed::live().at(WallTime::from_unix_ms(START.unix_ms() - 1));
    it.acts(Action::Withdraw { generation: FIRST });
    it = it.at(START);
    // It need not be looked at again.
    it.spec.files.clear();
    it.goes_live(FIRST);
    assert_eq!(it.spec.broken, None);
    it = it.at(START.plus(HOUR));
    it.acts(Action::Withdraw { generation: FIRST });
    assert_eq!(it.spec.broken, None);
    it = it.at(START);
    it.goes_live(FIRST);
    it.refused("S13", "no older and no expired identity goes live");
    let mut it = Observed::live();
    it.spec.lowest = Generation(2);
    it.goes_live(FIRST);
    it.refused("S13", "no older and no expired identity goes live");
}

#[test]
fn s2_identity_of_another_subject_is_withdrawn_and_stays_withdrawn() {
    let mut it = Observed::live();
    it.spec.edited(false);
    it.steps(Disposition::Applied, vec![]);
    assert_eq!(it.spec.broken, None, "names and usages are no reason to withdraw");
    it.spec.edited(true);
    it.acts(Action::Withdraw { generation: FIRST });
    assert_eq!(it.spec.broken, None);
    it.goes_live(FIRST);
    it.refused("S2", "only an acceptable certificate with its own key goes live");
    let mut it = Observed::live();
    it.spec.edited(true);
    it.steps(Disposition::Applied, vec![]);
    it.refused("S1", "a live identity is valid");
}
