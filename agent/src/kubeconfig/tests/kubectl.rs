//! Kubeconfigs that kubectl accepts, and parts of a URL that a connection would ignore.

use super::{TOKEN, good_cluster, kubeconfig, pems, read, redacted};

/// A good kubeconfig.
fn good() -> String {
    kubeconfig(&good_cluster(&pems().ca), &format!("{{token: {TOKEN}}}"))
}

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(bytes).collect()
}

#[test]
fn f124_text_forms_that_kubectl_accepts_are_read() {
    let good = good();
    let user = |more: &str| good.replace("{token: ", &format!("{{{more}, token: ")).into_bytes();
    for (what, text) in [
        ("byte order mark", format!("\u{feff}{good}").into_bytes()),
        ("UTF-16, little-endian", utf16(&good, u16::to_le_bytes)),
        ("UTF-16, big-endian", utf16(&good, u16::to_be_bytes)),
        ("document start", format!("---\n{good}").into_bytes()),
        ("document start with a comment", format!("# a\n--- # b\n{good}").into_bytes()),
        ("trailing document start", format!("{good}---\n").into_bytes()),
        ("trailing document start without line end", format!("{good}---").into_bytes()),
        ("document end", format!("{good}...\n").into_bytes()),
        ("another document", format!("{good}---\nfoo: [\n").into_bytes()),
        ("lines of Windows", format!("{good}---\n").replace('\n', "\r\n").into_bytes()),
        ("a field twice", format!("current-context: other\n{good}").into_bytes()),
        ("empty user name", user("username: '', password: '', as: ''")),
        ("empty impersonation", user("as-uid: '', as-groups: [], as-user-extra: {}")),
        ("nulls", user("exec: null, auth-provider: ~, username: null, as: null, tokenFile: null")),
    ] {
        let (_dir, config) = read(text);
        let config = config.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(config.server, "https://api.example:6443", "{what}");
    }
}

#[test]
fn server_url_has_a_normal_form() {
    for (server, normal) in [
        ("HTTPS://api.example:6443", "https://api.example:6443"),
        ("hTTps://[::1]:6443/base", "https://[::1]:6443/base"),
        ("https://api.example:", "https://api.example:"),
        ("https://api.example/a@b", "https://api.example/a@b"),
    ] {
        let (_dir, config) = read(good().replace("https://api.example:6443", server));
        assert_eq!(config.unwrap().server, normal);
    }
}

#[test]
fn parts_that_a_connection_would_ignore_are_refused() {
    let mut lines = vec![];
    for server in [
        "https://user:secret@api.example:6443",
        "https://user@api.example",
        "http://user:secret@api.example",
        "user:secret@api.example:6443",
        "https://api.example:99999",
        "https://api.example:0",
        "https://api.example:+443",
        "https://[::1]:65536/base",
        "https://api.example#fragment",
        "https://api.example?query",
        "https://",
        "https:///path",
        "api.example:6443",
        "http://api.example",
        "ftp://api.example",
    ] {
        let (dir, config) = read(good().replace("https://api.example:6443", server));
        let error = config.expect_err(server);
        lines.push(format!("{server}: {}", redacted(&dir, &error)));
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    for user in ["password: secret", "as-uid: x", "as-groups: [x]", "as-user-extra: {a: [b]}"] {
        let (dir, config) = read(good().replace("{token: ", &format!("{{{user}, token: ")));
        let error = config.expect_err(user);
        lines.push(format!("{user}: {}", redacted(&dir, &error)));
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn names_in_messages_are_bounded() {
    let name = "x\u{202e}".repeat(10_000);
    let (_dir, config) = read(format!("current-context: \"{name}\"\n"));
    let text = config.unwrap_err().to_string();
    assert!(text.len() < 2000 && text.contains("\\u{202e}"), "{text}");
}

#[test]
fn byte_order_mark_and_odd_certificates_are_skipped() {
    let pems = pems();
    let (dir, config) =
        read(kubeconfig("{server: 'https://h', certificate-authority: ca.crt}", "{tokenFile: token}"));
    let config = config.unwrap();
    let odd = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    std::fs::write(dir.path().join("ca.crt"), format!("\u{feff}{}text\n{odd}", pems.ca)).unwrap();
    std::fs::write(dir.path().join("token"), format!("\u{feff}{TOKEN}\n")).unwrap();
    assert_eq!(config.endpoint().unwrap().roots.len(), 1);
    assert!(matches!(config.secret().unwrap(), super::Secret::Token(token) if *token == TOKEN));
}
