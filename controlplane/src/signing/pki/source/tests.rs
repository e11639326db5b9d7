use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose};

use super::*;

fn authority() -> Authority {
    Authority::create(SystemTime::now(), Duration::from_secs(3600)).unwrap()
}

fn place(dir: &Path) -> CaFiles {
    CaFiles { certificate: dir.join("ca.crt"), key: dir.join("ca.key") }
}

fn put(files: &CaFiles, certificate: &str, key: &str) {
    fs::write(&files.certificate, certificate).unwrap();
    fs::write(&files.key, key).unwrap();
}

#[test]
fn a_new_pair_signs_from_the_next_time_on_and_a_wrong_one_never() {
    let dir = tempfile::tempdir().unwrap();
    let files = place(dir.path());
    let (one, two) = (authority(), authority());
    put(&files, one.pem(), one.key_pem());
    let trusted = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&trusted);
    let trust: Trust = Arc::new(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
    });
    let source = Source::files(files.clone(), Some(trust)).unwrap();
    assert_eq!(source.current().der(), one.der());
    // Half of the replacement: the certificate is there, its key not yet.
    fs::write(&files.certificate, two.pem()).unwrap();
    assert_eq!(source.current().der(), one.der());
    assert_eq!(trusted.load(Ordering::Relaxed), 1);
    fs::write(&files.key, two.key_pem().as_bytes()).unwrap();
    assert_eq!(source.current().der(), two.der());
    assert_eq!(trusted.load(Ordering::Relaxed), 2, "it is trusted before it signs");
    put(&files, "garbage", "garbage");
    assert_eq!(source.current().der(), two.der());
    fs::remove_file(&files.key).unwrap();
    assert_eq!(source.current().der(), two.der());
    put(&files, one.pem(), one.key_pem());
    assert_eq!(source.current().der(), one.der());
}

#[test]
fn w48_an_older_authority_in_the_same_file_hinders_nobody() {
    let (old, new) = (authority(), authority());
    for both in [format!("{}{}", old.pem(), new.pem()), format!("{}{}", new.pem(), old.pem())] {
        let loaded = Authority::load(&both, new.key_pem().clone()).unwrap();
        assert_eq!((loaded.der(), loaded.chain()), (new.der(), ""));
    }
}

#[test]
fn w48_intermediate_chain_follows_the_leaf_without_the_root() {
    let ca = |name: &str| {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        (params, KeyPair::generate().unwrap())
    };
    let ((root, root_key), (middle, middle_key), (lower, lower_key)) =
        (ca("root"), ca("middle"), ca("lower"));
    let root_pem = root.self_signed(&root_key).unwrap().pem();
    let root = Issuer::from_params(&root, &root_key);
    let middle_pem = middle.signed_by(&middle_key, &root).unwrap().pem();
    let lower_pem = lower.signed_by(&lower_key, &Issuer::from_params(&middle, &middle_key)).unwrap().pem();
    let key = || Zeroizing::new(lower_key.serialize_pem());
    let loaded = Authority::load(&format!("{root_pem}{lower_pem}{middle_pem}"), key()).unwrap();
    let plain = |text: &str| text.replace('\r', "");
    assert_eq!(plain(loaded.chain()), plain(&format!("{lower_pem}{middle_pem}")));
    let alone = Authority::load(&lower_pem, key()).unwrap();
    assert_eq!(
        plain(alone.chain()),
        plain(&lower_pem),
        "clients that know the root only need it all the more"
    );
}

#[test]
fn w49_what_may_not_sign_certificates_is_no_authority() {
    let one = authority();
    let identity = one.client_identity("u", &[], (0, 4_000_000_000)).unwrap();
    let refused = Authority::load(&identity.certificate, identity.key).unwrap_err().to_string();
    assert!(refused.contains("may sign certificates"), "{refused}");
}

#[test]
fn errors_name_the_files_and_show_no_key() {
    let dir = tempfile::tempdir().unwrap();
    let files = place(dir.path());
    assert!(Source::files(files.clone(), None).unwrap_err().to_string().contains("ca.crt"));
    let (one, two) = (authority(), authority());
    put(&files, one.pem(), two.key_pem());
    let wrong = Source::files(files.clone(), None).unwrap_err().to_string();
    assert!(wrong.contains("ca.key") && wrong.contains("does not belong"), "{wrong}");
    put(&files, one.pem(), "hunter2");
    let shown = format!("{:?}", Source::files(files.clone(), None).unwrap_err());
    assert!(!shown.contains("hunter2"), "{shown}");
    put(&files, one.pem(), one.key_pem());
    let source = Source::files(files, None).unwrap();
    assert!(!format!("{source:?} {:?}", source.current()).contains("PRIVATE"));
}
