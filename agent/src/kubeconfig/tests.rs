mod kubectl;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use tempfile::TempDir;

use super::{
    Endpoint, FileError, Kubeconfig, Material, Problem, Secret, Standing, User, ensure, ensure_while,
    standing,
};

const TOKEN: &str = "abcdef.0123456789abcdef";

/// A CA, and a client certificate with its key, in PEM.
struct Pems {
    ca: String,
    certificate: String,
    key: String,
}

fn pems() -> Pems {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(["node".to_owned()]).unwrap().self_signed(&key).unwrap();
    Pems { ca: certificate.pem(), certificate: certificate.pem(), key: key.serialize_pem() }
}

fn base64(text: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(text)
}

fn kubeconfig(cluster: &str, user: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts:\n- {{name: c, context: {{cluster: k, user: u}}}}\nclusters:\n- name: k\n  cluster: {cluster}\nusers:\n- name: u\n  user: {user}\n"
    )
}

fn good_cluster(ca: &str) -> String {
    format!("{{server: 'https://api.example:6443', certificate-authority-data: {}}}", base64(ca))
}

fn read(text: impl AsRef<[u8]>) -> (TempDir, Result<Kubeconfig, super::KubeconfigError>) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("kubeconfig");
    std::fs::write(&path, text).unwrap();
    let result = Kubeconfig::read(&path);
    (dir, result)
}

/// The message without the directory, which differs from run to run.
fn redacted(dir: &TempDir, error: &super::KubeconfigError) -> String {
    error.to_string().replace(&dir.path().display().to_string(), "DIR")
}

#[test]
fn bootstrap_kubeconfig_is_read() {
    let pems = pems();
    let cluster = "{server: 'https://[::1]:6443/base', certificate-authority: ca.crt, tls-server-name: api.example, disable-compression: true}";
    let (dir, config) = read(kubeconfig(cluster, "{tokenFile: token}"));
    let config = config.unwrap();
    assert_eq!(config.server, "https://[::1]:6443/base");
    assert_eq!(config.tls_server_name.as_deref(), Some("api.example"));
    assert_eq!(config.ca, Material::File(dir.path().join("ca.crt")), "relative to the file");
    assert_eq!(config.user, User::TokenFile(dir.path().join("token")));

    std::fs::write(dir.path().join("ca.crt"), format!("{0}{0}", pems.ca)).unwrap();
    std::fs::write(dir.path().join("token"), format!(" {TOKEN}\n")).unwrap();
    let Endpoint { roots, .. } = config.endpoint().unwrap();
    assert_eq!(roots.len(), 2);
    assert!(matches!(config.secret().unwrap(), Secret::Token(token) if *token == TOKEN));
}

#[test]
fn f05_token_file_is_read_at_each_use() {
    let (dir, config) = read(kubeconfig(&good_cluster(&pems().ca), "{tokenFile: token}"));
    let config = config.unwrap();
    for token in ["first", "second"] {
        std::fs::write(dir.path().join("token"), token).unwrap();
        assert!(matches!(config.secret().unwrap(), Secret::Token(found) if *found == token));
    }
}

#[test]
fn credential_precedence_is_that_of_client_go() {
    let pems = pems();
    let pair = format!(
        "client-certificate-data: {}, client-key-data: {}",
        base64(&pems.certificate),
        base64(&pems.key)
    );
    for (user, expected) in [
        (format!("{{token: {TOKEN}, tokenFile: t, {pair}}}"), "TokenFile"),
        (format!("{{token: {TOKEN}, {pair}}}"), "Token(..)"),
        (format!("{{{pair}}}"), "Certificate"),
        ("{}".to_owned(), "Anonymous"),
    ] {
        let (_dir, config) = read(kubeconfig(&good_cluster(&pems.ca), &user));
        let shown = format!("{:?}", config.unwrap().user);
        assert!(shown.starts_with(expected), "{shown}");
    }
}

#[test]
fn client_certificate_is_read_from_file_and_data() {
    let pems = pems();
    let (dir, config) = read(kubeconfig(
        &good_cluster(&pems.ca),
        &format!("{{client-certificate: c.pem, client-key-data: {}}}", base64(&pems.key)),
    ));
    std::fs::write(dir.path().join("c.pem"), &pems.certificate).unwrap();
    assert!(
        matches!(config.unwrap().secret().unwrap(), Secret::Certificate { chain, .. } if chain.len() == 1)
    );
}

