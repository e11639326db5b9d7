//! The deadlines and size caps of everything that the agent receives over the network. docs/limits.md lists them.
//!
//! Core has deadlines of its own for whole calls (`call_deadline`); they are scaled down for short lifetimes. Those below are
//! shorter than the unscaled one, so that the log names the step that hangs.

use std::time::Duration;

/// The time limit for a name lookup. A resolver that loses its first name server after 5 s still answers.
pub(crate) const LOOKUP: Duration = Duration::from_secs(10);
/// The most lookups at a time. A lookup cannot be cancelled: its thread is busy until the system's resolver gives up.
pub(crate) const LOOKUPS: usize = 8;
/// The most addresses of a name that are tried.
pub(crate) const ADDRESSES: usize = 16;
/// The wait for one address before the next is tried beside it: the value of RFC 8305, section 5.
pub(crate) const ATTEMPT_DELAY: Duration = Duration::from_millis(250);
/// The same wait once the address has taken the TCP connection: a busy server needs longer for TLS, and a second handshake
/// would only be more load.
pub(crate) const HANDSHAKE_DELAY: Duration = Duration::from_secs(2);
/// The time limit for the TCP connection to one address and its TLS handshake together.
pub(crate) const CONNECT: Duration = Duration::from_secs(10);
/// The longest time that a connection which was opened before its first request waits for it. Go's HTTP/2 server waits 10 s.
pub(crate) const EARLY: Duration = Duration::from_secs(2);
/// The time limit for the head of an answer, from the lookup on. It covers a lookup and all addresses of a name.
pub(crate) const HEAD: Duration = Duration::from_secs(25);
/// The time limit for a whole call that is no watch.
pub(crate) const CALL: Duration = Duration::from_secs(28);
/// The requested duration of a watch. kube-core accepts no more than 294 s.
pub(crate) const WATCH_REQUESTED: Duration = Duration::from_secs(290);
/// The longest time that a watch stays open. The server closes it earlier; a watch that went silent ends here.
pub(crate) const WATCH: Duration = Duration::from_secs(300);
/// The time limit for the body of a failure. Its status has the meaning; its text is only for the log.
pub(crate) const FAILURE_BODY: Duration = Duration::from_secs(2);
/// The time between two HTTP/2 pings on a connection with an open request.
pub(crate) const PING: Duration = Duration::from_secs(15);
/// The time limit for the answer to an HTTP/2 ping.
pub(crate) const PONG: Duration = Duration::from_secs(10);
/// The longest idle time of a connection in the pool.
pub(crate) const IDLE: Duration = Duration::from_secs(60);

/// The most bytes of an answer's head.
pub(crate) const MAX_HEAD: u32 = 64 << 10;
/// The most headers of an answer.
pub(crate) const MAX_HEADERS: usize = 100;
/// The most bytes of an answer to the agent, and of the events of one watch.
pub(crate) const MAX_ANSWER: usize = 4 << 20;
/// The most bytes of an answer to the controllers, and of the events of one watch. A longer watch is resumed at its last version.
pub(crate) const MAX_PAGE: usize = 64 << 20;
/// The most bytes of a failure's body.
pub(crate) const MAX_FAILURE: usize = 64 << 10;
