//! Reads any bytes as a kubeconfig: a fuzz target.
//!
//! It opens no file that the bytes name: that may be a pipe without a writer.

use std::fmt::Debug;
use std::path::Path;

use base64::Engine as _;
use serde_json::Value;

use super::error::{KubeconfigError, Problem};
use super::server::server_url;
use super::text::{decode, first_document};
use super::types::{Kubeconfig, Material, User};
use super::yaml;
use crate::files::FileError;

const PATH: &str = "/etc/kubernetes/kubeconfig";
/// The mark that replaces each secret.
const MARK: &str = "mArK0fAsEcReT";
/// The fields of a user that errors may show, because they are names of files.
const SHOWN: [&str; 3] = ["client-certificate", "client-key", "tokenFile"];

/// Checks any bytes as a kubeconfig. An error is one line that names the file. No unsafe setting is
/// ignored. No secret is in an error or in `Debug`.
///
/// # Panics
///
/// A check fails.
pub fn kubeconfig(bytes: &[u8]) {
    let read = parse(bytes);
    let shown = look(&read);
    assert_eq!(shown, look(&parse(bytes)), "the same bytes say the same");
    let Some(mut value) = decode(bytes).and_then(|text| yaml::read::<Value>(first_document(&text)).ok())
    else {
        return;
    };
    if let Ok(config) = &read {
        let cluster = cluster(&value).expect("a config that was read has a cluster");
        let server = cluster.get("server").and_then(Value::as_str).map(server_url);
        assert!(
            matches!(server, Some(Ok(server)) if server == config.server),
            "the first of its name counts"
        );
        assert_ne!(cluster.get("insecure-skip-tls-verify"), Some(&Value::from(true)), "it is never unsafe");
    }
    if mark(&mut value, bytes.len()) && !holds_mark(bytes) {
        // JSON is YAML.
        let shown = look(&parse(value.to_string().as_bytes()));
        assert!(!holds_mark(shown.as_bytes()), "a secret is shown: {shown}");
    }
}

fn parse(bytes: &[u8]) -> Result<Kubeconfig, KubeconfigError> {
    Kubeconfig::parse(Path::new(PATH), bytes)
}

/// Returns every text that the program can show of a kubeconfig.
fn look(read: &Result<Kubeconfig, KubeconfigError>) -> String {
    let config = match read {
        Ok(config) => config,
        Err(error) => return one_line(error),
    };
    assert!(config.server.starts_with("https://"), "{}", config.server);
    let mut shown = format!("{config:?}");
    if matches!(config.ca, Material::Data(_)) {
        shown += &used(&config.endpoint());
    }
    let opens_a_file = match &config.user {
        User::Token(token) => {
            assert!(
                !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()),
                "fit for a header"
            );
            false
        }
        User::Anonymous => false,
        User::TokenFile(_) => true,
        User::Certificate { certificate, key } => {
            matches!(certificate, Material::File(_)) || matches!(key, Material::File(_))
        }
    };
    if !opens_a_file {
        shown += &used(&config.secret());
    }
    for path in files(config) {
        let problem = Problem::File {
            field: "tokenFile",
            path: path.to_owned(),
            problem: Box::new(FileError::Missing.into()),
        };
        shown += &one_line(&KubeconfigError::new(&config.path, problem));
    }
    shown
}

fn files(config: &Kubeconfig) -> Vec<&Path> {
    let user = match &config.user {
        User::Token(_) | User::Anonymous => [None, None],
        User::TokenFile(path) => [Some(path.as_path()), None],
        User::Certificate { certificate, key } => [file(certificate), file(key)],
    };
    user.into_iter().chain([file(&config.ca)]).flatten().collect()
}

fn file(material: &Material) -> Option<&Path> {
    match material {
        Material::File(path) => Some(path),
        Material::Data(_) => None,
    }
}

fn used(result: &Result<impl Debug, KubeconfigError>) -> String {
    match result {
        Ok(used) => format!("{used:?}"),
        Err(error) => one_line(error),
    }
}

fn one_line(error: &KubeconfigError) -> String {
    let text = error.to_string();
    assert!(text.starts_with("kubeconfig /etc/kubernetes/kubeconfig: "), "it names the file: {text:?}");
    assert!(!text.contains(char::is_control), "it is one line: {text:?}");
    format!("{text} {error:?}")
}

/// Returns the cluster of the current context, if there is one.
fn cluster(value: &Value) -> Option<&Value> {
    let named = |list: &str, name: &Value| {
        value.get(list)?.as_array()?.iter().find(|item| item.get("name") == Some(name))
    };
    let context = named("contexts", value.get("current-context")?)?;
    named("clusters", context.get("context")?.get("cluster")?)?.get("cluster")
}

/// Replaces every secret of every user by the mark. Returns false if there is none.
fn mark(value: &mut Value, form: usize) -> bool {
    let base64 = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let mark = match form % 4 {
        0 => Value::from(MARK),
        1 => Value::from(base64(MARK)),
        2 => {
            Value::from(base64(&format!("-----BEGIN PRIVATE KEY-----\n{MARK}\n-----END PRIVATE KEY-----\n")))
        }
        _ => Value::Array(vec![Value::from(MARK)]),
    };
    let users = value.get_mut("users").and_then(Value::as_array_mut).into_iter().flatten();
    let users = users.filter_map(|named| named.get_mut("user").and_then(Value::as_object_mut));
    let mut marked = false;
    for (field, secret) in users.flatten() {
        if !SHOWN.contains(&field.as_str()) {
            secret.clone_from(&mark);
            marked = true;
        }
    }
    marked
}

/// Returns whether the text contains the mark, plain or encoded.
fn holds_mark(text: &[u8]) -> bool {
    let encoded = base64::engine::general_purpose::STANDARD.encode(MARK);
    // The last characters depend on the following bytes.
    let forms =
        [MARK.as_bytes(), encoded.trim_end_matches('=').as_bytes(), b"LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0t"];
    forms.iter().any(|form| text.windows(form.len()).any(|part| part == *form))
}
