//! Runs a control plane on a directory until Ctrl-C:
//!
//! ```text
//! cargo run -p certrotate-controlplane --example serve -- DIR [auto|manual|after=DUR] [SIGNING-DUR]
//! kubectl --kubeconfig DIR/admin.kubeconfig get csr
//! ```

use std::error::Error;

use certrotate_controlplane::{ControlPlane, Options, parse_duration};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut options = Options { dir: arguments.next().map(Into::into), ..Options::default() };
    if let Some(approve) = arguments.next() {
        options.approve = approve.parse()?;
    }
    if let Some(duration) = arguments.next() {
        options.cluster_signing_duration = parse_duration(&duration)?;
    }
    let plane = ControlPlane::start(options).await?;
    println!("listening on https://{}", plane.address());
    tokio::signal::ctrl_c().await?;
    plane.shutdown().await;
    Ok(())
}
