//! `certrotate status`.

use std::io::Write as _;

use certrotate_store::PairName;

use super::StatusArgs;
use crate::clock::{Clock as _, SystemClock};
use crate::exit::Exit;
use crate::node::read_client_ca;
use crate::status::{Question, ask};

pub(super) async fn status(args: StatusArgs) -> Result<Exit, String> {
    let client_ca = args.client_ca_file.as_deref().map(read_client_ca).transpose();
    let question = Question {
        cert_dir: args.cert_dir,
        pair: PairName::new("kubelet-client").map_err(|error| error.to_string())?,
        node_name: args.node_name,
        bootstrap_kubeconfig: args.bootstrap_kubeconfig,
        client_ca: client_ca.map_err(|error| error.to_string())?,
    };
    let status = match ask(&question, SystemClock.now()).await {
        Ok(status) => status,
        Err(fault) => {
            eprintln!("certrotate: {fault}");
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
    // Whoever reads may have seen enough; the exit status says the rest.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(status.verdict.exit())
}
