use super::*;

use Chosen::{Own, Shared, Skipped, Unset};

fn pair(name: &str) -> CaFiles {
    CaFiles { certificate: format!("{name}.crt").into(), key: format!("{name}.key").into() }
}

/// Files with these pairs: all, kubelet-serving, kubelet-client, kube-apiserver-client, legacy-unknown.
fn files(given: [bool; 5]) -> SigningFiles {
    let pick = |index: usize, name| given[index].then(|| pair(name));
    SigningFiles {
        all: pick(0, "all"),
        kubelet_serving: pick(1, "serving"),
        kubelet_client: pick(2, "kubelet"),
        kube_apiserver_client: pick(3, "client"),
        legacy_unknown: pick(4, "legacy"),
    }
}

#[test]
fn signer_pair_is_its_own_or_the_shared_one() {
    let (serving, kubelet, client, legacy) =
        (Rules::KubeletServing, Rules::KubeletClient, Rules::ApiClient, Rules::Any);
    let everything = files([true; 5]);
    let only_all = files([true, false, false, false, false]);
    let four = files([false, true, true, true, true]);
    let kubelets = files([true, true, true, false, false]);
    let others = files([true, false, false, true, true]);
    let table = [
        ("SIG-038", &everything, serving, Own(&pair("serving"))),
        ("SIG-039", &only_all, serving, Shared(&pair("all"))),
        ("SIG-041", &kubelets, serving, Own(&pair("serving"))),
        ("SIG-043", &everything, kubelet, Own(&pair("kubelet"))),
        ("SIG-049", &only_all, client, Shared(&pair("all"))),
        ("SIG-050", &four, client, Own(&pair("client"))),
        ("SIG-051", &kubelets, client, Skipped),
        ("SIG-052", &others, client, Own(&pair("client"))),
        ("SIG-054", &only_all, legacy, Shared(&pair("all"))),
        ("SIG-056", &kubelets, legacy, Skipped),
        ("SIG-057", &others, legacy, Own(&pair("legacy"))),
        ("no files", &SigningFiles::default(), legacy, Unset),
    ];
    for (id, files, rules, chosen) in table {
        assert_eq!(files.of(rules), chosen, "{id}");
    }
}

#[test]
fn a_pair_of_all_and_one_of_a_single_signer_are_not_both_given() {
    assert!(files([true, false, true, false, false]).validate().is_err());
    assert!(files([true, false, false, false, false]).validate().is_ok());
    assert!(files([false, true, true, false, false]).validate().is_ok());
}

#[test]
fn a_name_that_is_no_signers_is_refused_before_anything_is_read() {
    for name in ["", "no-slash", "example.com/a/b", "kubernetes.io/mine", "kubernetes.io/kubelet-serving"] {
        let options = ControllerOptions::new(name, Rules::KubeletClient, pair("missing"));
        let refused = Controllers::new(options).unwrap_err();
        assert!(matches!(refused, Error::Option { name: "--signer-name", .. }), "{name}: {refused}");
    }
    let options = ControllerOptions::new("example.com/mine", Rules::KubeletClient, pair("missing"));
    assert!(matches!(Controllers::new(options).unwrap_err(), Error::Io { .. }));
}
