//! `certrotate-model web`, with the feature `stateright`.

use std::net::SocketAddr;

use certrotate_model::explore::{Bound, web};

use crate::engine::setup;
use crate::output::{Exit, Usage};

/// Walk through the worlds of `explore` on a web page (stateright's)
///
/// Each step of the path is a link; the page shows the machine, the disk and the server after it, and what may
/// happen next. Runs until it is stopped.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// Where to serve it; loopback only
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:3000")]
    address: SocketAddr,
    /// The setup to begin with, two bytes in hexadecimal
    #[arg(long, value_name = "HEX", default_value = "0000")]
    setup: String,
    /// The most faults
    #[arg(long, value_name = "N", default_value_t = 2)]
    faults: u8,
    /// How many identities go live at the most
    #[arg(long, value_name = "N", default_value_t = 2)]
    rotations: u8,
}

/// Serves it.
pub(crate) fn run(args: &Args) -> Result<Exit, Usage> {
    let Args { address, faults, rotations, .. } = *args;
    if !address.ip().is_loopback() {
        return Err(Usage(format!("--address {address} is not on loopback; 127.0.0.1:3000 is")));
    }
    let free = std::net::TcpListener::bind(address);
    drop(
        free.map_err(|error| {
            Usage(format!("--address {address} cannot be had: {error}; give another port"))
        })?,
    );
    web::serve(Bound { setup: setup(&args.setup)?, faults, rotations, settles: false }, address);
    Ok(Exit::Held)
}
