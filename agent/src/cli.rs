//! The command line: flags in, exit status out. The flags are named as the kubelet's are.

mod controlplane;
mod node_name;
mod output;
mod process;
mod run;
mod runtime;
mod status;

#[cfg(test)]
mod tests;

use clap::{Parser, Subcommand};
use tracing::level_filters::LevelFilter;

use crate::exit::Exit;
use crate::log::complain;
use crate::node::Node;
use controlplane::ControlplaneArgs;
pub use run::{RunArgs, run};
pub use runtime::{Detail, block_on, raise, termination};
use status::StatusArgs;

/// Gets a node's client certificate and renews it before it expires.
#[derive(Debug, Parser)]
#[command(name = "certrotate", version, about, max_term_width = 100, after_help = AFTER)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER: &str = "\
Exit status: 0 done, 2 usage or configuration, 15 certificate directory unusable;
run --once besides: 10 not approved in time, 11 denied or failed, 12 credential refused,
13 API server unreachable, 14 expired and no bootstrap fallback, 17 issued certificate refused;
status: 0 valid, 3 degraded, 4 none or expired.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the embedded control plane, a certificates API on loopback that kubectl talks to; or, with --kubeconfig,
    /// approver, signer and cleaner of a custom signer name on a real cluster.
    Controlplane(Box<ControlplaneArgs>),
    /// Run on a node: get a client certificate, and renew it.
    Run(RunArgs),
    /// Show the state of a node's certificate, with a running agent or without one. Exit status: 0 valid, 3 degraded, 4 none or expired.
    Status(StatusArgs),
    /// Print the version.
    Version,
}

/// Parses the command line and does what it says.
///
/// Bad flags give clap's message and status 2.
#[must_use]
pub fn main() -> Exit {
    match process::on_own_stack(command) {
        Ok(exit) => exit,
        Err(message) => {
            complain(&message);
            Exit::Internal
        }
    }
}

fn command() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(answer) => return explain(&answer),
    };
    if let Err(message) = process::prepare() {
        complain(&message);
        return Exit::Internal;
    }
    match cli.command {
        Command::Version => output::print(&format!("certrotate {}\n", env!("CARGO_PKG_VERSION")), Exit::Done),
        Command::Controlplane(args) => {
            block_on(raise(LevelFilter::WARN, args.verbose), controlplane::controlplane(*args))
        }
        Command::Status(args) => block_on(raise(LevelFilter::WARN, 0), status::status(args)),
        Command::Run(args) => block_on(args.detail(), run(args, Node::new)),
    }
}

/// Prints help to standard output, and an error of the flags to standard error.
fn explain(answer: &clap::Error) -> Exit {
    use std::io::Write as _;
    let exit = if answer.use_stderr() { Exit::Usage } else { Exit::Done };
    match answer.print().and_then(|()| std::io::stdout().flush()) {
        Err(error) if exit == Exit::Done && error.kind() != std::io::ErrorKind::BrokenPipe => {
            output::unwritable(&error)
        }
        Ok(()) | Err(_) => exit,
    }
}
