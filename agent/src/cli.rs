//! The command line: flags in, exit status out. The flags are named as the kubelet's are.

mod controlplane;
mod demo;
mod run;
mod status;

#[cfg(test)]
mod tests;

use std::io::IsTerminal as _;
use std::path::PathBuf;

use certrotate_x509::KeyType;
use clap::{ArgAction, Parser, Subcommand};
use controlplane::ControlplaneArgs;
use tracing::level_filters::LevelFilter;

use crate::exit::Exit;

/// A node certificate that renews itself.
#[derive(Debug, Parser)]
#[command(name = "certrotate", version, about, max_term_width = 100, after_help = AFTER)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER: &str = "\
Exit status: 0 done, 2 usage or configuration, 15 certificate directory unusable;
run --once besides: 10 not approved in time, 11 denied or failed, 12 credential refused,
13 API server unreachable, 14 no way back, 17 issued certificate refused;
status: 0 valid, 3 degraded, 4 none or expired.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Watch a node get its first certificate and rotate it, against an embedded control plane.
    Demo(DemoArgs),
    /// Run the embedded control plane, a certificates API on loopback that kubectl talks to; or, with --kubeconfig,
    /// approver, signer and cleaner of a signer name of one's own on a real cluster.
    Controlplane(Box<ControlplaneArgs>),
    /// Run on a node: get a client certificate, keep it, renew it.
    Run(RunArgs),
    /// Show how a node's certificate is, beside a running agent or without one. Exit status: 0 valid, 3 degraded, 4 none or expired.
    Status(StatusArgs),
    /// Print the version.
    Version,
}

/// `certrotate demo`.
#[derive(Debug, clap::Args)]
struct DemoArgs {
    /// Renewals to wait for after the first certificate [default: 5; with --chaos 12, one for each kind of fault]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rotations: Option<u32>,
    /// Kill the agent, lie to it and starve it, by a plan that the seed says
    #[arg(long)]
    chaos: bool,
    /// With --chaos: the plan; the same seed, the same faults [default: a random one, which is printed]
    #[arg(long, value_name = "S", requires = "chaos")]
    seed: Option<u64>,
    /// Keep all files in this directory (it must be empty or missing) [default: a temporary one, removed at the end]
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Print a summary as one JSON object, the last line on standard output
    #[arg(long)]
    json: bool,
    /// Log more: -v info, -vv debug, -vvv trace
    #[arg(short, action = ArgAction::Count)]
    verbose: u8,
}

/// `certrotate run`.
#[derive(Debug, clap::Args)]
struct RunArgs {
    /// Kubeconfig for the first certificate, and whenever there is no live one; read anew for each call
    #[arg(long, value_name = "FILE")]
    bootstrap_kubeconfig: Option<PathBuf>,
    /// The node's own kubeconfig: written where there is none, never overwritten
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Certificate directory; kubelet-client-current.pem in it is the live certificate and its key
    #[arg(long, default_value = "/var/lib/kubelet/pki", value_name = "DIR")]
    cert_dir: PathBuf,
    /// The node's name [default: the host's name, in lower case]
    #[arg(long, value_name = "NAME")]
    node_name: Option<String>,
    /// Renew certificates; with =false the first one is served to its end
    #[arg(long, default_value_t = true, default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_name = "BOOL")]
    rotate_certificates: bool,
    /// Adopt a key and certificate that a kubelet left in the directory, or a backup brought: copy them, change nothing
    #[arg(long, default_value_t = true, default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_name = "BOOL")]
    adopt: bool,
    /// The CAs that issue client certificates; an issued certificate must chain to one of them
    #[arg(long, value_name = "FILE")]
    client_ca_file: Option<PathBuf>,
    /// The type of new keys: p256, p384 or ed25519; keys that are there are used whatever their type
    #[arg(long, default_value = "p256", value_name = "TYPE")]
    key_type: KeyType,
    /// End when a valid certificate is on disk
    #[arg(long)]
    once: bool,
    /// With --once: how long to wait, such as 30s or 5m [default: for ever]
    #[arg(long, value_name = "DUR", requires = "once")]
    timeout: Option<String>,
    /// For demo --chaos: take orders on standard input on how clock and disk are
    #[arg(long, hide = true)]
    rehearsal: bool,
    /// Log more: -v debug, -vv trace
    #[arg(short, action = ArgAction::Count)]
    verbose: u8,
}

