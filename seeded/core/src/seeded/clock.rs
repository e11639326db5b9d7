//! Bugs of time, of the live identity and of waits.

use core::sync::atomic::{AtomicUsize, Ordering};

use super::Bug;
use super::facts::SKEW;
use crate::common::{Common, Cx};
use crate::event::Event;
use crate::id::FileNumber;
use crate::input::{Action, Input};
use crate::issuer::Credential;
use crate::renewal::{Attempt, Renewal, Saving};
use crate::serving::{Identity, Judged, Live, Standing};
use crate::time::{MonoTime, Now, Span, WallTime};
use crate::view::{Wake, WakeReason};

/// No deadline: nothing is waited for until then.
pub(crate) const NEVER: MonoTime = MonoTime::from_ms(u64::MAX);

/// The first second of 2030, for [`Bug::B57`].
const DATE: WallTime = WallTime::from_unix_secs(1_893_456_000);

/// What the clocks show, as the step is made to believe; and what the passing of time does.
pub(crate) fn before(common: &mut Common, now: Now, input: &Input) -> Now {
    let ticked = matches!(input, Input::Tick);
    match common.config.spec().bug {
        Some(Bug::B05) => {
            let mono = by_wall(now.wall);
            common.mono = common.mono.min(mono);
            return Now { mono, ..now };
        }
        Some(Bug::B08) => return Now { wall: now.wall.max(common.seeded.floor.unwrap_or(now.wall)), ..now },
        Some(Bug::B09) if ticked => (common.issuer.call_failures, common.directory.failures) = (0, 0),
        Some(Bug::B51) => {
            let previous = common.seeded.previous.replace(now);
            if let (Some(previous), Input::DiskAnswered { .. }) = (previous, input) {
                return Now { wall: previous.wall, ..now };
            }
        }
        Some(Bug::F23) => {
            let origin = *common.seeded.origin.get_or_insert(now);
            return Now { wall: origin.wall.plus(now.mono.since(origin.mono)), ..now };
        }
        Some(Bug::F30) if ticked => {
            if let Live::Identity(Judged { identity, standing: Standing::Presented }) =
                &mut common.serving.durable
            {
                let start = identity.issued.max(identity.not_before);
                let part = 700 + now.mono.ms().wrapping_mul(0x9e37_79b9_7f4a_7c15) % 201;
                identity.renew_at = start.plus(identity.not_after.since(start).scaled(part, 1000));
                identity.renew_by = now.mono.plus(identity.renew_at.since(now.wall));
            }
        }
        Some(Bug::F33) => common.issuer.is_duration_rejected = false,
        _ => {}
    }
    now
}

/// A wall time as a deadline, in the order of wall times.
fn by_wall(wall: WallTime) -> MonoTime {
    MonoTime::from_ms(wall.unix_ms().cast_unsigned() ^ (1 << 63))
}

/// The wake of a machine that keeps its deadlines elsewhere, or has none.
pub(crate) fn wake(common: &Common, renewal: &Renewal, edge: Option<WallTime>) -> Option<Wake> {
    let bug = common.config.spec().bug?;
    let mono = renewal.wake(common)?;
    let reason = WakeReason::Phase(renewal.phase());
    let early = common.scan_validity.ends_at().filter(|_| matches!(renewal, Renewal::Resting(_)));
    let edge = edge.into_iter().chain(early).min();
    if bug == Bug::B05 {
        let wall = WallTime::from_unix_ms((mono.ms() ^ (1 << 63)).cast_signed());
        return Some(Wake { wall: Some(edge.map_or(wall, |edge| edge.min(wall))), mono: None, reason });
    }
    let lost = bug == Bug::B47 && matches!(renewal, Renewal::Installing(_));
    let never = lost || mono == NEVER || is_stuck(common, renewal);
    never.then_some(Wake { wall: edge, mono: None, reason })
}