#[test]
fn data_takes_precedence_over_file_as_in_kubectl() {
    let pems = pems();
    let cluster = format!(
        "{{server: 'https://h', certificate-authority: missing.crt, certificate-authority-data: {}}}",
        base64(&pems.ca)
    );
    let (_dir, config) = read(kubeconfig(&cluster, "{}"));
    assert!(config.unwrap().endpoint().is_ok());
}

#[test]
fn every_error_names_file_field_and_remedy() {
    let pems = pems();
    let good = good_cluster(&pems.ca);
    let token = format!("{{token: {TOKEN}}}");
    let cluster = |text: &str| kubeconfig(text, &token);
    let user = |text: &str| kubeconfig(&good, text);
    let other_key = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let strangers = format!(
        "{{client-certificate-data: {}, client-key-data: {}}}",
        base64(&pems.certificate),
        base64(&other_key)
    );
    let ca = "certificate-authority-data: YQ==";
    let rows: Vec<(&str, Vec<u8>)> = vec![
        ("empty", b" \n".to_vec()),
        ("not UTF-8", vec![0xff, 0xfe, 0x00]),
        ("not YAML", b"current-context: [\n".to_vec()),
        ("a token where a list belongs", format!("users: {TOKEN}\n").into_bytes()),
        ("another kind of YAML", b"a: b\n".to_vec()),
        ("too large", vec![b'#'; (super::MAX_KUBECONFIG + 1) as usize]),
        ("no such context", b"current-context: x\n".to_vec()),
        ("no such cluster", b"current-context: c\ncontexts: [{name: c, context: {cluster: k}}]\n".to_vec()),
        (
            "no such user",
            format!("current-context: c\ncontexts: [{{name: c, context: {{cluster: k, user: u}}}}]\nclusters: [{{name: k, cluster: {good}}}]\n")
                .into_bytes(),
        ),
        ("no server", cluster(&format!("{{{ca}}}")).into()),
        ("bad server", cluster(&format!("{{server: 'no url', {ca}}}")).into()),
        ("http", cluster(&format!("{{server: 'http://h', {ca}}}")).into()),
        ("insecure", cluster(&format!("{{server: 'https://h', insecure-skip-tls-verify: true, {ca}}}")).into()),
        ("proxy", cluster(&format!("{{server: 'https://h', proxy-url: 'http://p', {ca}}}")).into()),
        ("no CA", cluster("{server: 'https://h'}").into()),
        ("CA not base64", cluster("{server: 'https://h', certificate-authority-data: '%'}").into()),
        ("bad server name", cluster(&format!("{{server: 'https://h', tls-server-name: 'a b', {ca}}}")).into()),
        ("CA no PEM", cluster(&format!("{{server: 'https://h', {ca}}}")).into()),
        ("CA file missing", cluster("{server: 'https://h', certificate-authority: ca.crt}").into()),
        ("exec", user("{exec: {command: x}}").into()),
        ("auth provider", user("{auth-provider: {name: x}}").into()),
        ("basic", user("{username: x, password: y}").into()),
        ("impersonation", user("{as: x}").into()),
        ("bad token", user("{token: \"a\\nb\"}").into()),
        ("no credential", user("{}").into()),
        ("token file missing", user("{tokenFile: token}").into()),
        ("token file empty", user("{tokenFile: empty}").into()),
        ("half a pair", user("{client-certificate: c.pem}").into()),
        ("the other half", user("{client-key: k.pem}").into()),
        ("certificate file missing", user("{client-certificate: c.pem, client-key: k.pem}").into()),
        ("not a pair", user(&strangers).into()),
    ];
    let mut lines = vec![];
    for (what, text) in rows {
        let (dir, config) = read(&text);
        std::fs::write(dir.path().join("empty"), "\n").unwrap();
        let error =
            config.and_then(|config| config.endpoint().and_then(|_| config.secret())).expect_err(what);
        lines.push(format!("{what:>28}: {}", redacted(&dir, &error)));
    }
    let text = lines.join("\n");
    assert!(!text.contains(TOKEN), "no token in a message");
    insta::assert_snapshot!(text);
}

