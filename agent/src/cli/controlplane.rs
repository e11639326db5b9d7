//! `certrotate controlplane`.

use std::str::FromStr;

use certrotate_controlplane::{ControlPlane, Options, parse_duration};

use super::{ControlplaneArgs, asked_to_end};
use crate::exit::Exit;

pub(super) async fn controlplane(args: ControlplaneArgs) -> Result<Exit, String> {
    let duration = |flag: &str, text: &str| parse_duration(text).map_err(|error| format!("{flag}: {error}"));
    let options = Options {
        dir: Some(args.dir.clone()),
        port: args.port,
        approve: args.approve.parse().map_err(|error| format!("{error}"))?,
        cluster_signing_duration: duration("--cluster-signing-duration", &args.cluster_signing_duration)?,
        backdate: duration("--backdate", &args.backdate)?,
        token_ttl: duration("--token-ttl", &args.token_ttl)?,
        bootstrap_tokens: parsed(&args.bootstrap_tokens)?,
        faults: parsed(&args.faults)?,
        ..Options::default()
    };
    let plane = ControlPlane::start(options).await.map_err(|error| error.to_string())?;
    println!("certificates API ready at https://{}", plane.address());
    println!("  kubectl --kubeconfig {} get csr", args.dir.join("admin.kubeconfig").display());
    println!(
        "  certrotate run --bootstrap-kubeconfig {} --node-name node-1 --cert-dir DIR",
        args.dir.join("bootstrap.kubeconfig").display()
    );
    asked_to_end().await.map_err(|error| format!("no signal can be waited for: {error}"))?;
    plane.shutdown().await;
    Ok(Exit::Done)
}

fn parsed<T: FromStr<Err = certrotate_controlplane::Error>>(texts: &[String]) -> Result<Vec<T>, String> {
    texts.iter().map(|text| text.parse().map_err(|error: T::Err| error.to_string())).collect()
}
