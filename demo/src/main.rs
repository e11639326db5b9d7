//! The program `certrotate-demo`: a node bootstraps and rotates against the embedded control plane, on a screen.
//!
//! Everything in it is real: TLS, files, keys, and a certificates API that kubectl can use. With `--chaos` the agent runs
//! under fault injection. None of this is in the shipped program `certrotate`.

mod chaos;
mod cli;
mod files;
mod injection;
mod load;
mod scratch;
mod settings;
mod show;
mod summary;
mod timeline;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main().into()
}
