//! Strategic merge patch: a merge patch that knows from the definitions which lists are merged, and by what.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use crate::apiserver::api_error::ApiError;
use crate::apiserver::wire::definitions::resolve;
use crate::apiserver::wire::patch::merge::members;
use crate::base::budgets::quoted;

const DIRECTIVE: &str = "$patch";
const RETAIN: &str = "$retainKeys";
const ORDER: &str = "$setElementOrder/";
const DELETE_FROM: &str = "$deleteFromPrimitiveList/";

/// Applies `patch` to an object of this definition.
pub(super) fn merge(target: &mut Value, patch: Value, schema: Option<&Value>) -> Result<(), ApiError> {
    let Value::Object(mut patch) = patch else {
        *target = patch;
        return Ok(());
    };
    let schema = schema.map(resolve);
    match patch.remove(DIRECTIVE).as_ref().map(Value::as_str) {
        None | Some(Some("merge")) => {}
        Some(Some("replace")) => {
            *target = Value::Object(patch);
            return Ok(());
        }
        Some(Some("delete")) => {
            *target = Value::Null;
            return Ok(());
        }
        Some(_) => return Err(wrong("$patch is none of merge, replace, delete")),
    }
    if let Some(keep) = patch.remove(RETAIN) {
        let keep: HashSet<_> = keep.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        members(target).retain(|name, _| keep.contains(name.as_str()));
    }
    let (orders, rest): (Map<_, _>, Map<_, _>) =
        patch.into_iter().partition(|(name, _)| name.starts_with(ORDER));
    for (name, value) in rest {
        if let Some(list) = name.strip_prefix(DELETE_FROM) {
            let gone: HashSet<_> = value.as_array().into_iter().flatten().map(Value::to_string).collect();
            if let Some(Value::Array(items)) = members(target).get_mut(list) {
                items.retain(|item| !gone.contains(&item.to_string()));
            }
        } else if name.starts_with('$') {
            return Err(wrong(&format!("{} is no directive", quoted(&name))));
        } else {
            let property = schema.and_then(|schema| property(schema, &name));
            member(members(target), name, value, property)?;
        }
    }
    for (name, order) in orders {
        let list = name.strip_prefix(ORDER).unwrap_or_default();
        let key = schema.and_then(|schema| property(schema, list)).and_then(merge_key).map(str::to_owned);
        if let Some(Value::Array(items)) = members(target).get_mut(list) {
            sort(items, order.as_array().map(Vec::as_slice).unwrap_or_default(), key.as_deref());
        }
    }
    Ok(())
}

fn member(
    members: &mut Map<String, Value>,
    name: String,
    value: Value,
    property: Option<&Value>,
) -> Result<(), ApiError> {
    if value.is_null() {
        members.remove(&name);
        return Ok(());
    }
    let merged_list = property.is_some_and(|p| p["x-kubernetes-patch-strategy"] == "merge");
    match (value, merged_list) {
        (Value::Array(items), true) => {
            let place = members.entry(name).or_insert_with(|| Value::Array(Vec::new()));
            merge_list(place, items, property)
        }
        (value @ Value::Object(_), _) => {
            let place = members.entry(name.clone()).or_insert(Value::Null);
            merge(place, value, property)?;
            if place.is_null() {
                members.remove(&name);
            }
            Ok(())
        }
        (value, _) => {
            members.insert(name, value);
            Ok(())
        }
    }
}

fn merge_list(place: &mut Value, patch: Vec<Value>, property: Option<&Value>) -> Result<(), ApiError> {
    let key = property.and_then(merge_key);
    let replace =
        |item: &Value| item[DIRECTIVE] == "replace" && item.as_object().is_some_and(|o| o.len() == 1);
    if patch.iter().any(replace) {
        *place = patch.into_iter().filter(|item| !replace(item)).collect();
        return Ok(());
    }
    let items = match place.take() {
        Value::Array(items) => items,
        _ => Vec::new(),
    };
    // Found by the text of what identifies them, so that the work is linear in both lists.
    let identity = |item: &Value| key.map_or_else(|| item.to_string(), |key| item[key].to_string());
    let mut places: HashMap<String, Vec<usize>> = HashMap::new();
    for (index, item) in items.iter().enumerate() {
        places.entry(identity(item)).or_default().push(index);
    }
    let mut items: Vec<Option<Value>> = items.into_iter().map(Some).collect();
    for element in patch {
        if let Some(key) = key.filter(|key| element[key].is_null()) {
            return Err(wrong(&format!("an element of a merged list has no {key}")));
        }
        let found = places.entry(identity(&element)).or_default();
        if key.is_some() && element[DIRECTIVE] == "delete" {
            found.drain(..).for_each(|index| items[index] = None);
        } else if let Some(index) = found.first() {
            if let (Some(item), Some(_)) = (&mut items[*index], key) {
                merge(item, element, property.and_then(|p| p.get("items")))?;
            }
        } else {
            found.push(items.len());
            items.push(Some(element));
        }
    }
    *place = items.into_iter().flatten().collect();
    Ok(())
}

/// Sorts by `order`; unnamed items keep their order at the end.
fn sort(items: &mut [Value], order: &[Value], key: Option<&str>) {
    let identity = |item: &Value| key.map_or_else(|| item.to_string(), |key| item[key].to_string());
    let mut ranks = HashMap::new();
    for (rank, wanted) in order.iter().enumerate() {
        ranks.entry(identity(wanted)).or_insert(rank);
    }
    items.sort_by_cached_key(|item| ranks.get(&identity(item)).copied().unwrap_or(order.len()));
}

fn property<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
    schema.get("properties").map_or_else(|| schema.get("additionalProperties"), |all| all.get(name))
}

fn merge_key(property: &Value) -> Option<&str> {
    property["x-kubernetes-patch-merge-key"].as_str()
}

fn wrong(why: &str) -> ApiError {
    ApiError::bad_request(format!("the strategic merge patch cannot be applied: {why}"))
}
