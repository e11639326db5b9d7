//! What happens when: the events of the agenda, and the ends of a process.

/// An event of the agenda.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// A fault of the plan begins.
    Begin(usize),
    /// A fault of the plan ends.
    End(usize),
    /// The approver comes to a request.
    Approve(String),
    /// The signer comes to a request.
    Sign(String),
    /// The second step of a CA rotation: the server uses the new one.
    SwitchServerCa,
    /// The second step of a CA rotation: the signer uses the new one.
    SwitchClientCa,
    /// All faults are over.
    Healed,
    /// The node must have an identity.
    Deadline,
    /// The files must have been read after HUP.
    Reloaded {
        /// The process that got it.
        process: u32,
        /// The file work until then.
        work: u64,
    },
    /// The node's kubeconfig must be there.
    Kubeconfig,
    /// The run ends.
    Finish,
}

/// How the process is to be ended, and how long it stays down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Killed(u64),
    Terminated(u64),
    Finished,
}

/// A kill that waits for its moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Armed {
    /// Polls of the node's future that are left, and the time that the process stays down.
    pub(crate) polls: Option<(u64, u64)>,
    /// Whether the next request is deleted instead of approved.
    pub(crate) delete: bool,
    /// Disk commands that are left, whether the last is carried out, and the time down.
    pub(crate) disk: Option<(u64, bool, u64)>,
}
