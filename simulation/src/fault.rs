//! The faults that a plan consists of.

use std::fmt;

/// An answer in place of the real one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A status with a `Status` object, and Retry-After in seconds.
    Status(u16, Option<u64>),
    /// 200 with a login page in HTML.
    LoginPage,
    /// 200 with bytes that are no text.
    Garbage,
    /// 200 with more bytes than the agent reads.
    Huge,
    /// 200 with `{}`.
    EmptyObject,
    /// 200 with the first half of the real body; then the connection ends.
    CutBody,
    /// No answer, although the request is carried out.
    Lost,
    /// No answer, and the request is not carried out.
    Silent,
    /// The real answer, this many milliseconds later.
    Delayed(u64),
}

/// A defect of an issued certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Defect {
    /// For another key.
    Key,
    /// For another node.
    Subject,
    /// Signed by a CA that is not trusted.
    ForeignCa,
    /// A CA certificate.
    Authority,
    /// Expired.
    Expired,
    /// No PEM.
    Garbage,
}

/// What a file holds instead of its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    /// Nothing: the file is gone.
    Missing,
    /// Its beginning, as a writer leaves it that does not replace the file at once.
    Cut,
    /// Bytes that are no text.
    Garbage,
    /// No byte.
    Empty,
}

/// A file that the agent reads and others write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// The bootstrap kubeconfig.
    Bootstrap,
    /// The bootstrap token, where the kubeconfig names a file.
    Token,
    /// The CA of the server.
    ServerCa,
    /// The CA of the clients.
    ClientCa,
}

/// A fault that lasts until the plan ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lasting {
    /// Connections are refused.
    Refused,
    /// Connection attempts get no answer.
    Unanswered,
    /// The server accepts and never says a word: no TLS handshake.
    Mute,
    /// Connections are reset after this many bytes from the server.
    Reset(u64),
    /// After this many bytes from the server nothing more arrives.
    Stalled(u64),
    /// Bytes arrive in pieces of this size, one every 20 ms.
    Trickled(u64),
    /// Requests get this answer, with this probability in percent.
    Answers(Answer, u64),
    /// Watches are closed at once.
    WatchesEnd,
    /// Watches never report anything.
    WatchesSilent,
    /// Watches are answered with 403.
    WatchesForbidden,
    /// Watches bring a line that is no JSON.
    WatchesGarbled,
    /// No request is approved.
    NoApprover,
    /// No approved request is signed.
    NoSigner,
    /// Requests are denied.
    Denies,
    /// Approved requests fail.
    Fails,
    /// Certificates are issued with a defect.
    Issues(Defect),
    /// The live credential is not accepted: 401.
    IdentityRefused,
    /// The bootstrap token expired; at the end of the fault the files have a new one.
    TokenExpired,
    /// A file is damaged.
    Damaged(Input, Damage),
    /// The node's wall clock is wrong by this many milliseconds.
    Clock(i64),
    /// No file outside the certificate directory can be read or written: each attempt hangs until the end of the fault.
    FilesHang,
    /// The node's own kubeconfig cannot be written: its temporary file is in the way.
    NoKubeconfig,
    /// The disk is full.
    DiskFull,
    /// Changes of the disk fail with EIO.
    DiskBroken,
    /// Each disk command takes this many milliseconds.
    DiskSlow(u64),
}

impl Lasting {
    /// Whether it acts on new connections.
    pub(crate) const fn is_of_connections(self) -> bool {
        matches!(
            self,
            Self::Refused | Self::Unanswered | Self::Reset(_) | Self::Stalled(_) | Self::Trickled(_)
        )
    }
}

/// A fault that happens once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sudden {
    /// The process is killed; the next starts this many milliseconds later.
    Kill(u64),
    /// The process is killed when its future was polled this many times more: between two of its awaits.
    KillAtPoll(u64, u64),
    /// The process is killed at this disk command from now on, before it (`false`) or after it (`true`).
    KillAtDisk(u64, bool, u64),
    /// The process gets TERM; the next starts this many milliseconds later.
    Terminate(u64),
    /// The machine is suspended for this many milliseconds.
    Suspend(u64),
    /// The operator requests a rotation (USR1).
    RotateNow,
    /// The operator requests that the files are read again (HUP).
    Reload,
    /// All requests are deleted on the server when the next one waits for approval.
    Delete,
    /// All connections break.
    Break,
    /// The server's CA is replaced: the file names both first, then the server uses the new one.
    RotateServerCa,
    /// The client CA is replaced: the file names both first, then the signer uses the new one.
    RotateClientCa,
}

/// A fault with its times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// From `start` to `end`, in milliseconds.
    Lasting {
        /// The beginning.
        start: u64,
        /// The end.
        end: u64,
        /// The fault.
        fault: Lasting,
    },
    /// At a time, in milliseconds.
    Sudden {
        /// The time.
        at: u64,
        /// The fault.
        fault: Sudden,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lasting { start, end, fault } => {
                write!(f, "from {} to {}: {fault:?}", clock(*start), clock(*end))
            }
            Self::Sudden { at, fault } => write!(f, "at {}: {fault:?}", clock(*at)),
        }
    }
}

/// A simulated time as `h:mm:ss.mmm`.
pub(crate) fn clock(ms: u64) -> String {
    let seconds = ms / 1000;
    format!("{}:{:02}:{:02}.{:03}", seconds / 3600, seconds / 60 % 60, seconds % 60, ms % 1000)
}
