//! The program `certrotate`.

use std::process::ExitCode;

fn main() -> ExitCode {
    certrotate::cli::main().into()
}
