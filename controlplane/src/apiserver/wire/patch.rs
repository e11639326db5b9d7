//! Patches: JSON patch (RFC 6902), JSON merge patch (RFC 7396), and Kubernetes' strategic merge patch, which merges some lists
//! (`staging/src/k8s.io/apimachinery/pkg/util/strategicpatch`).

use serde_json::Value;

use crate::apiserver::api_error::ApiError;
use crate::apiserver::resource::Resource;
use crate::apiserver::wire::call::Call;
use crate::apiserver::wire::decode::{media_type, parse_value};
use crate::apiserver::wire::definitions::{definition_of, definitions};
use crate::base::budgets::BODY_BYTES;

mod json;
mod merge;
mod strategic;
#[cfg(test)]
mod tests;

const JSON: &str = "application/json-patch+json";
const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const APPLY: &str = "application/apply-patch+yaml";

/// A patch that was read.
#[derive(Debug)]
pub(crate) enum Patch {
    Json(Vec<json::Operation>),
    Merge(Value),
    Strategic(Value),
}

impl Patch {
    /// Reads the patch of a call.
    pub(crate) fn of(call: &Call) -> Result<Self, ApiError> {
        match media_type(call) {
            JSON => json::read(parse_value(&call.body)?).map(Self::Json),
            MERGE => object(parse_value(&call.body)?).map(Self::Merge),
            STRATEGIC => object(parse_value(&call.body)?).map(Self::Strategic),
            APPLY => Err(ApiError::unsupported_media_type(&format!(
                "{JSON}, {MERGE}, {STRATEGIC} (server-side apply is not built here: use kubectl apply without \
                 --server-side, or a merge patch)"
            ))),
            _ => Err(ApiError::unsupported_media_type(&format!("{JSON}, {MERGE}, {STRATEGIC}"))),
        }
    }

    /// Applies it to the document of an object of this kind.
    pub(crate) fn apply(self, api: &Resource, document: &mut Value) -> Result<(), ApiError> {
        match self {
            Self::Json(operations) => json::apply(document, operations, BODY_BYTES),
            Self::Merge(patch) => {
                merge::merge(document, patch);
                Ok(())
            }
            Self::Strategic(patch) => {
                let schema = definitions().get(&definition_of(api));
                strategic::merge(document, patch, schema)
            }
        }
    }
}

fn object(patch: Value) -> Result<Value, ApiError> {
    if patch.is_object() { Ok(patch) } else { Err(ApiError::bad_request("the patch is no JSON object")) }
}
