//! The promises of a driver, each with its name and its sentence.

use std::fmt;

/// A promise that a driver keeps. `docs/embedding.md` has the rules behind them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Promise {
    /// Each run has its own `RunId`.
    RunIds,
    /// The driver's core is this core with the configuration of the kit.
    SameStep,
    /// Both clocks are read before each step.
    FreshClocks,
    /// The monotonic clock never goes back.
    MonotonicClock,
    /// The driver sleeps until `Rotator::wake` at the latest.
    Wake,
    /// The driver reads the clocks after `Rotator::clock_check` at the latest.
    ClockCheck,
    /// A driver that wakes gives a tick.
    Ticks,
    /// The driver sleeps while nothing is due.
    Sleeps,
    /// Each answer of the disk reaches core.
    DiskAnswered,
    /// Each answer of the issuer reaches core.
    CallAnswered,
    /// Each answer of the key maker reaches core.
    KeyAnswered,
    /// Each request of the operator reaches core.
    RequestGiven,
    /// An answer is given once.
    AnsweredOnce,
    /// An answer is given as the input of its own operation.
    AnswerKind,
    /// A scan is answered with its inventory.
    ScanInventory,
    /// A new key is reported with its own digest.
    KeyDigest,
    /// The other facts of an answer are reported unchanged.
    TrueAnswer,
    /// An answer is given after its operation ended.
    RealAnswer,
    /// A sync is answered after it was carried out.
    SyncDone,
    /// A removal is answered after it was carried out.
    UnlinkDone,
    /// Disk commands, keys and calls are carried out.
    CarriedOut,
    /// The driver carries out core's actions only.
    OnlyRequested,
    /// `GoLive` takes effect before the next step.
    GoLive,
    /// `Withdraw` takes effect before the next step.
    Withdraw,
    /// A key or chain is erased only after core listed it.
    HandlesKept,
    /// A listed key or chain is erased before the driver sleeps.
    HandlesErased,
    /// The driver runs until core exits or the process is killed.
    RunsOn,
    /// The driver ends when core exits.
    Exits,
    /// A driver in another process answers in time and in the protocol.
    Responds,
    /// The node gets and renews its certificate.
    Progress,
}

impl Promise {
    /// Every promise.
    pub const ALL: [Self; 30] = [
        Self::RunIds,
        Self::SameStep,
        Self::FreshClocks,
        Self::MonotonicClock,
        Self::Wake,
        Self::ClockCheck,
        Self::Ticks,
        Self::Sleeps,
        Self::DiskAnswered,
        Self::CallAnswered,
        Self::KeyAnswered,
        Self::RequestGiven,
        Self::AnsweredOnce,
        Self::AnswerKind,
        Self::ScanInventory,
        Self::KeyDigest,
        Self::TrueAnswer,
        Self::RealAnswer,
        Self::SyncDone,
        Self::UnlinkDone,
        Self::CarriedOut,
        Self::OnlyRequested,
        Self::GoLive,
        Self::Withdraw,
        Self::HandlesKept,
        Self::HandlesErased,
        Self::RunsOn,
        Self::Exits,
        Self::Responds,
        Self::Progress,
    ];

    /// Returns the name, which never changes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.texts().0
    }

    /// Returns what the driver must do.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        self.texts().1
    }

    const fn texts(self) -> (&'static str, &'static str) {
        match self {
            Self::RunIds => ("run-ids", "each run has a RunId of its own, drawn at random"),
            Self::SameStep => {
                ("same-step", "a step of the driver returns what this core returns with this configuration")
            }
            Self::FreshClocks => {
                ("fresh-clocks", "each step has a reading of both clocks since the driver woke")
            }
            Self::MonotonicClock => {
                ("monotonic-clock", "the monotonic time of a step is not before the last step")
            }
            Self::Wake => ("wake", "the driver sleeps until Rotator::wake at the latest"),
            Self::ClockCheck => ("clock-check", "the driver sleeps no longer than Rotator::clock_check"),
            Self::Ticks => ("ticks", "a driver that wakes without an answer gives a tick"),
            Self::Sleeps => ("sleeps", "the driver sleeps while nothing is due"),
            Self::DiskAnswered => ("disk-answered", "the result of every disk command is given to core"),
            Self::CallAnswered => ("call-answered", "the result of every call is given to core"),
            Self::KeyAnswered => ("key-answered", "every new key is given to core"),
            Self::RequestGiven => ("request-given", "every request of the operator is given to core"),
            Self::AnsweredOnce => ("answered-once", "the result of an operation is given to core once"),
            Self::AnswerKind => {
                ("answer-kind", "a result is given as the input of its own kind of operation")
            }
            Self::ScanInventory => ("scan-inventory", "a scan is answered with the inventory that it read"),
            Self::KeyDigest => ("key-digest", "a new key is given with the digest of its own public half"),
            Self::TrueAnswer => ("true-answer", "a result is given to core unchanged"),
            Self::RealAnswer => ("real-answer", "an answer is given only after its operation ended"),
            Self::SyncDone => ("sync-done", "a sync is answered only after it was carried out"),
            Self::UnlinkDone => ("unlink-done", "a removal is answered only after it was carried out"),
            Self::CarriedOut => {
                ("carried-out", "every disk command, key and call is carried out before the driver sleeps")
            }
            Self::OnlyRequested => {
                ("only-requested", "the driver carries out the actions of core, each once, and no others")
            }
            Self::GoLive => ("go-live", "GoLive takes effect before the next step"),
            Self::Withdraw => ("withdraw", "Withdraw takes effect before the next step"),
            Self::HandlesKept => {
                ("handles-kept", "a key or chain is erased only after Step::erase listed it")
            }
            Self::HandlesErased => {
                ("handles-erased", "a key or chain that Step::erase lists is erased before the driver sleeps")
            }
            Self::RunsOn => ("runs-on", "the driver runs until core exits or its process is killed"),
            Self::Exits => ("exits", "the driver ends when core exits"),
            Self::Responds => ("responds", "a driver in another process answers in time, by the protocol"),
            Self::Progress => ("progress", "the node gets its certificate and renews it"),
        }
    }
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name(), self.sentence())
    }
}
