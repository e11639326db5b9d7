//! `certrotate controlplane`: the embedded control plane, or the controllers for a real cluster. Flags that
//! kube-controller-manager has have the same names.

mod flags;
#[cfg(test)]
mod tests;

use std::str::FromStr;

use certrotate_controlplane::{
    Ages, ControlPlane, ControllerOptions, Handle, LeaseTimes, Options, Rules, parse_duration,
};

pub(super) use flags::ControlplaneArgs;
use flags::SigningArgs;

use super::node_name::host_name;
use super::output::announce;
use super::runtime::termination;
use crate::cluster::{self, ClusterOptions};
use crate::exit::Exit;
use crate::log::complain;

pub(super) async fn controlplane(args: ControlplaneArgs) -> Result<Exit, String> {
    args.signing.warn();
    match &args.kubeconfig {
        Some(_) => on_a_cluster(&args).await,
        None => embedded(&args).await,
    }
}

fn duration(flag: &str, text: &str) -> Result<std::time::Duration, String> {
    parse_duration(text).map_err(|error| format!("{flag}: {error}"))
}

fn embedded_options(args: &ControlplaneArgs) -> Result<Options, String> {
    Ok(Options {
        dir: args.dir.clone(),
        listen: args.listen,
        port: args.port,
        approve: args.approve.parse().map_err(|error| format!("{error}"))?,
        cluster_signing_duration: args.signing.duration()?,
        backdate: duration("--backdate", &args.backdate)?,
        token_ttl: duration("--token-ttl", &args.token_ttl)?,
        bootstrap_tokens: parsed(&args.bootstrap_tokens)?,
        faults: parsed(&args.faults)?,
        signing_files: args.signing.files()?,
        refuse_taken_names: args.refuse_taken_names,
        ages: ages(args),
        ..Options::default()
    })
}

fn ages(args: &ControlplaneArgs) -> Option<Ages> {
    args.clean.then(Ages::default)
}

async fn embedded(args: &ControlplaneArgs) -> Result<Exit, String> {
    let plane = ControlPlane::start(embedded_options(args)?).await.map_err(|error| error.to_string())?;
    announce(match args.dir.as_deref() {
        Some(dir) => format!(
            "certificates API ready at https://{}\n  kubectl --kubeconfig {} get csr\n  certrotate run --bootstrap-kubeconfig {} --node-name node-1 --cert-dir DIR\n",
            plane.address(),
            dir.join("admin.kubeconfig").display(),
            dir.join("bootstrap.kubeconfig").display()
        ),
        // A kubeconfig with two comments: `certrotate controlplane --ephemeral >FILE` makes a file that kubectl takes.
        None => format!(
            "# certificates API ready at https://{}; nothing is kept\n# bootstrap token: {}\n{}",
            plane.address(),
            plane.bootstrap_token(),
            plane.admin_kubeconfig()
        ),
    });
    serve_until_termination(&plane).await.map_err(|error| format!("no signal can be waited for: {error}"))?;
    plane.shutdown().await;
    Ok(Exit::Done)
}

fn parsed<T: FromStr<Err = certrotate_controlplane::Error>>(texts: &[String]) -> Result<Vec<T>, String> {
    texts.iter().map(|text| text.parse().map_err(|error: T::Err| error.to_string())).collect()
}

/// Replaces the CA at each SIGUSR1, and returns at SIGTERM or SIGINT.
async fn serve_until_termination(plane: &Handle) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut roll_over = signal(SignalKind::user_defined1())?;
    let mut ending = std::pin::pin!(termination());
    loop {
        tokio::select! {
            ended = &mut ending => return ended,
            _ = roll_over.recv() => match plane.roll_over_ca() {
                Ok(()) => announce("a new CA signs from now on\n".to_owned()),
                Err(error) => tracing::error!(%error, "the CA is not replaced"),
            },
        }
    }
}

fn cluster_options(args: &ControlplaneArgs) -> Result<ClusterOptions, String> {
    let kubeconfig = args.kubeconfig.clone().ok_or("give --kubeconfig")?;
    let signer =
        args.signer_name.clone().ok_or("--kubeconfig needs --signer-name, such as example.com/nodes")?;
    let files = args.signing.files()?;
    let ca =
        files.all.ok_or("--kubeconfig needs --cluster-signing-cert-file and --cluster-signing-key-file")?;
    let rules = match Rules::of(&signer) {
        Some(own) => own,
        None => args.signer_rules.into(),
    };
    let controllers = ControllerOptions {
        approve: args.approve.parse().map_err(|error| format!("{error}"))?,
        cluster_signing_duration: args.signing.duration()?,
        backdate: duration("--backdate", &args.backdate)?,
        ages: ages(args),
        refuse_taken_names: args.refuse_taken_names,
        ..ControllerOptions::new(signer.clone(), rules, ca)
    };
    let lease = &args.leader_elect;
    Ok(ClusterOptions {
        kubeconfig,
        controllers,
        lease_namespace: lease.leader_elect_resource_namespace.clone(),
        lease_name: lease.leader_elect_resource_name.clone().unwrap_or_else(|| lease_name(&signer)),
        lease_times: LeaseTimes {
            lease_duration: duration("--leader-elect-lease-duration", &lease.leader_elect_lease_duration)?,
            renew_deadline: duration("--leader-elect-renew-deadline", &lease.leader_elect_renew_deadline)?,
            retry_period: duration("--leader-elect-retry-period", &lease.leader_elect_retry_period)?,
        },
        identity: cluster::new_identity(&host_name()?)?,
    })
}

/// Returns the default name of the Lease: one for each signer.
fn lease_name(signer: &str) -> String {
    format!("certrotate-{}", signer.replace('/', "-"))
}

async fn on_a_cluster(args: &ControlplaneArgs) -> Result<Exit, String> {
    let options = cluster_options(args)?;
    announce(format!("controllers of {} as {}\n", options.controllers.signer_name, options.identity));
    // SIGHUP must not end it. There is nothing to reload: the kubeconfig and the CA are read at each use.
    let mut hangup = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())
        .map_err(|error| format!("no signal can be waited for: {error}"))?;
    let stop = async {
        let mut ending = std::pin::pin!(termination());
        loop {
            tokio::select! {
                ended = &mut ending => {
                    if let Err(error) = ended {
                        tracing::error!(%error, "no signal can be waited for");
                    }
                    return;
                }
                _ = hangup.recv() => tracing::info!("kubeconfig and CA are read at each use"),
            }
        }
    };
    cluster::run(options, stop).await.map_err(|error| error.to_string())?;
    Ok(Exit::Done)
}

impl SigningArgs {
    fn warn(&self) {
        if self.experimental_cluster_signing_duration.is_some() {
            complain(
                "--experimental-cluster-signing-duration is the old name of --cluster-signing-duration; \
                 use the new one",
            );
        }
    }

    fn duration(&self) -> Result<std::time::Duration, String> {
        match &self.experimental_cluster_signing_duration {
            Some(text) => duration("--experimental-cluster-signing-duration", text),
            None => duration("--cluster-signing-duration", &self.cluster_signing_duration),
        }
    }
}
