//! `certrotate run`.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use certrotate_controlplane::parse_duration;
use certrotate_core::input::Action;
use certrotate_x509::KeyType;
use clap::ArgAction;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tracing::level_filters::LevelFilter;

use super::node_name::{normalize, wait_for_host_name};
use super::runtime::{Detail, raise, termination};
use crate::clock::Clock;
use crate::driver::Observer;
use crate::exit::{Exit, Verdict};
use crate::log::complain;
use crate::node::{Node, NodeOptions, StartError};
use crate::threads;

/// The longest time from a signal to the end, whatever hangs. A write that is cut off then is like a crash: nothing is lost.
const TERMINATION: Duration = Duration::from_millis(700);

/// The flags of `certrotate run`.
#[derive(Debug, clap::Args)]
pub struct RunArgs {
    /// Kubeconfig for the first certificate, and whenever there is no live one; read for each call
    #[arg(long, value_name = "FILE")]
    bootstrap_kubeconfig: Option<PathBuf>,
    /// The node's own kubeconfig: written where there is none, never overwritten
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Certificate directory; kubelet-client-current.pem in it is the live certificate and its key
    #[arg(long, default_value = "/var/lib/kubelet/pki", value_name = "DIR")]
    cert_dir: PathBuf,
    /// The node's name, in lower case [default: the host's name, once it has one other than localhost]
    #[arg(long, value_name = "NAME")]
    node_name: Option<String>,
    /// Renew certificates; with =false the first one stays live until it expires
    #[arg(long, default_value_t = true, default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_name = "BOOL")]
    pub(super) rotate_certificates: bool,
    /// Adopt a key and certificate that a kubelet left in the directory, or a backup brought: copy them, change nothing
    #[arg(long, default_value_t = true, default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_name = "BOOL")]
    adopt: bool,
    /// The CAs that issue client certificates; an issued certificate must chain to one of them
    #[arg(long, value_name = "FILE")]
    client_ca_file: Option<PathBuf>,
    /// The type of new keys: p256, p384, ed25519, rsa2048, rsa3072 or rsa4096; existing keys are used whatever their type
    #[arg(long, default_value = "p256", value_name = "TYPE")]
    key_type: KeyType,
    /// End when a valid certificate is on disk
    #[arg(long)]
    once: bool,
    /// With --once: how long to wait, such as 30s or 5m [default: no limit]
    #[arg(long, value_name = "DUR", requires = "once")]
    timeout: Option<String>,
    /// Log more: -v each call, key, disk command and phase; -vv each step of the state machine; -vvv also the HTTP connections
    #[arg(short, action = ArgAction::Count)]
    verbose: u8,
}

impl RunArgs {
    /// Returns the detail of the log.
    #[must_use]
    pub fn detail(&self) -> Detail {
        raise(LevelFilter::INFO, self.verbose)
    }

    fn options(&self, node_name: String) -> NodeOptions {
        NodeOptions {
            bootstrap_kubeconfig: self.bootstrap_kubeconfig.clone(),
            kubeconfig: self.kubeconfig.clone(),
            rotate: self.rotate_certificates,
            adopt: self.adopt,
            client_ca_file: self.client_ca_file.clone(),
            key_type: self.key_type,
            ..NodeOptions::new(node_name, &self.cert_dir)
        }
    }
}