#[test]
fn yaml_bombs_are_refused_by_the_budget() {
    // Nine lists, each of which has the one before nine times: 400 million entries in 500 bytes.
    let mut bomb = String::from("a0: &a0 [x]\n");
    for level in 1..=9 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        bomb += &format!("a{level}: &a{level} [{aliases}]\n");
    }
    let many_anchors: String = (0..1000).map(|n| format!("k{n}: &k{n} x\n")).collect();
    let many_entries = format!("list: [{}]", "x,".repeat(100_000));
    for (what, text) in [
        ("32,000 open lists", format!("extra: {}", "[".repeat(32_000))),
        ("32,000 open maps", "{a: ".repeat(32_000)),
        ("32,000 block lists", format!("extra:\n{}", "- ".repeat(32_000))),
        ("an alias bomb", bomb),
        ("many anchors", many_anchors),
        ("many entries", many_entries),
    ] {
        let (_dir, config) = read(text);
        let error = config.expect_err(what);
        assert!(matches!(error.problem, Problem::TooComplex), "{what}: {error:?}");
    }
    // At the top level the shape is wrong from the first byte on.
    let (_dir, config) = read("[".repeat(32_000));
    let error = config.expect_err("32,000 open lists at the top level");
    assert!(matches!(error.problem, Problem::NotYaml { place: Some((1, 1)) }), "{error:?}");
}

#[test]
fn anchors_within_the_budget_are_read() {
    let cluster = good_cluster(&pems().ca).replace("{server", "&k {server");
    let (_dir, config) = read(kubeconfig(&cluster, "{tokenFile: &t token, extensions: [*t]}"));
    assert_eq!(config.unwrap().server, "https://api.example:6443");
}

#[test]
fn error_is_one_line_even_if_a_path_is_not() {
    let cluster = "{server: 'https://h', certificate-authority: \"a\\nb\\e[2J\"}";
    let (dir, config) = read(kubeconfig(cluster, "{tokenFile: \"t\\r\\n\"}"));
    let config = config.unwrap();
    assert_eq!(
        redacted(&dir, &config.endpoint().unwrap_err()),
        r"kubeconfig DIR/kubeconfig: certificate-authority DIR/a\nb\u{1b}[2J: there is no such file; put it there or give another path"
    );
    assert!(redacted(&dir, &config.secret().unwrap_err()).contains(r"tokenFile DIR/t\r\n: there is"));
}

#[test]
fn missing_file_and_directory_are_distinguished() {
    let dir = tempfile::tempdir().unwrap();
    let missing = Kubeconfig::read(&dir.path().join("none")).unwrap_err();
    let directory = Kubeconfig::read(dir.path()).unwrap_err();
    assert!(matches!(missing.problem, Problem::Unread(FileError::Missing)), "{missing}");
    assert!(matches!(directory.problem, Problem::Unread(FileError::NotRegular { .. })), "{directory}");
}

#[test]
fn s11_no_credential_is_shown_by_debug() {
    let pems = pems();
    for user in [
        format!("{{token: {TOKEN}}}"),
        format!(
            "{{client-certificate-data: {}, client-key-data: {}}}",
            base64(&pems.certificate),
            base64(&pems.key)
        ),
    ] {
        let (_dir, config) = read(kubeconfig(&good_cluster(&pems.ca), &user));
        let config = config.unwrap();
        let shown = format!("{config:?} {:?}", config.secret().unwrap());
        assert!(!shown.contains(TOKEN) && !shown.contains("PRIVATE") && shown.len() < 1000, "{shown}");
    }
}

struct Own {
    dir: TempDir,
    path: PathBuf,
    link: PathBuf,
    source: Kubeconfig,
}

fn own(cluster: &str) -> Own {
    let (dir, source) = read(kubeconfig(cluster, &format!("{{token: {TOKEN}}}")));
    let (path, link) = (dir.path().join("etc/own"), dir.path().join("pki/kubelet-client-current.pem"));
    Own { dir, path, link, source: source.unwrap() }
}

