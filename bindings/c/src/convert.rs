//! Numbers of the interface as values of core, and back. Safe code: it sees no pointer of C.

use certrotate_core::disk;
use certrotate_core::facts::{self, PathFault};
use certrotate_core::id::{FileNumber, Generation, OpId, RunId};
use certrotate_core::input::{Disposition, ExitReason, Why};
use certrotate_core::issuer;
use certrotate_core::time::{MonoTime, Now, Span, WallTime};

use crate::failure::Failure;
use crate::types::codes::{self, Ignored, NameKind};
use crate::types::{self, Name, Op};

/// Returns the value whose code is `number`.
fn one_of<T: Copy>(argument: &str, number: u32, values: &[(u32, T)]) -> Result<T, Failure> {
    let found = values.iter().find(|(code, _)| *code == number);
    found.map(|(_, value)| *value).ok_or_else(|| Failure::invalid(argument, number))
}

pub(crate) const fn now(now: types::Now) -> Now {
    Now { wall: WallTime::from_unix_ms(now.wall), mono: MonoTime::from_ms(now.mono) }
}

pub(crate) const fn op(op: Op) -> OpId {
    OpId { run: RunId(op.run), seq: op.seq }
}

pub(crate) const fn op_of(op: OpId) -> Op {
    Op { run: op.run.0, seq: op.seq }
}

pub(crate) fn name(argument: &str, name: Name) -> Result<disk::Name, Failure> {
    let (generation, file) = (Generation(name.generation), FileNumber(name.file));
    const CURRENT: u32 = NameKind::Current as u32;
    const BUNDLE: u32 = NameKind::Bundle as u32;
    const PENDING: u32 = NameKind::Pending as u32;
    const TEMPORARY: u32 = NameKind::Temporary as u32;
    const QUARANTINE: u32 = NameKind::Quarantine as u32;
    match name.kind {
        CURRENT => Ok(disk::Name::Current),
        BUNDLE => Ok(disk::Name::Bundle { issued: WallTime::from_unix_ms(name.issued), generation, file }),
        PENDING => Ok(disk::Name::Pending { generation, file }),
        TEMPORARY => Ok(disk::Name::Temporary { generation, file }),
        QUARANTINE => Ok(disk::Name::Quarantine { generation, file }),
        other => Err(Failure::invalid(&format!("{argument}.kind"), other)),
    }
}

pub(crate) fn name_of(name: disk::Name) -> Name {
    let kind = match name {
        disk::Name::Current => NameKind::Current,
        disk::Name::Bundle { .. } => NameKind::Bundle,
        disk::Name::Pending { .. } => NameKind::Pending,
        disk::Name::Temporary { .. } => NameKind::Temporary,
        disk::Name::Quarantine { .. } => NameKind::Quarantine,
    };
    let issued = match name {
        disk::Name::Bundle { issued, .. } => issued.unix_ms(),
        disk::Name::Current
        | disk::Name::Pending { .. }
        | disk::Name::Temporary { .. }
        | disk::Name::Quarantine { .. } => 0,
    };
    Name {
        kind: kind as u32,
        generation: name.generation().map_or(0, |generation| generation.0),
        file: name.file().map_or(0, |file| file.0),
        issued,
    }
}

pub(crate) fn disk_fault(number: u32) -> Result<disk::DiskFault, Failure> {
    use codes::DiskFault as Code;
    use disk::DiskFault;
    let values = [
        (Code::NoSpace as u32, DiskFault::NoSpace),
        (Code::ReadOnly as u32, DiskFault::ReadOnly),
        (Code::Denied as u32, DiskFault::Denied),
        (Code::Exists as u32, DiskFault::Exists),
        (Code::NotFound as u32, DiskFault::NotFound),
        (Code::Locked as u32, DiskFault::Locked),
        (Code::Unsafe as u32, DiskFault::Unsafe),
        (Code::NoDirectory as u32, DiskFault::NoDirectory),
        (Code::HandleGone as u32, DiskFault::HandleGone),
        (Code::Io as u32, DiskFault::Io),
    ];
    one_of("fault", number, &values)
}

pub(crate) fn issuer_fault(number: u32, retry_after: Option<Span>) -> Result<issuer::IssuerFault, Failure> {
    use codes::IssuerFault as Code;
    use issuer::IssuerFault;
    let values = [
        (Code::NoCredential as u32, IssuerFault::NoCredential),
        (Code::Unreachable as u32, IssuerFault::Unreachable),
        (Code::NotAuthenticated as u32, IssuerFault::NotAuthenticated),
        (Code::NotPermitted as u32, IssuerFault::NotPermitted),
        (Code::NotFound as u32, IssuerFault::NotFound),
        (Code::AlreadyExists as u32, IssuerFault::AlreadyExists),
        (Code::Throttled as u32, IssuerFault::Throttled { retry_after }),
        (Code::Invalid as u32, IssuerFault::Invalid),
        (Code::Unavailable as u32, IssuerFault::Unavailable { retry_after }),
        (Code::WatchEnded as u32, IssuerFault::WatchEnded),
        (Code::HandleGone as u32, IssuerFault::HandleGone),
        (Code::Unexpected as u32, IssuerFault::Unexpected),
    ];
    one_of("fault", number, &values)
}