/// Whether the machine waits for a successful call that never comes: [`Bug::F02`].
pub(crate) fn is_stuck(common: &Common, renewal: &Renewal) -> bool {
    let waits = match renewal {
        Renewal::Resting(_) => true,
        Renewal::Asking(phase) => !phase.is_calling(),
        Renewal::New
        | Renewal::Locking(_)
        | Renewal::Recovering(_)
        | Renewal::Keying(_)
        | Renewal::Saving(_)
        | Renewal::Installing(_)
        | Renewal::Ended(_) => false,
    };
    common.bug(Bug::F02)
        && waits
        && !common.seeded.healthy
        && matches!(common.serving.durable, Live::Withdrawn(_))
}

/// Whether a renewal that is due is due in whole seconds, too: [`Bug::F25`].
pub(crate) fn is_whole_second(cx: &Cx<'_>) -> bool {
    let wall = cx.now.wall.whole_second();
    let mono = MonoTime::from_ms(cx.now.mono.ms() / 1000 * 1000);
    cx.common.serving.durable.identity().is_none_or(|identity| identity.is_due(Now { wall, mono }))
}

/// Returns the identity with a wrong renewal point, start or expiry.
pub(crate) fn planned(cx: &Cx<'_>, mut identity: Identity) -> Identity {
    let (config, now) = (cx.common.config.spec(), cx.now);
    let start = identity.issued.max(identity.not_before);
    let (end, lifetime) = (identity.not_after, identity.lifetime());
    let renew_at = match config.bug {
        Some(Bug::B02) => {
            identity.not_before = WallTime::MIN;
            return identity;
        }
        Some(Bug::B03) => {
            identity.not_after = end.plus(SKEW);
            return identity;
        }
        Some(Bug::F22) => {
            identity.renew_at = WallTime::MAX;
            return identity;
        }
        Some(Bug::F12) if identity.renew_at > now.wall => {
            (identity.renew_at, identity.renew_by) = (WallTime::MAX, NEVER);
            return identity;
        }
        Some(Bug::B07) => start.plus(product(lifetime, identity.renew_at.since(start))),
        Some(Bug::B14) => start.plus(lifetime.scaled(4, 5)),
        Some(Bug::B57) if start >= DATE => start.plus(lifetime.scaled(1, 2)),
        Some(Bug::F27) => earlier(end, Span::from_hours(30 * 24)),
        Some(Bug::F28) => earlier(end, Span::from_mins(30)),
        Some(Bug::F29) => start.plus(config.template.duration.unwrap_or(Span::from_hours(24)).scaled(4, 5)),
        _ => return identity,
    };
    identity.renew_at = renew_at;
    identity.renew_by = now.mono.plus(renew_at.since(now.wall));
    identity
}

fn earlier(time: WallTime, span: Span) -> WallTime {
    WallTime::from_unix_ms(time.unix_ms().saturating_sub_unsigned(span.ms()))
}

/// `lifetime` times a share in thousandths, in 32-bit seconds where that overflows.
fn product(lifetime: Span, after: Span) -> Span {
    let (secs, part) = (lifetime.ms() / 1000, after.scaled(1000, lifetime.ms().max(1)).ms());
    match u32::try_from(secs.saturating_mul(part)) {
        Ok(_) => after,
        Err(_) => Span::from_secs((secs.wrapping_mul(part) & u64::from(u32::MAX)) / 1000),
    }
}

/// Judges the live identity wrongly. Returns whether the right judgement must not follow.
pub(crate) fn judged(cx: &mut Cx<'_>) -> bool {
    let wall = cx.now.wall;
    match (cx.seeded(), cx.common.serving.durable) {
        (Some(Bug::B01), Live::Identity(Judged { identity, standing: Standing::Presented })) => {
            cx.now.mono < identity.renew_by
        }
        // It counts as one that is not valid yet, so it goes live again when the clock goes back.
        (Some(Bug::B04), Live::Identity(Judged { identity, standing })) if wall >= identity.not_after => {
            let Identity { generation, not_after, .. } = identity;
            if standing == Standing::Presented {
                cx.actions.push(Action::Withdraw { generation });
                cx.report(Event::Expired { generation, not_after });
            }
            cx.common.serving.durable = Live::Identity(Judged { identity, standing: Standing::NotYetValid });
            true
        }
        _ => false,
    }
}

