//! The crate that a bug belongs to.

/// The code that a bug is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Home {
    /// The state machine. The configuration chooses the bug.
    Core,
    /// The driver of the model, a wrapper around an unchanged core.
    Driver,
    /// Keys, requests and chains. [`with`](crate::with) chooses the bug.
    X509,
    /// The certificate directory. [`with`](crate::with) chooses the bug.
    Store,
    /// The key store. [`with`](crate::with) chooses the bug.
    Keys,
    /// The rest of the agent: driver, client, files. [`with`](crate::with) chooses the bug, and the simulation finds it.
    Shell,
}

impl Home {
    /// The folder under `seeded/` whose tests find the bugs, if the engines of the model do not.
    #[must_use]
    pub const fn tests(self) -> Option<&'static str> {
        match self {
            Self::Core | Self::Driver => None,
            Self::X509 => Some("x509"),
            Self::Store => Some("store"),
            Self::Keys => Some("keys"),
            Self::Shell => Some("simulation"),
        }
    }
}
