use std::time::Duration;

use certrotate_controlplane::{Approval, CaFiles};
use clap::Parser as _;

use super::*;

#[derive(Debug, clap::Parser)]
struct Line {
    #[command(flatten)]
    args: ControlplaneArgs,
}

fn parsed(flags: &[&str]) -> Result<ControlplaneArgs, String> {
    let line = [&["controlplane"], flags].concat();
    Line::try_parse_from(line).map(|line| line.args).map_err(|error| error.to_string())
}

fn good(flags: &[&str]) -> ControlplaneArgs {
    parsed(flags).expect("good flags")
}

const CLUSTER: [&str; 8] = [
    "--kubeconfig=k",
    "--signer-name=example.com/nodes",
    "--cluster-signing-cert-file=c",
    "--cluster-signing-key-file=y",
    "--approve=after=5s",
    "--cluster-signing-duration=24h",
    "--refuse-taken-names",
    "--clean=false",
];

#[test]
fn old_signing_duration_flag_has_the_same_effect() {
    let new = good(&["--dir=d", "--cluster-signing-duration=10s"]);
    let old = good(&["--dir=d", "--experimental-cluster-signing-duration=10s"]);
    for args in [new, old] {
        let options = embedded_options(&args).expect("good options");
        assert_eq!(options.cluster_signing_duration, Duration::from_secs(10));
    }
    let both = ["--dir=d", "--cluster-signing-duration=1s", "--experimental-cluster-signing-duration=1s"];
    assert!(parsed(&both).is_err());
    assert_eq!(good(&["--dir=d"]).signing.duration(), Ok(Duration::from_secs(365 * 86_400)));
}

#[test]
fn each_pair_of_ca_files_goes_to_its_signer() {
    let pair = |name: &str| {
        Some(CaFiles { certificate: format!("{name}.crt").into(), key: format!("{name}.key").into() })
    };
    let flags = |infix: &str, name: &str| {
        [
            format!("--cluster-signing-{infix}cert-file={name}.crt"),
            format!("--cluster-signing-{infix}key-file={name}.key"),
        ]
    };
    for infix in ["", "kubelet-serving-", "kubelet-client-", "kube-apiserver-client-", "legacy-unknown-"] {
        let [certificate, key] = flags(infix, "ca");
        let files = good(&["--dir=d", &certificate, &key]).signing.files().expect("a pair");
        let got = match infix {
            "" => files.all,
            "kubelet-serving-" => files.kubelet_serving,
            "kubelet-client-" => files.kubelet_client,
            "kube-apiserver-client-" => files.kube_apiserver_client,
            _ => files.legacy_unknown,
        };
        assert_eq!(got, pair("ca"), "{infix}");
        assert!(parsed(&["--dir=d", &certificate]).is_err(), "{infix} without its key");
        assert!(parsed(&["--dir=d", &key]).is_err(), "{infix} without its certificate");
    }
}

#[test]
fn cluster_mode_needs_signer_and_ca_and_no_embedded_flag() {
    let options = cluster_options(&good(&CLUSTER)).expect("good options");
    let controllers = &options.controllers;
    assert_eq!(controllers.signer_name, "example.com/nodes");
    assert_eq!(controllers.rules, Rules::KubeletClient);
    assert_eq!(controllers.approve, Approval::After(Duration::from_secs(5)));
    assert_eq!(controllers.cluster_signing_duration, Duration::from_secs(86_400));
    assert!(controllers.refuse_taken_names && controllers.ages.is_none());
    assert_eq!(options.lease_name, "certrotate-example.com-nodes");
    assert_eq!(options.lease_times, LeaseTimes::default());
    let other = cluster_options(&good(&CLUSTER)).expect("good options");
    assert_ne!(options.identity, other.identity, "two replicas on one host");

    assert!(parsed(&[]).is_err(), "neither embedded nor a cluster");
    assert!(parsed(&CLUSTER[..1]).is_err(), "no signer name");
    assert!(parsed(&["--dir=d", "--signer-name=example.com/nodes"]).is_err());
    assert!(parsed(&[&CLUSTER[..], &["--dir=d"]].concat()).is_err());
    assert!(parsed(&[&CLUSTER[..], &["--token-ttl=1h"]].concat()).is_err());
    let refused = cluster_options(&good(&CLUSTER[..2])).expect_err("no CA");
    assert!(refused.contains("--cluster-signing-cert-file"), "{refused}");
}

#[test]
fn signer_rules_are_fixed_for_kubernetes_signers_only() {
    let rules = |name: &str, rules: &str| {
        let flags = [CLUSTER[0], name, CLUSTER[2], CLUSTER[3], rules];
        cluster_options(&good(&flags)).expect("good options").controllers.rules
    };
    let serving = "--signer-name=kubernetes.io/kubelet-serving";
    assert_eq!(rules(serving, "--signer-rules=any"), Rules::KubeletServing);
    assert_eq!(rules("--signer-name=example.com/x", "--signer-rules=api-client"), Rules::ApiClient);
}

#[test]
fn ephemeral_control_plane_has_no_directory() {
    let args = good(&["--ephemeral", "--listen=127.0.0.2"]);
    let options = embedded_options(&args).expect("good options");
    assert_eq!((options.dir, options.listen.to_string()), (None, "127.0.0.2".to_owned()));
    assert!(parsed(&["--ephemeral", "--dir=d"]).is_err());
    assert!(parsed(&[]).unwrap_err().contains("--dir"));
}
