//! JSON patch (RFC 6902).

use serde_json::Value;

use crate::apiserver::api_error::ApiError;
use crate::base::budgets::{PATCH_OPERATIONS, PATCH_SHIFTS, QUOTE_BYTES, cut, quoted};

/// One operation; pointers are split and unescaped.
#[derive(Debug)]
pub(crate) enum Operation {
    Add(Vec<String>, Value),
    Remove(Vec<String>),
    Replace(Vec<String>, Value),
    Move { from: Vec<String>, to: Vec<String> },
    Copy { from: Vec<String>, to: Vec<String> },
    Test(Vec<String>, Value),
}

/// Reads the operations.
pub(super) fn read(patch: Value) -> Result<Vec<Operation>, ApiError> {
    let Value::Array(list) = patch else {
        return Err(ApiError::bad_request("a JSON patch is a list of operations"));
    };
    if list.len() > PATCH_OPERATIONS {
        let why = format!(
            "The allowed maximum operations in a JSON patch is {PATCH_OPERATIONS}, got {}",
            list.len()
        );
        return Err(ApiError::too_large_because(why));
    }
    list.into_iter().map(operation).collect()
}

fn operation(mut value: Value) -> Result<Operation, ApiError> {
    let wrong = |what: &str| ApiError::bad_request(format!("an operation of the JSON patch {what}"));
    let pointer = |name: &str| {
        let text = value[name].as_str().ok_or_else(|| wrong(&format!("has no {name}")))?;
        split(text).ok_or_else(|| wrong(&format!("has a {name} that is no JSON pointer")))
    };
    let to = pointer("path")?;
    let kind = value["op"].as_str().unwrap_or_default().to_owned();
    Ok(match kind.as_str() {
        "remove" => Operation::Remove(to),
        "move" => Operation::Move { from: pointer("from")?, to },
        "copy" => Operation::Copy { from: pointer("from")?, to },
        "add" | "replace" | "test" => {
            let content = value.get_mut("value").map(Value::take).ok_or_else(|| wrong("has no value"))?;
            match kind.as_str() {
                "add" => Operation::Add(to, content),
                "replace" => Operation::Replace(to, content),
                _ => Operation::Test(to, content),
            }
        }
        _ => {
            return Err(wrong(&format!(
                "is {}, not one of add, remove, replace, move, copy, test",
                quoted(&kind)
            )));
        }
    })
}

/// The reference tokens of a JSON pointer (RFC 6901).
fn split(pointer: &str) -> Option<Vec<String>> {
    if pointer.is_empty() {
        return Some(Vec::new());
    }
    let tokens = pointer.strip_prefix('/')?.split('/');
    Some(tokens.map(|token| token.replace("~1", "/").replace("~0", "~")).collect())
}

/// Carries the operations out; `room` bounds what copies may add.
pub(super) fn apply(
    document: &mut Value,
    operations: Vec<Operation>,
    mut room: usize,
) -> Result<(), ApiError> {
    let mut shifts = PATCH_SHIFTS;
    for operation in operations {
        let moved: usize = operation.places().map(|path| length(document, path)).sum();
        shifts = shifts.checked_sub(moved).ok_or_else(|| {
            ApiError::too_large_because("the JSON patch shifts too many list items".to_owned())
        })?;
        let done = match operation {
            Operation::Add(path, value) => add(document, &path, value),
            Operation::Remove(path) => take(document, &path).map(|_| ()),
            Operation::Replace(path, value) => find(document, &path).map(|place| *place = value),
            Operation::Move { from, to } => take(document, &from).and_then(|value| add(document, &to, value)),
            Operation::Copy { from, to } => match find(document, &from).map(|value| value.clone()) {
                None => None,
                Some(value) => {
                    let size = value.to_string().len();
                    room = room.checked_sub(size).ok_or_else(|| {
                        ApiError::too_large_because("the copies of the JSON patch are too large".to_owned())
                    })?;
                    add(document, &to, value)
                }
            },
            Operation::Test(path, value) => match find(document, &path) {
                Some(found) if *found == value => Some(()),
                _ => return Err(refused(&format!("testing value {} failed", shown(&path)))),
            },
        };
        done.ok_or_else(|| refused("an operation names a path that is not there"))?;
    }
    Ok(())
}

impl Operation {
    /// The places where the operation adds or removes something.
    fn places(&self) -> impl Iterator<Item = &[String]> {
        let (one, other) = match self {
            Self::Add(path, _) | Self::Remove(path) => (Some(path), None),
            Self::Move { from, to } => (Some(from), Some(to)),
            Self::Copy { to, .. } => (Some(to), None),
            Self::Replace(..) | Self::Test(..) => (None, None),
        };
        one.into_iter().chain(other).map(Vec::as_slice)
    }
}

/// The length of the list that has this place; 0 if no list has it.
fn length(document: &mut Value, path: &[String]) -> usize {
    let above = path.split_last().and_then(|(_, above)| find(document, above));
    above.and_then(|value| value.as_array()).map_or(0, Vec::len)
}

fn refused(why: &str) -> ApiError {
    ApiError::unprocessable(format!("the server rejected our request due to an error in our request: {why}"))
}

fn shown(path: &[String]) -> String {
    let text: String = path.iter().flat_map(|token| ["/", token]).collect();
    cut(&text, QUOTE_BYTES).into_owned()
}

fn find<'a>(document: &'a mut Value, path: &[String]) -> Option<&'a mut Value> {
    path.iter().try_fold(document, |value, token| match value {
        Value::Object(members) => members.get_mut(token),
        Value::Array(items) => items.get_mut(index(token)?),
        _ => None,
    })
}

fn add(document: &mut Value, path: &[String], value: Value) -> Option<()> {
    let Some((last, above)) = path.split_last() else {
        *document = value;
        return Some(());
    };
    match find(document, above)? {
        Value::Object(members) => {
            members.insert(last.clone(), value);
        }
        Value::Array(items) if last == "-" => items.push(value),
        Value::Array(items) => {
            let at = index(last).filter(|at| *at <= items.len())?;
            items.insert(at, value);
        }
        _ => return None,
    }
    Some(())
}

fn take(document: &mut Value, path: &[String]) -> Option<Value> {
    let Some((last, above)) = path.split_last() else {
        return Some(document.take());
    };
    match find(document, above)? {
        Value::Object(members) => members.remove(last),
        Value::Array(items) => {
            let at = index(last).filter(|at| *at < items.len())?;
            Some(items.remove(at))
        }
        _ => None,
    }
}

/// An index without a sign or leading zeros.
fn index(token: &str) -> Option<usize> {
    let plain = token == "0" || !token.starts_with('0') && token.bytes().all(|b| b.is_ascii_digit());
    token.parse().ok().filter(|_| plain)
}
