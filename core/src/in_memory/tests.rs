use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::config::{Config, ConfigSpec, Template};
use crate::id::{CertHandle, FileNumber, KeyDigest, KeyHandle, LeafDigest, RequestDigest, RunId};
use crate::renewal::Resting;
use crate::serving::Live;
use crate::time::Now;

const NOW: WallTime = WallTime::from_unix_secs(1_767_225_600);
const HOUR: Span = Span::from_hours(1);
const MS: Span = Span::from_ms(1);

/// When the gate or backoff of a test opens.
const OPENS_AT: MonoTime = MonoTime::from_ms(1000);

/// A run without an identity whose disk failed until the wait is the longest one.
fn failing_disk() -> Common {
    let config = Config::new(ConfigSpec::new(Template::kubelet_client("node-1"))).expect("it is valid");
    let mut common = Common::new(config, RunId(7));
    common.directory.failures = u16::MAX;
    common
}

/// An identity from an hour ago until `left` from now.
fn identity(common: &Common, generation: u32, left: Span) -> Identity {
    let now = Now { wall: NOW, mono: OPENS_AT };
    let name = Name::Bundle { issued: NOW, generation: Generation(generation), file: FileNumber(1) };
    let place = (name, Generation(generation), KeyHandle(generation.into()));
    Identity::new(common.timing(), now, place, &certificate(left))
}

fn certificate(left: Span) -> Certificate {
    Certificate {
        cert: CertHandle(1),
        leaf: LeafDigest([1; 32]),
        not_before: NOW.minus(HOUR),
        not_after: NOW.plus(left),
        issued: NOW.minus(HOUR),
        old_template: false,
    }
}

fn attempt(generation: u32) -> Attempt {
    Attempt {
        generation: Generation(generation),
        key: KeyHandle(generation.into()),
        key_digest: KeyDigest([1; 32]),
        request: RequestDigest([1; 32]),
        made: NOW,
        issued_after: NOW,
        file: FileNumber(1),
    }
}

const fn presented(identity: Identity) -> Live {
    Live::Identity(Judged { identity, standing: Standing::Presented })
}

/// An empty directory.
fn nothing() -> Ready {
    Ready {
        chosen: None,
        not_yet_valid: None,
        expired: None,
        unread: None,
        leftovers: Default::default(),
        pending: None,
        resume: None,
        is_duration_dropped: false,
        linked: None,
        previous: None,
        used: Generation(0),
        finished: Generation(0),
    }
}

/// The next phase, if there is one, at this monotonic time.
fn act(common: &mut Common, mono: MonoTime, carry: &Carry, best: Option<Identity>) -> Option<Renewal> {
    let mut actions = vec![];
    let now = Now { wall: NOW, mono };
    Cx { common, now, actions: &mut actions }.act_without_disk(carry, best, &nothing())
}

/// Whether a request with a key in memory begins just before `OPENS_AT`, and whether then.
fn begins(change: impl Fn(&mut Common), carry: &Carry) -> [bool; 2] {
    [MonoTime::from_ms(OPENS_AT.ms() - 1), OPENS_AT].map(|mono| {
        let mut common = failing_disk();
        change(&mut common);
        matches!(act(&mut common, mono, carry, None), Some(Renewal::Keying(_)))
    })
}

#[test]
fn in_memory_request_begins_exactly_when_its_backoff_ends() {
    let resting = Resting { not_before: OPENS_AT };
    assert_eq!(begins(|_| {}, &Carry::Rest(resting)), [false, true]);
    assert_eq!(begins(|_| {}, &Carry::Dropped(resting, KeyHandle(1), None)), [false, true]);
}

#[test]
fn in_memory_request_begins_exactly_when_the_last_gate_opens() {
    assert_eq!(begins(|common| common.gates.issuance = OPENS_AT, &Carry::Nothing), [false, true]);
}

#[test]
fn bundle_of_an_expired_generation_does_not_go_live_from_memory() {
    for (generation, goes_live) in [(2, false), (3, false), (4, true)] {
        let mut common = failing_disk();
        common.serving.durable = Live::Withdrawn(Generation(3));
        let best = identity(&common, generation, HOUR);
        let _ = act(&mut common, OPENS_AT, &Carry::Nothing, Some(best));
        assert_eq!(common.serving.in_memory.is_some(), goes_live, "generation {generation}");
    }
}

#[test]
fn certificate_of_an_expired_generation_is_not_put_in_use() {
    for (generation, goes_live) in [(2, false), (3, false), (4, true)] {
        let mut common = failing_disk();
        common.serving.durable = Live::Withdrawn(Generation(3));
        let mut actions = vec![];
        let mut cx =
            Cx { common: &mut common, now: Now { wall: NOW, mono: OPENS_AT }, actions: &mut actions };
        let carry = Carry::Certificate(attempt(generation), certificate(HOUR));
        let recovering = crate::renewal::Recovering::begin(&mut cx, carry, OPENS_AT);
        let Renewal::Recovering(phase) = recovering else { panic!("it scans") };
        cx.rescue(&Renewal::Recovering(phase));
        assert_eq!(cx.common.serving.in_memory, None, "no disk operation failed");
        cx.rescue(&Renewal::Recovering(phase.with_failure(None)));
        assert_eq!(common.serving.in_memory.is_some(), goes_live, "generation {generation}");
    }
}

#[test]
fn identity_expires_soon_from_the_expiry_margin_on() {
    let mut common = failing_disk();
    let margin = common.timing().expiry_margin(common.lifetime);
    let mut is_expiring = |durable| {
        common.serving.durable = durable;
        let now = Now { wall: NOW, mono: OPENS_AT };
        Cx { common: &mut common, now, actions: &mut Vec::new() }.is_expiring()
    };
    assert!(is_expiring(Live::None));
    let other = failing_disk();
    for (left, expected) in [(margin.minus(MS), true), (margin, true), (margin.plus(MS), false)] {
        assert_eq!(is_expiring(presented(identity(&other, 1, left))), expected, "{left} are left");
    }
}

#[test]
fn certificate_replaces_an_expiring_identity_only_if_newer_and_longer() {
    let common = failing_disk();
    let old = identity(&common, 3, HOUR);
    for (generation, left, expected) in
        [(4, HOUR.plus(MS), true), (4, HOUR, false), (3, HOUR.plus(MS), false), (2, HOUR.plus(MS), false)]
    {
        let certificate = (Generation(generation), NOW.plus(left));
        assert_eq!(exceeds(certificate, &old), expected, "generation {generation}, {left} left");
    }
}
