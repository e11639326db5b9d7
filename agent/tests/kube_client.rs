//! The Rust `kube` client, with the kubeconfig that the control plane writes. The client takes the
//! control plane for a cluster.

#![expect(clippy::unwrap_used, reason = "all of this is test code")]

use certrotate_controlplane::{Approval, ControlPlane, Handle, Options};
use futures_util::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::ByteString;
use k8s_openapi::api::certificates::v1::{
    CertificateSigningRequest as Csr, CertificateSigningRequestCondition as Condition,
};
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::json;

async fn plane() -> (Handle, Client) {
    let plane =
        ControlPlane::start(Options { approve: Approval::Manual, ..Options::default() }).await.unwrap();
    let kubeconfig = Kubeconfig::from_yaml(plane.admin_kubeconfig()).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    let client = Client::try_from(config).unwrap();
    (plane, client)
}

fn request(name: &str) -> Csr {
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, "rust");
    let key = rcgen::KeyPair::generate().unwrap();
    let pem = params.serialize_request(&key).unwrap().pem().unwrap();
    let mut csr = Csr::default();
    csr.metadata.name = Some(name.to_owned());
    csr.spec.request = ByteString(pem.into_bytes());
    csr.spec.signer_name = "kubernetes.io/kube-apiserver-client".to_owned();
    csr.spec.usages = Some(vec!["client auth".to_owned()]);
    csr
}

#[tokio::test]
async fn kube_client_creates_approves_watches_and_fetches() {
    let (_plane, client) = plane().await;
    let csrs: Api<Csr> = Api::all(client);
    let mut created = csrs.create(&PostParams::default(), &request("rust")).await.unwrap();
    let from = created.metadata.resource_version.clone().unwrap();
    let condition =
        Condition { type_: "Approved".to_owned(), status: "True".to_owned(), ..Condition::default() };
    created.status = Some(Default::default());
    created.status.as_mut().unwrap().conditions = Some(vec![condition]);
    csrs.replace_subresource("approval", "rust", &PostParams::default(), &created).await.unwrap();
    let watching = WatchParams::default().fields("metadata.name=rust");
    let mut events = csrs.watch(&watching, &from).await.unwrap().boxed();
    let issued = loop {
        match events.try_next().await.unwrap().expect("the watch lasts") {
            WatchEvent::Modified(csr) if csr.status.as_ref().is_some_and(|s| s.certificate.is_some()) => {
                break csr;
            }
            WatchEvent::Modified(_) => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(csrs.get("rust").await.unwrap(), issued);
    let certificate = issued.status.unwrap().certificate.unwrap().0;
    assert!(certificate.starts_with(b"-----BEGIN CERTIFICATE-----"));
    let listed = csrs.list(&ListParams::default().limit(1)).await.unwrap();
    assert_eq!(listed.items.len(), 1);
    csrs.delete("rust", &DeleteParams::default()).await.unwrap();
    assert!(csrs.get_opt("rust").await.unwrap().is_none());
}

#[tokio::test]
async fn kube_client_holds_a_lease_and_sees_conflicts() {
    let (_plane, client) = plane().await;
    let leases: Api<Lease> = Api::namespaced(client, "kube-system");
    let lease: Lease = serde_json::from_value(json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": "leader"}, "spec": {"holderIdentity": "a"},
    }))
    .unwrap();
    let first = leases.create(&PostParams::default(), &lease).await.unwrap();
    let patch = Patch::Merge(json!({"spec": {"holderIdentity": "b"}}));
    leases.patch("leader", &PatchParams::default(), &patch).await.unwrap();
    let error = leases.replace("leader", &PostParams::default(), &first).await.unwrap_err();
    let kube::Error::Api(status) = error else { panic!("{error}") };
    assert_eq!((status.code, status.reason.as_str()), (409, "Conflict"));
}