/// Runs the node that `assemble` makes of the options, until a signal ends it.
///
/// # Errors
///
/// A flag or the configuration is wrong, or the system takes no signal handler.
pub async fn run<C: Clock>(
    args: RunArgs,
    assemble: impl FnOnce(&NodeOptions, Observer) -> Result<Node<C>, StartError> + Send + 'static,
) -> Result<Exit, String> {
    // Before anything else: until the handlers are installed, these signals end the process.
    let no_signals = |error| format!("no signal can be waited for: {error}");
    let mut rotate = signal(SignalKind::user_defined1()).map_err(no_signals)?;
    let mut reload = signal(SignalKind::hangup()).map_err(no_signals)?;
    let timeout = args.timeout.as_deref().map(parse_duration).transpose();
    let timeout = timeout.map_err(|error| format!("--timeout: {error}"))?;
    let mut ending = std::pin::pin!(termination());
    let mut waited = std::pin::pin!(wait(timeout));
    let node_name = match &args.node_name {
        Some(name) => normalize(name),
        None => match wait_for_host_name(&args.cert_dir, ending.as_mut(), waited.as_mut()).await? {
            Some(name) => name,
            None => return Ok(Exit::Done),
        },
    };
    let options = args.options(node_name);
    let progress = Arc::new(Progress::default());
    let observer = progress.observer();
    let node = tokio::select! {
        node = beside_the_event_loop(move || assemble(&options, observer)) => match node {
            Ok(node) => node,
            Err(error) => return not_started(&error),
        },
        result = &mut ending => return result.map(|()| Exit::Done).map_err(no_signals),
    };
    let control = node.control();

    let mut running = std::pin::pin!(node.run());
    let mut overdue = std::pin::pin!(wait(None));
    let mut status = None;
    loop {
        tokio::select! {
            reason = &mut running => return Ok(status.unwrap_or_else(|| reason.into())),
            result = &mut ending, if status.is_none() => {
                result.map_err(no_signals)?;
                tracing::info!("ending: a signal requested it");
                status = Some(Exit::Done);
                control.shutdown();
                overdue.set(wait(Some(TERMINATION)));
            }
            () = &mut overdue => {
                tracing::warn!("ending without the operation in progress, which takes too long; the next start recovers");
                return Ok(status.unwrap_or(Exit::Done));
            }
            _ = rotate.recv() => control.rotate_now(),
            _ = reload.recv() => control.reload(),
            () = progress.live.notified(), if args.once && status.is_none() => {
                status = Some(Exit::Done);
                control.shutdown();
            }
            () = &mut waited, if args.once => {
                if let Some(status) = status {
                    tracing::warn!("ending at --timeout without the operation in progress, which takes too long");
                    return Ok(status);
                }
                let why = progress.why();
                tracing::error!("no certificate within the time given (--timeout): exit status {}", why as u8);
                status = Some(why);
                control.shutdown();
                waited.set(wait(None));
                overdue.set(wait(Some(TERMINATION)));
            }
        }
    }
}

/// Assembles the node on a thread of its own: the files of the options may be on a hung file system.
async fn beside_the_event_loop<C: Clock>(
    assemble: impl FnOnce() -> Result<Node<C>, StartError> + Send + 'static,
) -> Result<Node<C>, StartError> {
    threads::run(assemble).await.unwrap_or_else(|error| Err(StartError::System(error)))
}

/// The exit of a node that was not assembled: a shortage of the system is no fault of the configuration.
fn not_started(error: &StartError) -> Result<Exit, String> {
    match error {
        StartError::System(_) => {
            complain(&error.to_string());
            Ok(Exit::Internal)
        }
        _ => Err(error.to_string()),
    }
}

async fn wait(timeout: Option<Duration>) {
    match timeout {
        Some(timeout) => tokio::time::sleep(timeout).await,
        None => std::future::pending().await,
    }
}

/// The node's progress, for `--once`.
#[derive(Debug, Default)]
struct Progress {
    live: Notify,
    verdict: Mutex<Verdict>,
}

impl Progress {
    fn observer(self: &Arc<Self>) -> Observer {
        let progress = Arc::clone(self);
        Box::new(move |seen| {
            for action in &seen.step.actions {
                match action {
                    // An in-memory identity would be lost with the process.
                    Action::GoLive { .. } if seen.view.in_memory => {}
                    Action::GoLive { .. } => progress.live.notify_one(),
                    Action::Report(event) => {
                        progress.verdict.lock().unwrap_or_else(PoisonError::into_inner).note(event);
                    }
                    Action::Disk { .. }
                    | Action::MakeKey { .. }
                    | Action::Call { .. }
                    | Action::Cancel { .. }
                    | Action::Withdraw { .. }
                    | Action::Exit(_) => {}
                }
            }
        })
    }

    /// Returns the reason why there is no certificate yet.
    fn why(&self) -> Exit {
        self.verdict.lock().unwrap_or_else(PoisonError::into_inner).why()
    }
}
