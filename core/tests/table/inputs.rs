//! The inputs that the table gives to a state, each with its label on the page.

use certrotate_core::config::{Config, ConfigSpec};
use certrotate_core::disk::{DiskCommand, DiskDone, DiskFault};
use certrotate_core::facts::{CertFacts, Chain, San};
use certrotate_core::id::{CertHandle, KeyDigest, KeyHandle, LeafDigest, OpId, RequestDigest, RunId};
use certrotate_core::input::{Input, KeyFault, MadeKey};
use certrotate_core::issuer::{Call, IssuerFault, RequestRecord, RequestState};
use certrotate_core::rotator::Rotator;
use certrotate_core::time::{Now, Span, WallTime};
use certrotate_core::view::{Handle, Phase};
use certrotate_model::cert::{key_digest, leaf};
use certrotate_model::world::{Effect, InFlight, World};

/// An operation that no run started.
pub(crate) const UNKNOWN: OpId = OpId { run: RunId(99), seq: 99 };

/// One input at one time, and its label.
pub(crate) type Given = (&'static str, Now, Input);

/// Every label, in the order of the page. Labels in one row share the word before the colon.
pub(crate) const LABELS: [&str; 56] = [
    "done",
    "scanned",
    "key made",
    "key failed",
    "fault: Locked",
    "fault: Unsafe",
    "fault: NoDirectory",
    "fault: any other",
    "answer of another kind",
    "call: pending",
    "call: pending, by the node",
    "call: approved",
    "call: issued",
    "call: issued but not yet valid",
    "call: unacceptable certificate",
    "call: unreadable certificate",
    "call: denied",
    "call: failed",
    "call: foreign object",
    "call: AlreadyExists",
    "call: Invalid",
    "call: NotFound",
    "call: Throttled",
    "call: NotAuthenticated",
    "call: Unreachable",
    "watch: pending",
    "watch: approved",
    "watch: issued",
    "watch: issued but not yet valid",
    "watch: unacceptable certificate",
    "watch: unreadable certificate",
    "watch: denied",
    "watch: failed",
    "watch: foreign object",
    "watch: NotFound",
    "watch: Throttled",
    "watch: NotAuthenticated",
    "watch: Unreachable",
    "watch: WatchEnded",
    "tick",
    "wake: monotonic clock",
    "wake: wall clock",
    "clock: before `notBefore`",
    "clock: at `notBefore`",
    "clock: at `notAfter`",
    "clock: past `notAfter`",
    "rotate now",
    "reconfigure: same",
    "reconfigure: seed",
    "reconfigure: names",
    "reconfigure: subject",
    "reconfigure: client CA",
    "shutdown",
    "unknown answer: disk",
    "unknown answer: key",
    "unknown answer: call",
];

/// A new configuration: its label, and its difference from the present one.
type Edit = (&'static str, fn(&mut ConfigSpec));

const EDITS: [Edit; 5] = [
    ("reconfigure: same", |_| {}),
    ("reconfigure: seed", |spec| spec.seed += 1),
    ("reconfigure: names", |spec| spec.template.sans.push(San::Dns("n.example".into()))),
    ("reconfigure: subject", |spec| spec.template.subject.common_name.push('x')),
    ("reconfigure: client CA", |spec| spec.chain_required = !spec.chain_required),
];

/// Answers to operations that are not outstanding.
fn unknown_answers() -> [Given; 3] {
    let now = Now::default();
    [
        ("unknown answer: disk", now, Input::DiskAnswered { op: UNKNOWN, result: Ok(DiskDone::Done) }),
        ("unknown answer: key", now, Input::KeyMade { op: UNKNOWN, result: Err(KeyFault::Failed) }),
        (
            "unknown answer: call",
            now,
            Input::CallAnswered { op: UNKNOWN, result: Err(IssuerFault::NotFound) },
        ),
    ]
}

/// An ignored input, after which the state has judged both clocks.
pub(crate) fn judge_clocks() -> Input {
    Input::CallAnswered { op: UNKNOWN, result: Err(IssuerFault::NotFound) }
}

/// Every input of the table for a state, in the order of the page.
pub(crate) fn inputs(node: &Rotator, world: &World, now: Now) -> Vec<Given> {
    let mut all = ticks(node, now);
    for asked in world.in_flight.iter().filter(|asked| !asked.given_up) {
        all.extend(answers(node, world, asked, now).into_iter().map(|(label, input)| (label, now, input)));
    }
    all.extend(unknown_answers().map(|(label, _, input)| (label, now, input)));
    all.push(("rotate now", now, Input::RotateNow));
    all.push(("shutdown", now, Input::Shutdown));
    for (label, edit) in EDITS {
        let mut spec = node.config().spec().clone();
        edit(&mut spec);
        let config = Config::new(spec).expect("each edit keeps the configuration valid");
        all.push((label, now, Input::Reconfigure(config)));
    }
    all
}

fn ticks(node: &Rotator, now: Now) -> Vec<Given> {
    let mut ticks = vec![("tick", now, Input::Tick)];
    let wake = node.wake();
    if let Some(mono) = wake.mono.filter(|mono| *mono > now.mono) {
        ticks.push(("wake: monotonic clock", Now { mono, ..now }, Input::Tick));
    }
    // A row for a clock change shows a wake at which the live identity changes.
    let is_change = |wall: WallTime| clock_changes(node).any(|(_, time)| time == wall);
    if let Some(wall) = wake.wall.filter(|wall| *wall > now.wall && !is_change(*wall)) {
        ticks.push(("wake: wall clock", Now { wall, ..now }, Input::Tick));
    }
    ticks.extend(clock_changes(node).map(|(label, wall)| (label, Now { wall, ..now }, Input::Tick)));
    ticks
}

/// The times of the wall clock at which the live identity is withdrawn or served.
pub(crate) fn clock_changes(node: &Rotator) -> impl Iterator<Item = (&'static str, WallTime)> {
    let view = node.view();
    view.identity.into_iter().flat_map(move |identity| {
        let before = WallTime::from_unix_ms(identity.not_before.unix_ms().saturating_sub(1));
        if view.serving {
            [("clock: before `notBefore`", before), ("clock: at `notAfter`", identity.not_after)]
        } else {
            [("clock: at `notBefore`", identity.not_before), ("clock: past `notAfter`", identity.not_after)]
        }
    })
}

fn answers(node: &Rotator, world: &World, asked: &InFlight, now: Now) -> Vec<(&'static str, Input)> {
    let op = asked.op;
    match asked.effect {
        Effect::Disk(command) => disk_answers(world, command)
            .into_iter()
            .map(|(label, result)| (label, Input::DiskAnswered { op, result }))
            .collect(),
        // The phase no longer waits for this key: the row of an unknown answer shows it.
        Effect::Key(_) if node.view().phase != Phase::Keying => Vec::new(),
        Effect::Key(_) => {
            let made = MadeKey {
                key: KeyHandle(900),
                key_digest: KeyDigest([9; 32]),
                request: RequestDigest([9; 32]),
            };
            vec![
                ("key made", Input::KeyMade { op, result: Ok(made) }),
                ("key failed", Input::KeyMade { op, result: Err(KeyFault::Failed) }),
            ]
        }
        Effect::Call(call, _) => call_answers(node, world, call, now)
            .into_iter()
            .map(|(label, result)| (label, Input::CallAnswered { op, result }))
            .collect(),
    }
}

type DiskAnswer = (&'static str, Result<DiskDone, DiskFault>);

fn disk_answers(world: &World, command: DiskCommand) -> Vec<DiskAnswer> {
    let scanned = Ok(DiskDone::Scanned(Box::new(world.inventory())));
    match command {
        DiskCommand::Scan => vec![
            ("scanned", scanned),
            ("answer of another kind", Ok(DiskDone::Done)),
            ("fault: any other", Err(DiskFault::Io)),
        ],
        DiskCommand::Lock => vec![
            ("done", Ok(DiskDone::Done)),
            ("answer of another kind", scanned),
            ("fault: any other", Err(DiskFault::Io)),
            ("fault: Locked", Err(DiskFault::Locked)),
            ("fault: Unsafe", Err(DiskFault::Unsafe)),
            ("fault: NoDirectory", Err(DiskFault::NoDirectory)),
        ],
        DiskCommand::Create { .. }
        | DiskCommand::Write { .. }
        | DiskCommand::SyncFile { .. }
        | DiskCommand::Rename { .. }
        | DiskCommand::Symlink { .. }
        | DiskCommand::Unlink { .. }
        | DiskCommand::SyncDir => vec![
            ("done", Ok(DiskDone::Done)),
            ("answer of another kind", scanned),
            ("fault: any other", Err(DiskFault::NoSpace)),
        ],
    }
}

type CallAnswer = (&'static str, Result<RequestRecord, IssuerFault>);

/// Pairs of labels: for a call, and for a watch.
fn call_answers(node: &Rotator, world: &World, call: Call, now: Now) -> Vec<CallAnswer> {
    let retry_after = Some(Span::from_hours(24 * 3650));
    let faults = [
        (["call: Unreachable", "watch: Unreachable"], IssuerFault::Unreachable),
        (["call: NotAuthenticated", "watch: NotAuthenticated"], IssuerFault::NotAuthenticated),
        (["call: NotFound", "watch: NotFound"], IssuerFault::NotFound),
        (["call: AlreadyExists", ""], IssuerFault::AlreadyExists),
        (["call: Invalid", ""], IssuerFault::Invalid),
        (["call: Throttled", "watch: Throttled"], IssuerFault::Throttled { retry_after }),
        (["", "watch: WatchEnded"], IssuerFault::WatchEnded),
    ];
    let objects = objects(node, world, now).into_iter().map(|(labels, object)| (labels, Ok(object)));
    let faults = faults.into_iter().map(|(labels, fault)| (labels, Err(fault)));
    let which = usize::from(matches!(call, Call::Watch { .. }));
    let all = objects.chain(faults).map(|(labels, result)| (labels[which], result));
    all.filter(|(label, _)| !label.is_empty()).collect()
}

/// The states of the attempt's object, with a certificate that fits the configuration.
fn objects(node: &Rotator, world: &World, now: Now) -> Vec<([&'static str; 2], RequestRecord)> {
    let request = node.view().request;
    let keys = node.handles().filter_map(|handle| match handle {
        Handle::Key(key) => Some(key.0),
        Handle::Cert(_) => None,
    });
    let own = keys.into_iter().find(|key| request == Some(RequestDigest(leaf(*key).0)));
    // Without the key of the attempt there is no object to answer with.
    let Some(key) = own.map(key_digest) else { return Vec::new() };
    let template = node.config().template().clone();
    let facts = |start: WallTime| CertFacts {
        leaf: LeafDigest([7; 32]),
        key,
        subject: template.subject.clone(),
        sans: template.sans.clone(),
        usages: template.usages,
        ca: false,
        not_before: start,
        not_after: start.plus(world.server.lifetime),
        chain: Chain::Trusted,
    };
    let pending = RequestRecord {
        key: Some(key),
        signer: template.signer.clone(),
        usages: template.usages,
        requester: "system:bootstrap:abcdef".into(),
        state: RequestState::Pending,
    };
    let with = |state: RequestState| RequestRecord { state, ..pending.clone() };
    let issued = |facts: CertFacts| with(RequestState::Issued { cert: CertHandle(900), facts });
    let backdated = WallTime::from_unix_ms(now.wall.unix_ms().saturating_sub(1));
    let refused = CertFacts { ca: true, ..facts(backdated) };
    vec![
        (["call: pending", "watch: pending"], pending.clone()),
        (["call: pending, by the node", ""], {
            RequestRecord { requester: template.subject.common_name.clone(), ..pending.clone() }
        }),
        (["call: approved", "watch: approved"], with(RequestState::Approved)),
        (["call: denied", "watch: denied"], with(RequestState::Denied)),
        (["call: failed", "watch: failed"], with(RequestState::Failed)),
        (["call: issued", "watch: issued"], issued(facts(backdated))),
        (["call: issued but not yet valid", "watch: issued but not yet valid"], {
            issued(facts(now.wall.plus(Span::from_mins(5))))
        }),
        (["call: unacceptable certificate", "watch: unacceptable certificate"], issued(refused)),
        (["call: unreadable certificate", "watch: unreadable certificate"], {
            with(RequestState::IssuedUnreadable)
        }),
        (["call: foreign object", "watch: foreign object"], RequestRecord { key: None, ..pending }),
    ]
}