fn entries(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn f65_w09_node_kubeconfig_names_link_twice_and_server_name() {
    let own = own(
        "{server: 'https://api.example:6443', certificate-authority: ca.crt, tls-server-name: api.internal}",
    );
    assert_eq!(standing(&own.path, &own.link).unwrap(), Standing::Absent);
    assert!(ensure(&own.path, &own.link, &own.source).unwrap(), "it was written");

    let text =
        std::fs::read_to_string(&own.path).unwrap().replace(&own.dir.path().display().to_string(), "DIR");
    insta::assert_snapshot!(text);
    let mode = std::fs::metadata(&own.path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(entries(own.path.parent().unwrap()), ["own"], "no temporary file stays");
}

#[test]
fn kubeconfig_that_names_the_current_link_is_unchanged() {
    let own = own(&good_cluster(&pems().ca));
    assert!(ensure(&own.path, &own.link, &own.source).unwrap());
    let before = std::fs::metadata(&own.path).unwrap().modified().unwrap();
    assert!(!ensure(&own.path, &own.link, &own.source).unwrap(), "nothing to do");
    assert_eq!(std::fs::metadata(&own.path).unwrap().modified().unwrap(), before);
    let Standing::Ours(found) = standing(&own.path, &own.link).unwrap() else { panic!("it is ours") };
    assert_eq!(found.server, own.source.server);
    assert_eq!(found.ca, own.source.ca, "the CA's data is carried over");
}

#[test]
fn unwanted_write_creates_no_file() {
    let own = own(&good_cluster(&pems().ca));
    let error = ensure_while(&own.path, &own.link, &own.source, &|| false).unwrap_err();
    assert!(matches!(error.problem, Problem::Unwritable { .. }), "{error}");
    assert_eq!(standing(&own.path, &own.link).unwrap(), Standing::Absent);
    assert!(entries(own.path.parent().unwrap()).is_empty(), "no temporary file stays");
    assert!(ensure(&own.path, &own.link, &own.source).unwrap(), "the next attempt writes it");
}

#[test]
fn w08_foreign_kubeconfig_is_refused_and_not_overwritten() {
    let own = own(&good_cluster(&pems().ca));
    std::fs::create_dir_all(own.path.parent().unwrap()).unwrap();
    let cluster = good_cluster(&pems().ca);
    let link = own.link.display();
    for (what, text) in [
        ("a token", kubeconfig(&cluster, &format!("{{token: {TOKEN}}}"))),
        ("another certificate", kubeconfig(&cluster, "{client-certificate: /a.pem, client-key: /a.pem}")),
        (
            "one of the two",
            kubeconfig(&cluster, &format!("{{client-certificate: {link}, client-key: /a.pem}}")),
        ),
        ("w07: an empty file", String::new()),
        ("not YAML", "{".to_owned()),
    ] {
        std::fs::write(&own.path, &text).unwrap();
        let error = ensure(&own.path, &own.link, &own.source).expect_err(what);
        assert!(error.to_string().contains("own"), "{what}: {error}");
        assert_eq!(std::fs::read_to_string(&own.path).unwrap(), text, "{what}: untouched");
    }
    std::fs::write(&own.path, kubeconfig(&cluster, &format!("{{token: {TOKEN}}}"))).unwrap();
    let error = standing(&own.path, &own.link).unwrap_err();
    insta::assert_snapshot!(redacted(&own.dir, &error));
}

#[test]
fn kubeconfig_is_ours_by_any_path_to_the_link() {
    let own = own(&good_cluster(&pems().ca));
    std::fs::create_dir_all(own.dir.path().join("pki")).unwrap();
    std::fs::create_dir_all(own.dir.path().join("etc")).unwrap();
    std::os::unix::fs::symlink(own.dir.path().join("pki"), own.dir.path().join("by-link")).unwrap();
    for way in ["../pki/kubelet-client-current.pem", "../by-link/kubelet-client-current.pem"] {
        let user = format!("{{client-certificate: {way}, client-key: {way}}}");
        std::fs::write(&own.path, kubeconfig(&good_cluster(&pems().ca), &user)).unwrap();
        assert!(matches!(standing(&own.path, &own.link), Ok(Standing::Ours(_))), "{way}");
    }
}

#[test]
fn temporary_file_of_a_crash_is_replaced() {
    let own = own(&good_cluster(&pems().ca));
    std::fs::create_dir_all(own.path.parent().unwrap()).unwrap();
    std::fs::write(own.path.with_file_name("own.certrotate-tmp"), "half").unwrap();
    assert!(ensure(&own.path, &own.link, &own.source).unwrap());
    assert_eq!(entries(own.path.parent().unwrap()), ["own"]);
}

#[test]
fn unwritable_path_is_named_with_remedy() {
    let own = own(&good_cluster(&pems().ca));
    // A directory where the temporary file should be: refused to root, too.
    std::fs::create_dir_all(own.path.with_file_name("own.certrotate-tmp")).unwrap();
    let error = ensure(&own.path, &own.link, &own.source).unwrap_err();
    insta::assert_snapshot!(redacted(&own.dir, &error));
}
