//! The real program, and a signer that answers as a signer may: with text around the certificate, with others beside it,
//! by a CA of any kind. openssl is the signer.

#![expect(clippy::unwrap_used, reason = "all of this is test code")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use certrotate_controlplane::{Approval, ControlPlane, Handle, Options};
use k8s_openapi::ByteString;
use k8s_openapi::api::certificates::v1::{
    CertificateSigningRequest as Csr, CertificateSigningRequestCondition as Condition,
};
use kube::api::{Api, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

/// Longer than anything here takes; a test that waits this long has failed.
const LONG: Duration = Duration::from_secs(60);

const LEAF: &str = "keyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth\n";

/// A scratch directory with the CA `ca.crt`, and an API server that leaves signing to the test.
struct Bench {
    plane: Handle,
    dir: tempfile::TempDir,
    requests: Api<Csr>,
}

impl Bench {
    /// `key` is how openssl makes the key of the CA.
    async fn new(key: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options =
            Options { dir: Some(dir.path().join("plane")), approve: Approval::Manual, ..Options::default() };
        let plane = ControlPlane::start(options).await.unwrap();
        let kubeconfig = Kubeconfig::from_yaml(plane.admin_kubeconfig()).unwrap();
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
        let requests = Api::all(Client::try_from(config).unwrap());
        let bench = Self { plane, dir, requests };
        fs::write(bench.path("leaf.ext"), LEAF).unwrap();
        bench.root("ca", key);
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn openssl(&self, arguments: &[&str]) -> String {
        openssl(self.dir.path(), arguments)
    }

    /// A self-signed CA in `name.crt`.
    fn root(&self, name: &str, key: &[&str]) {
        let (certificate, file, subject) =
            (format!("{name}.crt"), format!("{name}.key"), format!("/CN={name}"));
        let usage = "keyUsage=critical,keyCertSign";
        let rest = [
            "-nodes",
            "-keyout",
            &file,
            "-out",
            &certificate,
            "-subj",
            &subject,
            "-days",
            "90",
            "-addext",
            usage,
        ];
        self.openssl(&[&["req", "-x509", "-newkey"], key, &rest].concat());
    }

    /// The request of the node, signed by the CA.
    fn sign(&self, request: &[u8], more: &[&str]) -> String {
        fs::write(self.path("request.csr"), request).unwrap();
        let arguments = [
            "x509",
            "-req",
            "-in",
            "request.csr",
            "-CA",
            "ca.crt",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-days",
            "90",
            "-extfile",
            "leaf.ext",
        ];
        self.openssl(&[&arguments, more].concat())
    }

    /// Runs the program once; the answer to its request is made by `answer`, from the request.
    async fn once(&self, timeout: &str, answer: impl Fn(&[u8]) -> String) -> Output {
        let mut changes = self.plane.changes();
        let child = Command::new(env!("CARGO_BIN_EXE_certrotate"))
            .args(["run", "--node-name", "node-1", "--once", "--timeout", timeout, "--bootstrap-kubeconfig"])
            .arg(self.plane.bootstrap_kubeconfig_path().unwrap())
            .args(["--cert-dir", "pki", "--client-ca-file", "ca.crt"])
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let asked = changes.wait_for(|_| self.plane.stats().csrs_created > 0);
        tokio::time::timeout(LONG, asked).await.expect("it requests").unwrap();
        let name = self.plane.stats().csrs[0].name.clone();
        let mut object = self.requests.get(&name).await.unwrap();
        let status = object.status.get_or_insert_default();
        status.certificate = Some(ByteString(answer(&object.spec.request.0).into_bytes()));
        let parameters = PostParams::default();
        let mut object =
            self.requests.replace_subresource("status", &name, &parameters, &object).await.unwrap();
        let approved = Condition { type_: "Approved".into(), status: "True".into(), ..Condition::default() };
        object.status.get_or_insert_default().conditions = Some(vec![approved]);
        self.requests.replace_subresource("approval", &name, &parameters, &object).await.unwrap();
        let waiting = tokio::task::spawn_blocking(move || child.wait_with_output());
        tokio::time::timeout(LONG, waiting).await.expect("it ends").unwrap().unwrap()
    }

    async fn accepts(what: &str, key: &[&str], answer: impl Fn(&Self, &[u8]) -> String) -> Self {
        let bench = Self::new(key).await;
        let output = bench.once("30s", |request| answer(&bench, request)).await;
        assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
        bench
    }

    /// The log of a run whose certificate is refused.
    async fn refuses(key: &[&str], answer: impl Fn(&Self, &[u8]) -> String) -> String {
        let bench = Self::new(key).await;
        let output = bench.once("3s", |request| answer(&bench, request)).await;
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(17), "{log}");
        log
    }
}

fn openssl(dir: &Path, arguments: &[&str]) -> String {
    let output = Command::new("openssl").args(arguments).current_dir(dir).output();
    let output = output.expect("openssl must be on the PATH for this test");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

const P256: &[&str] = &["ec", "-pkeyopt", "ec_paramgen_curve:P-256"];

#[tokio::test]
async fn f130_text_around_an_issued_certificate_is_skipped() {
    type Around = fn(&str) -> String;
    let texts: [(&str, Around); 6] = [
        ("a comment after it", |pem| format!("{pem}# issued by the corporate CA\n")),
        ("a text before it", |pem| format!("Certificate:\n    Data:\n        Version: 3 (0x2)\n{pem}")),
        ("spaces after its first line", |pem| {
            pem.replace("BEGIN CERTIFICATE-----", "BEGIN CERTIFICATE----- \t")
        }),
        ("CR LF", |pem| pem.replace('\n', "\r\n")),
        ("blank lines", |pem| format!("\n\n{}\n\n", pem.replacen('\n', "\n\n", 1))),
        ("no line end", |pem| pem.trim_end().to_owned()),
    ];
    for (what, around) in texts {
        let bench = Bench::accepts(what, P256, |bench, request| around(&bench.sign(request, &[]))).await;
        let bundle = fs::read_to_string(bench.path("pki/kubelet-client-current.pem")).unwrap();
        let own = bundle.lines().filter(|line| !line.starts_with("-----") && line.contains(' ')).count();
        assert_eq!(own, 1, "{what}: only the first line of a bundle is text: {bundle}");
    }
}

/// A root that expired years ago.
fn expired_root() -> String {
    expired_ca("old root").self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().pem()
}

fn expired_ca(name: &str) -> rcgen::CertificateParams {
    let mut ca = rcgen::CertificateParams::default();
    ca.distinguished_name = rcgen::DistinguishedName::new();
    ca.distinguished_name.push(rcgen::DnType::CommonName, name);
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    (ca.not_before, ca.not_after) = (rcgen::date_time_ymd(2020, 1, 1), rcgen::date_time_ymd(2021, 1, 1));
    ca
}

#[tokio::test]
async fn f131_certificates_beside_the_path_do_not_matter() {
    Bench::accepts("an expired root", P256, |bench, request| bench.sign(request, &[]) + &expired_root())
        .await;
    Bench::accepts("another CA", P256, |bench, request| {
        bench.root("other", P256);
        bench.sign(request, &[]) + &fs::read_to_string(bench.path("other.crt")).unwrap()
    })
    .await;
}

#[tokio::test]
async fn client_ca_of_any_key_that_go_accepts_is_accepted() {
    let pss: &[&str] = &["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"];
    let curve = |name: &'static str| ["ec", "-pkeyopt", name];
    let (p384, p521) = (curve("ec_paramgen_curve:P-384"), curve("ec_paramgen_curve:P-521"));
    let keys: [(&[&str], &[&str]); 7] = [
        (P256, &["-sha512"]),
        (&p384, &["-sha256"]),
        (&p521, &["-sha512"]),
        (&["rsa:2048"], &["-sha512"]),
        (&["rsa:2048"], pss),
        (&["rsa:4096"], &[]),
        (&["ed25519"], &[]),
    ];
    for (key, more) in keys {
        Bench::accepts(&format!("{key:?} {more:?}"), key, |bench, request| bench.sign(request, more)).await;
    }
}

#[tokio::test]
async fn weak_signature_is_refused_with_the_true_reason() {
    let log = Bench::refuses(P256, |bench, request| bench.sign(request, &["-sha1"])).await;
    assert!(log.contains("found one with SHA-1") && !log.contains("another CA"), "{log}");
}

#[tokio::test]
async fn expired_issuer_on_the_only_path_is_named_as_the_reason() {
    let log = Bench::refuses(P256, |bench, request| {
        // The CA signs an intermediate that is expired, and that signs the certificate.
        let key = rcgen::KeyPair::from_pem(&fs::read_to_string(bench.path("ca.key")).unwrap()).unwrap();
        let ca = rcgen::Issuer::new(expired_ca("ca"), key);
        let own = rcgen::KeyPair::generate().unwrap();
        let intermediate = expired_ca("intermediate").signed_by(&own, &ca).unwrap().pem();
        fs::write(bench.path("intermediate.crt"), &intermediate).unwrap();
        fs::write(bench.path("intermediate.key"), own.serialize_pem()).unwrap();
        bench.sign(request, &["-CA", "intermediate.crt", "-CAkey", "intermediate.key"]) + &intermediate
    })
    .await;
    assert!(log.contains("it has expired") && log.contains("an issuer on its path is not"), "{log}");
}

#[tokio::test]
async fn long_serial_number_is_accepted_and_a_negative_one_is_the_reason() {
    let long = "0x7f00112233445566778899aabbccddeeff00112233445566";
    Bench::accepts("24 bytes", P256, |bench, request| bench.sign(request, &["-set_serial", long])).await;
    let log = Bench::refuses(P256, |bench, request| bench.sign(request, &["-set_serial", "-5"])).await;
    assert!(log.contains("negative serial number"), "{log}");
}

#[tokio::test]
async fn name_constraints_of_the_client_ca_are_judged_as_go_judges_them() {
    for constraint in
        ["critical,permitted;DNS:example.com", "permitted;DNS:example.com", "excluded;DNS:example.com"]
    {
        let constraint = format!("nameConstraints={constraint}");
        let key = [P256, &["-addext", &constraint]].concat();
        // The certificate of a node has no DNS name: nothing is outside.
        Bench::accepts(&constraint, &key, |bench, request| bench.sign(request, &[])).await;
    }
}
