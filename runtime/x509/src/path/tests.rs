use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use x509_parser::prelude::FromDer as _;

use super::*;

const fn at(secs: i64) -> WallTime {
    WallTime::from_unix_secs(secs)
}

#[test]
fn overlapping_windows_are_one_and_the_last_counts() {
    let windows = |all: &[(i64, i64)]| {
        let found = last_stretch(all.iter().map(|(from, to)| (at(*from), at(*to))).collect());
        found.map(|(from, to)| (from.unix_secs(), to.unix_secs()))
    };
    assert_eq!(windows(&[]), None);
    assert_eq!(windows(&[(1, 5)]), Some((1, 5)));
    assert_eq!(windows(&[(1, 5), (4, 9)]), Some((1, 9)));
    assert_eq!(windows(&[(4, 9), (1, 5), (0, 2)]), Some((0, 9)));
    assert_eq!(windows(&[(1, 4), (4, 9)]), Some((1, 9)), "they touch");
    assert_eq!(windows(&[(1, 3), (5, 9)]), Some((5, 9)), "a gap");
    assert_eq!(windows(&[(5, 9), (6, 7), (1, 3)]), Some((5, 9)));
}

/// A root in DER, and a certificate that it signed.
fn root_and_leaf() -> [Vec<u8>; 2] {
    let key = || KeyPair::generate().expect("the system has random bytes");
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "root");
    let root = CertifiedIssuer::self_signed(params, key()).expect("the parameters are good");
    let leaf = CertificateParams::default().signed_by(&key(), &root).expect("the defaults are good");
    [root.der().to_vec(), leaf.der().to_vec()]
}

#[test]
fn search_tries_its_last_issuer_and_none_after_it() {
    let ders = root_and_leaf();
    let [root, leaf] = ders.each_ref().map(|der| facts::certificate(der, 1).expect("it is one"));
    let path = Stretch { certificates: vec![&leaf], window: facts::window(&leaf), fault: None };
    let mut search = Search::new(&[], &[]);
    search.steps = MOST_STEPS - 1;
    let whole = search.with(&path, &root, true).expect("the last step");
    assert_eq!((whole.certificates.len(), whole.fault), (2, None));
    assert!(search.with(&path, &root, true).is_none());
}

#[test]
fn search_verifies_its_last_signature_and_none_after_it() {
    let ders = root_and_leaf();
    let [root, leaf] = ders.each_ref().map(|der| facts::certificate(der, 1).expect("it is one"));
    let mut search = Search::new(&[], &[]);
    search.verified = vec![(std::ptr::null(), std::ptr::null(), Ok(false)); MOST_SIGNATURES - 1];
    assert_eq!(search.verify(&leaf, &root), Some(Ok(true)), "the last signature");
    assert_eq!(search.verify(&root, &root), None);
    assert_eq!(search.verify(&leaf, &root), Some(Ok(true)), "it is verified once");
}

#[test]
fn critical_alternative_names_are_handled_if_go_reads_one_of_them() {
    let is_handled = |names: &[u8]| {
        let length = |more: usize| u8::try_from(names.len() + more).expect("it is short");
        // The extension of RFC 5280, section 4.2.1.6, critical, with these names in DER.
        let head = [0x30, length(12), 6, 3, 0x55, 0x1d, 0x11, 1, 1, 0xff, 4, length(2), 0x30, length(0)];
        let der = [&head, names].concat();
        let (rest, extension) = X509Extension::from_der(&der).expect("it is an extension");
        assert!(rest.is_empty() && extension.critical);
        is_handled(&extension)
    };
    let (dns, address, registered_id) = ([0x82, 1, b'a'], [0x87, 4, 127, 0, 0, 1], [0x88, 1, 0x2a]);
    assert!(is_handled(&dns));
    assert!(is_handled(&address));
    assert!(is_handled(&[registered_id, dns].concat()));
    assert!(!is_handled(&registered_id));
}

/// Whether a root with these extended key usages may sign a leaf with those.
fn is_path(of_root: &[ExtendedKeyUsagePurpose], of_leaf: &[ExtendedKeyUsagePurpose]) -> Chain {
    let key = || KeyPair::generate().expect("the system has random bytes");
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "root");
    params.extended_key_usages = of_root.to_vec();
    let root = CertifiedIssuer::self_signed(params, key()).expect("the parameters are good");
    let mut params = CertificateParams::default();
    params.extended_key_usages = of_leaf.to_vec();
    let leaf = params.signed_by(&key(), &root).expect("the parameters are good");
    let [root, leaf] = [root.der(), leaf.der()].map(|der| facts::certificate(der, 1).expect("it is one"));
    find(&[leaf], Some(&[root])).chain
}

#[test]
fn issuer_has_to_permit_what_the_leaf_is_for() {
    use ExtendedKeyUsagePurpose::{Any, ClientAuth, CodeSigning, ServerAuth};
    for leaf in [&[ClientAuth][..], &[ServerAuth], &[ClientAuth, ServerAuth], &[]] {
        for root in [&[][..], &[Any], &[ClientAuth, ServerAuth]] {
            assert_eq!(is_path(root, leaf), Chain::Trusted, "{root:?} signs {leaf:?}");
        }
        let refused = Chain::Rejected(PathFault::IssuerUsage);
        assert_eq!(is_path(&[CodeSigning], leaf), refused, "{leaf:?}");
        let serves = leaf.contains(&ServerAuth);
        let connects = leaf.contains(&ClientAuth) || !serves;
        let expected = |is_permitted: bool| if is_permitted { Chain::Trusted } else { refused };
        assert_eq!(is_path(&[ClientAuth], leaf), expected(!serves), "{leaf:?}");
        assert_eq!(is_path(&[ServerAuth], leaf), expected(!connects), "{leaf:?}");
    }
}
