//! Transitions of a scenario, two bytes each: the kind, and its argument.
//!
//! Every pair of bytes is a transition in every state; one without a target has no effect. All
//! engines share this alphabet, so each can replay the scenarios of the others.

use certrotate_core::disk::DiskFault;
use certrotate_core::issuer::IssuerFault;
use certrotate_core::time::Span;

use crate::disk::{Fault, How, Kind};
use crate::server::{Approver, Bad};
use crate::world::Lie;
pub(crate) use table::lifetime;
use table::{
    APPROVERS, BADS, DAMAGES, EDITS, EVERY, ISSUER_FAULTS, LEFT, LIES, LOSTS, OBJECT_CHANGES, RARELY,
    driver_fault, how, jump, lasting_fault, pick, span, until,
};

mod name;
mod table;

/// One transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transition {
    /// This many natural steps: an answer comes, or time passes until the node's next tick.
    Step(u8),
    /// The answer of this operation comes first, of those that can come now.
    Answer(u8),
    /// Time passes on both clocks, and the node ticks; pending operations are not answered meanwhile.
    Tick(Until),
    /// The wall clock jumps.
    Jump(Jump),
    /// The disk operation in flight fails.
    Disk(How),
    /// The answer of the disk operation in flight is lost or late.
    DiskLost(Lost),
    /// The call in flight meets a fault; with `true`, after the server handled it.
    Call(IssuerFault, bool),
    /// The answer of the call in flight is lost or late.
    CallLost(Lost),
    /// Making a key fails.
    KeyFails,
    /// A late answer comes.
    Late,
    /// The last input is given again (M1).
    Repeat,
    /// A second answer comes to the operation this many operations ago.
    Stale(u8),
    /// The approver's behaviour for the next request.
    Verdict(Approver),
    /// The defect of the next certificate.
    Bad(Bad),
    /// An external change of the requested object.
    Object(ObjectChange),
    /// The server refuses credentials from now on: the live one, the bootstrap one.
    Refuse(bool, bool),
    /// Every call meets this fault from now on, or none does.
    Outage(Option<IssuerFault>),
    /// The server stops answering, or answers again.
    Silent(bool),
    /// The server answers one call in this many, and cannot be reached by the others; with 0 it answers all.
    Rarely(u8),
    /// The approver changes.
    Approver(Approver),
    /// The flaw of issued certificates changes.
    Issues(Option<Bad>),
    /// The delay of approver and signer changes.
    Latency(Span),
    /// The lifetime of certificates changes.
    Lifetime(Span),
    /// Watches are closed at once, or forbidden.
    Watches(bool, bool),
    /// The process is killed and started again; the disk operation in flight is not done, half done
    /// or done.
    Kill(How),
    /// The process is killed and started again this often after each start, [`KILLS`] times.
    CrashLoop(Span),
    /// The process is killed, time passes, it is started.
    Off(Until),
    /// The machine sleeps; the node gets no tick before another input.
    Suspend(Until),
    /// The power fails; the disk gets the image with this number.
    PowerCut(u8),
    /// The next scan misreads a file.
    Lie(Lie),
    /// An external change damages the directory.
    Damage(Damage),
    /// Disk operations of a kind fail for a while.
    DiskFails(Fault),
    /// This many answers of the disk, and of calls, are lost.
    Lose(u8, u8),
    /// Every fault ends, and external files in the way are moved; the node gets no message.
    Mend,
    /// The operator requests a rotation.
    RotateNow,
    /// A clean shutdown, and another start.
    Shutdown,
    /// This much time passes before the next answer, without any other input.
    Slow(Until),
    /// The process is killed, and started with another name for the node.
    OtherNodeName,
    /// The running node gets another configuration.
    Reconfigure(Edit),
    /// The driver breaks its contract.
    Driver(DriverFault),
}

