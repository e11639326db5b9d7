use super::*;
use crate::apiserver::access::token::new_token;
use crate::signing::pki::authority::Authority;

const HOUR: Duration = Duration::from_secs(3600);

fn at_start() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn authority() -> (Authority, Authenticator) {
    let authority = Authority::create(at_start(), HOUR * 24).unwrap();
    let authenticator = Authenticator::new(authority.der()).unwrap();
    (authority, authenticator)
}

fn client(authority: &Authority, name: &str) -> Vec<CertificateDer<'static>> {
    let start = crate::base::time::seconds_down(at_start());
    let groups = ["system:nodes".to_owned(), "second".to_owned()];
    let identity = authority.client_identity(name, &groups, (start, start + 3600)).unwrap();
    let block =
        x509_parser::pem::Pem::iter_from_buffer(identity.certificate.as_bytes()).next().unwrap().unwrap();
    vec![CertificateDer::from(block.contents)]
}

fn bearer(token: &str) -> HeaderValue {
    HeaderValue::from_str(&format!("Bearer {token}")).unwrap()
}

#[test]
fn certificate_authenticates_until_its_last_second() {
    let (authority, authenticator) = authority();
    let chain = client(&authority, "system:node:n");
    let good = authenticator.judge(&chain, None, at_start() + HOUR);
    let Verdict::User(user) = good.verdict else { panic!("{good:?}") };
    assert_eq!(user.name, "system:node:n");
    assert_eq!(user.groups, ["system:nodes", "second", "system:authenticated"]);
    assert_eq!(user.serial, good.serial);
    let late = authenticator.judge(&chain, None, at_start() + HOUR + Duration::from_millis(1));
    assert!(refusal(&late).contains("expired at"), "{late:?}");
    assert!(late.expired);
}

#[test]
fn a_certificate_that_has_not_started_is_refused_but_not_called_expired() {
    let (authority, authenticator) = authority();
    let early = authenticator.judge(&client(&authority, "n"), None, at_start() - Duration::from_secs(1));
    assert!(refusal(&early).contains("not valid before") && !early.expired, "{early:?}");
}

#[test]
fn a_foreign_authoritys_certificate_is_refused() {
    let (_, authenticator) = authority();
    let (foreign, _) = authority();
    let judged = authenticator.judge(&client(&foreign, "system:node:n"), None, at_start());
    assert!(!refusal(&judged).is_empty());
}

#[test]
fn a_certificate_without_common_name_is_refused() {
    let (authority, authenticator) = authority();
    let judged = authenticator.judge(&client(&authority, ""), None, at_start());
    assert!(!refusal(&judged).is_empty());
}

#[test]
fn a_server_certificate_is_no_client() {
    let (authority, authenticator) = authority();
    let (certificate, _key) = authority.server_identity(std::net::Ipv4Addr::LOCALHOST.into()).unwrap();
    assert!(!refusal(&authenticator.judge(&[certificate], None, at_start())).is_empty());
}

#[test]
fn a_token_is_good_until_its_end() {
    let (_, authenticator) = authority();
    let token = new_token().unwrap();
    authenticator.add_token(&token, TokenUse::until(at_start() + HOUR));
    let judged = authenticator.judge(&[], Some(&bearer(&token)), at_start());
    let Verdict::User(user) = judged.verdict else { panic!("{judged:?}") };
    assert_eq!(user.name, format!("system:bootstrap:{}", &token[..6]));
    assert_eq!(user.groups, ["system:bootstrappers", "system:authenticated"]);
    let late = authenticator.judge(&[], Some(&bearer(&token)), at_start() + HOUR);
    assert!(refusal(&late).contains("expired at"), "{late:?}");
}

#[test]
fn wrong_tokens_are_refused() {
    let (_, authenticator) = authority();
    authenticator.add_token("abcdef.0123456789abcdef", TokenUse::until(at_start() + HOUR));
    for wrong in
        ["abcdef.0123456789abcdee", "abcdeg.0123456789abcdef", "abcdef", "", "abcdef.0123456789abcdef0"]
    {
        let judged = authenticator.judge(&[], Some(&bearer(wrong)), at_start());
        assert!(matches!(judged.verdict, Verdict::Refused(_)), "{wrong:?}");
    }
    let basic = HeaderValue::from_static("Basic YWJjZGVmOjEyMw==");
    assert!(refusal(&authenticator.judge(&[], Some(&basic), at_start())).contains("Bearer"));
}

#[test]
fn token_beside_expired_certificate_authenticates_and_is_counted() {
    let (authority, authenticator) = authority();
    authenticator.add_token("abcdef.0123456789abcdef", TokenUse::until(at_start() + HOUR * 9));
    let token = bearer("abcdef.0123456789abcdef");
    let judged = authenticator.judge(&client(&authority, "n"), Some(&token), at_start() + HOUR * 2);
    assert!(matches!(judged.verdict, Verdict::User(_)));
    assert!(judged.expired);
}

#[test]
fn nothing_presented_is_anonymous() {
    let (_, authenticator) = authority();
    assert_eq!(authenticator.judge(&[], None, at_start()).verdict, Verdict::Anonymous);
}

fn refusal(judged: &Judgement) -> &str {
    match &judged.verdict {
        Verdict::Refused(why) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn signing_token_is_no_credential_and_token_groups_come_first() {
    let (_, authenticator) = authority();
    let good_for = TokenUse {
        groups: vec!["system:bootstrappers:rack-1".to_owned()],
        ..TokenUse::until(at_start() + HOUR)
    };
    assert!(authenticator.add_token("abcdef.0123456789abcdef", good_for.clone()));
    let judged = authenticator.judge(&[], Some(&bearer("abcdef.0123456789abcdef")), at_start());
    let Verdict::User(user) = judged.verdict else { panic!("{judged:?}") };
    assert_eq!(user.groups, ["system:bootstrappers:rack-1", "system:bootstrappers", "system:authenticated"]);
    assert!(
        authenticator.add_token("abcdef.0123456789abcdef", TokenUse { authentication: false, ..good_for })
    );
    let judged = authenticator.judge(&[], Some(&bearer("abcdef.0123456789abcdef")), at_start());
    assert_eq!(refusal(&judged), "the bootstrap token abcdef is not meant for authentication");
    assert!(authenticator.remove_token("abcdef") && !authenticator.remove_token("abcdef"));
    assert!(!authenticator.add_token("ABCDEF.0123456789abcdef", TokenUse::until(at_start())));
}

#[test]
fn a_wrong_secret_and_an_unknown_token_are_told_alike() {
    let (_, authenticator) = authority();
    authenticator.add_token("abcdef.0123456789abcdef", TokenUse::until(at_start() - HOUR));
    let why = |token: &str| refusal(&authenticator.judge(&[], Some(&bearer(token)), at_start())).to_owned();
    assert_eq!(why("abcdef.0123456789abcdee"), why("uvwxyz.0123456789abcdef"));
    assert!(why("abcdef.0123456789abcdef").contains("expired at"));
}

#[test]
fn groups_outside_of_the_bootstrappers_are_not_given_to_a_token() {
    let masters = TokenUse { groups: vec!["system:masters".to_owned()], ..TokenUse::until(at_start()) };
    assert!(masters.check().unwrap_err().to_string().contains("system:masters"));
}
