//! Prints the public items of a crate, one a line, from its rustdoc JSON. scripts/check-api compares them with `docs/api`.

use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(path) = std::env::args_os().nth(1) else {
        eprintln!("certrotate-api: no file; usage: certrotate-api FILE.json");
        return ExitCode::from(2);
    };
    let builder = public_api::Builder::from_rustdoc_json(&path)
        // Every type has the same ones; that a rotator is `Send` is a test of core.
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true);
    match builder.build() {
        Ok(api) => {
            println!("{api}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("certrotate-api: {} cannot be read as rustdoc JSON: {error}", path.display());
            ExitCode::FAILURE
        }
    }
}