/// How the driver breaks its contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DriverFault {
    /// Its monotonic clock goes back by this much, to zero at most.
    MonoBack(Span),
    /// It gives the answer of another kind of operation.
    WrongKind,
    /// It erased the handles of the operation in flight too early.
    LosesHandles,
}

/// A change of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Edit {
    /// The node has the next of its names.
    Subject,
    /// One alternative name more.
    MoreNames,
    /// One alternative name less.
    FewerNames,
    /// Another set of usages.
    Usages,
    /// Everything is as it was in the beginning.
    First,
    /// A lifetime is requested, or no longer.
    RequestedLifetime,
    /// Nothing in the request, only the seed of the jitter.
    Seed,
}

/// The fate of a lost answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lost {
    /// It was done, and no answer ever comes.
    Done,
    /// It was not done.
    NotDone,
    /// It was done, and the answer comes late.
    Late,
}

/// How much time passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Until {
    /// To when the node wants its tick.
    Wake,
    /// To a millisecond before that.
    BeforeWake,
    /// To the end of the live identity.
    End,
    /// To a millisecond before it.
    BeforeEnd,
    /// To the renewal of the live identity.
    Renewal,
    /// To a while after the node wanted its tick.
    Overslept(Span),
    /// So far.
    Span(Span),
}

/// The target of a jump of the wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Jump {
    /// So many milliseconds on, or back.
    By(i64),
    /// To the end of the live identity.
    End,
    /// To a millisecond before the start of the live identity.
    BeforeStart,
    /// To the renewal of the live identity.
    Renewal,
    /// To this time, in milliseconds since 1970.
    To(i64),
}

/// An external change of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ObjectChange {
    /// Deletes it.
    Delete,
    /// Replaces it by one for another key.
    ForeignKey,
    /// Replaces it by one for another signer.
    ForeignSigner,
    /// Replaces it by one for other usages.
    ForeignUsages,
    /// Deletes everything.
    ForgetAll,
    /// Deletes it and makes it anew, so that it waits again.
    Recreate,
}

/// An external change of the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Damage {
    /// The file that the current link names is cut short.
    TruncateLive,
    /// The current link is a foreign file.
    FileForLink,
    /// The current link leads elsewhere.
    ForeignLink,
    /// The current link is a directory.
    Directory,
    /// The current link is gone.
    NoCurrentLink,
    /// A temporary name is left over.
    Temporary,
    /// A pending file is garbage.
    PendingGarbage,
    /// The pending file is gone.
    NoPending,
    /// A bundle of a far generation is garbage.
    FarBundle,
    /// The previous bundle has the current link.
    OlderLive,
    /// The bundle that the current link names has another key.
    OtherKey,
    /// The current link leads to a pair elsewhere, as a kubelet leaves it.
    LinkedPair,
    /// The current link is a file that has a pair.
    FiledPair,
    /// A pair in a file with a date, beside the current link.
    DatedPair,
    /// A pair in two files, which is expired.
    EndedPair,
    /// The current link leads to a pair for another node.
    StrangersPair,
    /// The current link is a copy of the file that it led to.
    CopiedLive,
    /// Others may read the bundle that the current link names.
    Exposed,
    /// An older backup: the live bundle is missing, and the current link names the previous one, or
    /// none.
    Backup,
}

/// How often a crash loop kills the process.
pub const KILLS: u8 = 12;

/// The number of codes; a byte is taken modulo this.
pub const CODES: u8 = 44;

