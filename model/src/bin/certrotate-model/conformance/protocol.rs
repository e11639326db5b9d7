//! The lines between the kit and a driver in another process.

use std::time::Duration;

use certrotate_core::config::Config;
use certrotate_core::id::{CertHandle, Handle, KeyHandle, RunId};
use certrotate_core::input::{Action, Input};
use certrotate_core::time::Now;
use certrotate_model::conformance::{Outside, Promise};
use serde_json::{Map, Value, json};

/// The version of the protocol, in the first line of the kit.
const PROTOCOL: u32 = 1;

/// Returns the kit's first line.
pub(super) fn greeting(config: &Config) -> Value {
    json!({ "protocol": PROTOCOL, "config": config.spec() })
}

/// Carries out one request. Returns the reply, if the request has one.
///
/// # Errors
///
/// The line is no request.
pub(super) fn answer(line: &str, outside: &Outside) -> Result<Option<Value>, String> {
    let request: Map<String, Value> = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let mut fields = request.into_iter();
    let (Some((name, value)), None) = (fields.next(), fields.next()) else {
        return Err("a request is an object with one field".into());
    };
    match name.as_str() {
        "started" => {
            outside.started(read::<RunId>(value)?);
            Ok(None)
        }
        "now" => Ok(Some(json!(outside.now()))),
        "step" => step(value, outside).map(Some),
        "begin" => {
            outside.begin(&read::<Action>(value)?);
            Ok(None)
        }
        "finish" => Ok(Some(json!(outside.finish(&read::<Action>(value)?)))),
        "erase" => {
            outside.erase(&handles(value)?);
            Ok(None)
        }
        "sleep" => {
            let sleep = outside.sleep(read::<Now>(value)?);
            Ok(Some(json!(sleep.map(|sleep| u64::try_from(sleep.as_millis()).unwrap_or(u64::MAX)))))
        }
        "wait" => Ok(Some(json!(outside.wait(Duration::from_millis(read::<u64>(value)?))))),
        _ => Err("the requests are started, now, step, begin, finish, erase, sleep and wait".into()),
    }
}

fn read<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|error| error.to_string())
}

fn field<T: serde::de::DeserializeOwned>(value: &Value, name: &str) -> Result<T, String> {
    read(value.get(name).cloned().unwrap_or_default()).map_err(|error| format!("{name}: {error}"))
}

/// A step, with the actions of the driver's own core if it has one.
fn step(value: Value, outside: &Outside) -> Result<Value, String> {
    let (now, input): (Now, Input) = (field(&value, "now")?, field(&value, "input")?);
    let own: Option<Vec<Action>> = field(&value, "actions")?;
    let Some(taken) = outside.step(now, &input) else { return Ok(Value::Null) };
    if own.is_some_and(|own| own != taken.actions) {
        outside.broken(Promise::SameStep, "its core returned other actions");
    }
    let numbers = |is_key: bool| {
        let listed = taken.erase.iter().filter_map(move |handle| match handle {
            Handle::Key(key) => is_key.then_some(key.0),
            Handle::Cert(cert) => (!is_key).then_some(cert.0),
        });
        listed.collect::<Vec<u64>>()
    };
    Ok(json!({
        "disposition": taken.disposition,
        "actions": taken.actions,
        "erase": { "keys": numbers(true), "certs": numbers(false) },
    }))
}

fn handles(value: Value) -> Result<Vec<Handle>, String> {
    let keys: Vec<KeyHandle> = field(&value, "keys")?;
    let certs: Vec<CertHandle> = field(&value, "certs")?;
    Ok(keys.into_iter().map(Handle::Key).chain(certs.into_iter().map(Handle::Cert)).collect())
}