/// Returns the state of a request without a readable certificate.
pub(crate) fn request_state(number: u32) -> Result<issuer::RequestState, Failure> {
    use codes::RequestState as Code;
    use issuer::RequestState;
    if number == Code::IssuedUnreadable as u32 {
        return Ok(RequestState::IssuedUnreadable);
    }
    if number == Code::Pending as u32 {
        return Ok(RequestState::Pending);
    }
    if number == Code::Approved as u32 {
        return Ok(RequestState::Approved);
    }
    if number == Code::Denied as u32 {
        return Ok(RequestState::Denied);
    }
    one_of("record.state", number, &[(Code::Failed as u32, ())]).map(|()| RequestState::Failed)
}

pub(crate) fn chain(argument: &str, number: u32) -> Result<facts::Chain, Failure> {
    use codes::Chain as Code;
    use facts::Chain;
    let values = [
        (Code::Unchecked as u32, Chain::Unchecked),
        (Code::Trusted as u32, Chain::Trusted),
        (Code::Untrusted as u32, Chain::Untrusted),
        (Code::WeakSignature as u32, Chain::Rejected(PathFault::WeakSignature)),
        (Code::SignatureAlgorithm as u32, Chain::Rejected(PathFault::SignatureAlgorithm)),
        (Code::NoCa as u32, Chain::Rejected(PathFault::NoCa)),
        (Code::CriticalExtension as u32, Chain::Rejected(PathFault::CriticalExtension)),
        (Code::PathLength as u32, Chain::Rejected(PathFault::PathLength)),
        (Code::IssuerUsage as u32, Chain::Rejected(PathFault::IssuerUsage)),
        (Code::NameConstraints as u32, Chain::Rejected(PathFault::NameConstraints)),
    ];
    one_of(argument, number, &values)
}

pub(crate) fn current_link(
    kind: u32,
    target: Option<disk::Name>,
    fault: u32,
) -> Result<disk::CurrentLink, Failure> {
    use codes::CurrentLink as Code;
    use disk::CurrentLink;
    if kind == Code::Unreadable as u32 {
        return disk_fault(fault).map(CurrentLink::Unreadable);
    }
    if kind == Code::Link as u32 {
        return target.map(CurrentLink::Link).ok_or_else(|| Failure::null("target"));
    }
    let values = [
        (Code::Absent as u32, CurrentLink::Absent),
        (Code::Foreign as u32, CurrentLink::Foreign),
        (Code::File as u32, CurrentLink::File),
        (Code::Strange as u32, CurrentLink::Strange),
    ];
    one_of("kind", kind, &values)
}

pub(crate) fn file_state(state: u32, fault: u32) -> Result<disk::Found, Failure> {
    use codes::FileState as Code;
    if state == Code::Unreadable as u32 {
        return disk_fault(fault).map(disk::Found::Unreadable);
    }
    if state == Code::Corrupt as u32 {
        return Ok(disk::Found::Corrupt);
    }
    one_of("state", state, &[(Code::Unread as u32, ())]).map(|()| disk::Found::Unread)
}

pub(crate) fn place(pair: &types::Pair) -> Result<disk::Place, Failure> {
    use codes::Place as Code;
    use disk::Place;
    if pair.place == Code::Exposed as u32 {
        return name("pair.name", pair.name).map(Place::Exposed);
    }
    let values = [
        (Code::Current as u32, Place::Current),
        (Code::Dated as u32, Place::Dated(WallTime::from_unix_ms(pair.time))),
        (Code::Split as u32, Place::Split),
    ];
    one_of("pair.place", pair.place, &values)
}

pub(crate) const fn ignored(disposition: Disposition) -> Ignored {
    match disposition {
        Disposition::Applied => Ignored::No,
        Disposition::Ignored(Why::NotDue) => Ignored::NotDue,
        Disposition::Ignored(Why::NotOutstanding) => Ignored::NotOutstanding,
        Disposition::Ignored(Why::Busy) => Ignored::Busy,
        Disposition::Ignored(Why::Ended) => Ignored::Ended,
        Disposition::Ignored(Why::Unchanged) => Ignored::Unchanged,
        Disposition::Ignored(Why::NeedsRestart) => Ignored::NeedsRestart,
        Disposition::Ignored(_) => Ignored::Unknown,
    }
}

pub(crate) const fn exit_reason(reason: ExitReason) -> codes::ExitReason {
    match reason {
        ExitReason::Shutdown => codes::ExitReason::Shutdown,
        ExitReason::Locked => codes::ExitReason::Locked,
        ExitReason::Unsafe => codes::ExitReason::Unsafe,
        ExitReason::NoDirectory => codes::ExitReason::NoDirectory,
        _ => codes::ExitReason::Unknown,
    }
}

/// Returns the usages of a set of bits. Bit `n` is the entry `n` of [`facts::Usages::ALL`].
pub(crate) fn usages(argument: &str, bits: u32) -> Result<facts::Usages, Failure> {
    if bits >> facts::Usages::ALL.len() != 0 {
        return Err(Failure::invalid(argument, bits));
    }
    let single = facts::Usages::ALL.iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1);
    Ok(single.fold(facts::Usages::NONE, |set, (_, (usage, _))| set.with(*usage)))
}

#[cfg(test)]
mod tests;