/// `certrotate status`.
#[derive(Debug, clap::Args)]
struct StatusArgs {
    /// Certificate directory
    #[arg(long, default_value = "/var/lib/kubelet/pki", value_name = "DIR")]
    cert_dir: PathBuf,
    /// The node's name [default: the running agent's, or the one in the certificate]
    #[arg(long, value_name = "NAME")]
    node_name: Option<String>,
    /// The bootstrap kubeconfig that is the way back [default: the running agent's]
    #[arg(long, value_name = "FILE")]
    bootstrap_kubeconfig: Option<PathBuf>,
    /// The CAs that issue client certificates; the certificate must chain to one of them
    #[arg(long, value_name = "FILE")]
    client_ca_file: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Show the timing parameters, too, as they are for certificates of this lifetime
    #[arg(long, conflicts_with = "json")]
    timing: bool,
}

/// Parses the command line and does what it says.
///
/// Bad flags end the process here, with clap's message and status 2.
#[must_use]
pub fn main() -> Exit {
    match Cli::parse().command {
        Command::Version => {
            println!("certrotate {}", env!("CARGO_PKG_VERSION"));
            Exit::Done
        }
        Command::Demo(args) => {
            // While there is one thread still.
            let own_mounts = args.chaos && crate::demo::chaos::own_mounts().is_ok();
            within(levels(args.verbose, LevelFilter::ERROR), demo::demo(args, own_mounts))
        }
        Command::Controlplane(args) => {
            within(levels(args.verbose, LevelFilter::WARN), controlplane::controlplane(*args))
        }
        Command::Status(args) => within(LevelFilter::WARN, status::status(args)),
        Command::Run(args) => within(levels(args.verbose, LevelFilter::INFO), run::run(args)),
    }
}

/// One level more for each `-v`.
fn levels(verbose: u8, base: LevelFilter) -> LevelFilter {
    let all =
        [LevelFilter::ERROR, LevelFilter::WARN, LevelFilter::INFO, LevelFilter::DEBUG, LevelFilter::TRACE];
    let start = all.iter().position(|level| *level == base).unwrap_or(0);
    let wanted = start + usize::from(verbose);
    all.get(wanted).copied().unwrap_or(LevelFilter::TRACE)
}

/// Runs a command on a runtime of one thread, its log on standard error.
fn within(level: LevelFilter, command: impl Future<Output = Result<Exit, String>>) -> Exit {
    let terminal = std::io::stderr().is_terminal();
    // Whatever was asked for, other crates' chatter starts one level later: what they print is theirs.
    let filter = tracing_subscriber::EnvFilter::builder()
        .with_default_directive(LevelFilter::WARN.into())
        .parse_lossy(format!(
            "warn,certrotate={level},certrotate_store={level},certrotate_controlplane={level}"
        ));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(terminal)
        .with_target(false)
        .with_writer(std::io::stderr)
        .init();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("certrotate: the system gives no event loop: {error}");
            return Exit::Internal;
        }
    };
    let exit = match runtime.block_on(command) {
        Ok(exit) => exit,
        Err(message) => {
            eprintln!("certrotate: {message}");
            Exit::Usage
        }
    };
    // A disk that hangs must not keep the process: its thread is left behind.
    runtime.shutdown_background();
    exit
}

/// Returns at SIGTERM or SIGINT.
///
/// # Errors
///
/// The system takes no signal handler.
async fn asked_to_end() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