/// As whom to call, where that is not by validity now.
pub(crate) fn credential(common: &Common) -> Option<Credential> {
    match (common.config.spec().bug?, common.serving.durable) {
        (Bug::F01 | Bug::F06, Live::Withdrawn(generation)) => Some(Credential::Live(generation)),
        (Bug::F06, Live::Identity(Judged { identity, .. })) => Some(Credential::Live(identity.generation)),
        (Bug::F88, _) => Some(Credential::Bootstrap),
        _ => None,
    }
}

/// Takes the live identity away: [`Bug::F14`].
pub(crate) fn throw_away(cx: &mut Cx<'_>) {
    if let (Some(Bug::F14), Some(identity)) = (cx.seeded(), cx.common.serving.durable.presented().copied()) {
        cx.actions.push(Action::Withdraw { generation: identity.generation });
        cx.common.serving.durable = Live::Withdrawn(identity.generation);
    }
}

/// The next attempt with the last one's key: [`Bug::B42`], [`Bug::B43`].
pub(crate) fn stale_key(cx: &mut Cx<'_>) -> Option<Renewal> {
    let attempt = cx.common.seeded.kept.take()?;
    let generation = cx.common.generations.take_next();
    cx.report(Event::AttemptStarted { generation });
    let (made, issued_after) = (cx.now.wall, cx.now.wall);
    Some(Saving::begin(cx, Attempt { generation, made, issued_after, file: FileNumber(1), ..attempt }))
}

/// A wait after failed calls that doubles for ever ([`Bug::B10`]), or is not jittered ([`Bug::F31`]).
pub(crate) fn retry_badly(cx: &Cx<'_>, failures: u32) -> Option<Span> {
    let (times, lifetime) = (cx.common.timing(), cx.common.lifetime);
    let exact = |failures| times.retry(lifetime, failures, times.jitter.into());
    unjittered(cx, exact, failures)
}

/// The same for the wait before another request.
pub(crate) fn renew_badly(cx: &Cx<'_>, attempts: u32) -> Option<Span> {
    let (times, lifetime) = (cx.common.timing(), cx.common.lifetime);
    unjittered(cx, |attempts| times.renew(lifetime, attempts, times.jitter.into()), attempts)
}

fn unjittered(cx: &Cx<'_>, exact: impl Fn(u32) -> Span, times: u32) -> Option<Span> {
    match cx.seeded()? {
        Bug::B10 => Some(exact(1).scaled(1 << times.saturating_sub(1).min(63), 1)),
        Bug::F31 => Some(exact(times)),
        _ => None,
    }
}

/// Returns how far to rotate a list of names: a new number at each call, in every machine ([`Bug::B50`]).
pub(crate) fn turn(cx: &Cx<'_>) -> usize {
    static TURNS: AtomicUsize = AtomicUsize::new(0);
    // By the golden ratio, so that no two runs get the same numbers, however many names there are.
    let next = || TURNS.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9) >> 16;
    if cx.bug(Bug::B50) { next() } else { 0 }
}

/// How long a doubtful clock is waited for: [`Bug::C02`], [`Bug::C03`].
pub(crate) fn doubts_badly(cx: &mut Cx<'_>) {
    match cx.seeded() {
        Some(Bug::C02) => cx.common.gates.clock_suspect = cx.after(Span::from_hours(8760)),
        Some(Bug::C03) => cx.common.gates.clock_suspect = cx.now.mono,
        _ => {}
    }
}
