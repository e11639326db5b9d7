//! `certrotate run`.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use certrotate_controlplane::parse_duration;
use certrotate_core::input::Action;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

use super::{RunArgs, asked_to_end};
use crate::driver::Observer;
use crate::exit::{Exit, Verdict};
use crate::node::{Node, NodeOptions};
use crate::rehearsal::Rehearsal;

pub(super) async fn run(args: RunArgs) -> Result<Exit, String> {
    // First of all: until then the signal would end the process.
    let no_signals = |error| format!("no signal can be waited for: {error}");
    let mut rotate = signal(SignalKind::user_defined1()).map_err(no_signals)?;
    let timeout = args.timeout.as_deref().map(parse_duration).transpose();
    let timeout = timeout.map_err(|error| format!("--timeout: {error}"))?;
    let node_name = match args.node_name {
        Some(name) => name,
        None => host_name()?,
    };
    let rehearsal = if args.rehearsal { Rehearsal::from_stdin()? } else { Rehearsal::default() };
    let options = NodeOptions {
        rehearsal,
        bootstrap_kubeconfig: args.bootstrap_kubeconfig,
        kubeconfig: args.kubeconfig,
        rotate: args.rotate_certificates,
        adopt: args.adopt,
        client_ca_file: args.client_ca_file,
        key_type: args.key_type,
        ..NodeOptions::new(node_name, args.cert_dir)
    };
    let progress = Arc::new(Progress::default());
    let node = Node::new(&options, progress.observer()).map_err(|error| error.to_string())?;
    let control = node.control();

    let mut running = std::pin::pin!(node.run());
    let mut ending = std::pin::pin!(asked_to_end());
    let mut waited = std::pin::pin!(wait(timeout));
    let mut status = None;
    loop {
        tokio::select! {
            reason = &mut running => return Ok(status.unwrap_or_else(|| reason.into())),
            result = &mut ending, if status.is_none() => {
                result.map_err(no_signals)?;
                tracing::info!("ending: a signal asked for it");
                status = Some(Exit::Done);
                control.shutdown();
            }
            _ = rotate.recv() => control.rotate_now(),
            () = progress.live.notified(), if args.once && status.is_none() => {
                status = Some(Exit::Done);
                control.shutdown();
            }
            () = &mut waited, if args.once && status.is_none() => {
                let why = progress.why();
                tracing::error!("no certificate within the time given (--timeout): exit status {}", why as u8);
                status = Some(why);
                control.shutdown();
            }
        }
    }
}

async fn wait(timeout: Option<Duration>) {
    match timeout {
        Some(timeout) => tokio::time::sleep(timeout).await,
        None => std::future::pending().await,
    }
}

/// How far the node has come, for `--once`.
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
                    // What is in memory only would end with the process.
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

    /// Why there is no certificate yet.
    fn why(&self) -> Exit {
        self.verdict.lock().unwrap_or_else(PoisonError::into_inner).why()
    }
}

/// The host's name in lower case, as the kubelet takes it (`pkg/util/node`).
pub(super) fn host_name() -> Result<String, String> {
    let name = rustix::system::uname().nodename().to_string_lossy().trim().to_lowercase();
    if name.is_empty() { Err("the host has no name; give --node-name".into()) } else { Ok(name) }
}