impl Transition {
    /// Decodes a transition.
    #[must_use]
    pub fn decode(code: u8, arg: u8) -> Self {
        match code % CODES {
            0..5 => Self::Step(arg % 8),
            5 => Self::Answer(arg % 4),
            6 => Self::Tick(until(arg)),
            7 => Self::Jump(jump(arg)),
            8 => Self::Disk(how(arg)),
            9 => Self::DiskLost(pick(&LOSTS, arg)),
            10 => Self::Call(pick(&ISSUER_FAULTS, arg % 128 / 2), arg >= 128),
            11 => Self::CallLost(pick(&LOSTS, arg)),
            12 => Self::KeyFails,
            13 => Self::Late,
            14 => Self::Repeat,
            15 => Self::Stale(arg % 8),
            16 => Self::Verdict(pick(&APPROVERS, arg)),
            17 => Self::Bad(pick(&BADS, arg)),
            18 => Self::Object(pick(&OBJECT_CHANGES, arg)),
            19 => Self::Refuse(arg & 1 == 1, arg & 2 == 2),
            20 => Self::Outage((arg >= 64).then(|| pick(&ISSUER_FAULTS, arg))),
            21 if arg < 128 => Self::Silent(arg & 1 == 1),
            21 => Self::Rarely(pick(&RARELY, arg)),
            22 => Self::Approver(pick(&APPROVERS, arg)),
            23 => Self::Issues((arg >= 64).then(|| pick(&BADS, arg))),
            24 => Self::Latency(span(arg % 28)),
            25 => Self::Lifetime(lifetime(arg)),
            26 => Self::Watches(arg & 1 == 1, arg & 2 == 2),
            28 if arg >= 128 => Self::CrashLoop(pick(&EVERY, arg)),
            27 | 28 => Self::Kill(pick(
                &[How::Well, How::Fails(DiskFault::Io), How::FailsHalfway(DiskFault::Io)],
                arg,
            )),
            29 => Self::Off(until(arg)),
            30 => Self::Suspend(until(arg)),
            31 | 32 => Self::PowerCut(arg),
            33 => Self::Lie(pick(&LIES, arg)),
            34 => Self::Damage(pick(&DAMAGES, arg)),
            35 => Self::DiskFails(Fault {
                after: u16::from(arg / 36 % 3),
                times: pick(&[1, 2, 5, 40], arg / 64),
                kind: pick(&Kind::ALL, arg),
                fault: lasting_fault(pick(&Kind::ALL, arg), arg),
            }),
            36 => Self::Lose(arg % 4, arg / 4 % 4),
            37 if arg < 128 => Self::RotateNow,
            37 => Self::Mend,
            38 if arg < 128 => Self::Shutdown,
            38 => Self::OtherNodeName,
            39 => Self::Slow(until(arg)),
            40 | 41 => Self::Reconfigure(pick(&EDITS, arg)),
            42 => Self::Damage(pick(&LEFT, arg)),
            _ => Self::Driver(driver_fault(arg)),
        }
    }

    /// The first pair of bytes that mean this transition.
    ///
    /// # Panics
    ///
    /// If there is none: the transition was not decoded from bytes.
    #[must_use]
    pub fn encode(self) -> [u8; 2] {
        let all = (0..CODES).flat_map(|code| (0..=u8::MAX).map(move |arg| [code, arg]));
        let mut meaning = all.filter(|[code, arg]| Self::decode(*code, *arg) == self);
        meaning.next().unwrap_or_else(|| panic!("{self:?} is the meaning of no two bytes"))
    }

    /// Every transition that is the meaning of two bytes, once.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let mut seen = std::collections::HashSet::new();
        let all = (0..CODES).flat_map(|code| (0..=u8::MAX).map(move |arg| Self::decode(code, arg)));
        all.filter(|transition| seen.insert(*transition)).collect()
    }

    /// Returns whether the transition is a natural step and no fault.
    #[must_use]
    pub const fn is_natural(self) -> bool {
        matches!(self, Self::Step(_) | Self::Answer(_))
    }
}

/// Reads the transitions; a single byte at the end is no transition.
pub fn transitions(bytes: &[u8]) -> impl Iterator<Item = Transition> {
    bytes.as_chunks::<2>().0.iter().map(|[code, arg]| Transition::decode(*code, *arg))
}

#[cfg(test)]
mod tests;
