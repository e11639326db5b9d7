//! `certrotate status`.

use std::path::PathBuf;
use std::time::Duration;

use certrotate_store::PairName;
use tokio::runtime::Handle;

use super::output;
use crate::clock::{Clock as _, SystemClock};
use crate::exit::Exit;
use crate::log::complain;
use crate::node::open_client_ca;
use crate::offload::Offload;
use crate::status::{Question, Status, ask};
use crate::threads;

/// The longest wait for the files of the node and its agent together.
const PATIENCE: Duration = Duration::from_secs(10);

/// The flags of `certrotate status`.
#[derive(Debug, clap::Args)]
pub(super) struct StatusArgs {
    /// Certificate directory
    #[arg(long, default_value = "/var/lib/kubelet/pki", value_name = "DIR")]
    cert_dir: PathBuf,
    /// The node's name [default: the running agent's, or the one in the certificate]
    #[arg(long, value_name = "NAME")]
    node_name: Option<String>,
    /// The bootstrap kubeconfig for a certificate after expiry [default: the running agent's]
    #[arg(long, value_name = "FILE")]
    bootstrap_kubeconfig: Option<PathBuf>,
    /// The CAs that issue client certificates; the certificate must chain to one of them
    #[arg(long, value_name = "FILE")]
    client_ca_file: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Show the timing parameters, too, scaled to this certificate's lifetime
    #[arg(long, conflicts_with = "json")]
    timing: bool,
}

/// Asks on a thread of its own: a file system that hangs must not make `status` hang.
async fn ask_in_time(question: Question) -> Result<Status, String> {
    let directory = question.cert_dir.clone();
    let handle = Handle::current();
    let asking = threads::run(move || handle.block_on(ask(&question, SystemClock.now())));
    match tokio::time::timeout(PATIENCE, asking).await {
        Ok(Ok(status)) => status.map_err(|fault| fault.to_string()),
        Ok(Err(error)) => Err(format!("the status cannot be read: {error}")),
        Err(_) => Err(format!(
            "{}, or another file of the node, cannot be read within {} s; check its file system",
            directory.display(),
            PATIENCE.as_secs()
        )),
    }
}

pub(super) async fn status(args: StatusArgs) -> Result<Exit, String> {
    let client_ca =
        args.client_ca_file.as_deref().map(|path| open_client_ca(path, Offload::default())).transpose();
    let question = Question {
        cert_dir: args.cert_dir,
        pair: PairName::new("kubelet-client").map_err(|error| error.to_string())?,
        node_name: args.node_name,
        bootstrap_kubeconfig: args.bootstrap_kubeconfig,
        client_ca: client_ca.map_err(|error| error.to_string())?.and_then(|file| file.last()),
    };
    let status = match ask_in_time(question).await {
        Ok(status) => status,
        Err(problem) => {
            complain(&problem);
            return Ok(Exit::Store);
        }
    };
    let text = if args.json {
        serde_json::to_string(&status).map_err(|error| format!("the status is no JSON: {error}"))? + "\n"
    } else if args.timing {
        format!("{status}{}", status.timing())
    } else {
        status.to_string()
    };
    Ok(output::print(&text, status.verdict.exit()))
}
