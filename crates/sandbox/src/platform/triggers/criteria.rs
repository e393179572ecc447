//! What an event has to be like for a trigger to fire.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One condition; `value` or `values` is what it compares with.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Criterion {
    json_path: String,
    #[serde(default = "equal")]
    operator: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    values: Option<Vec<Value>>,
}

fn equal() -> String {
    "Equal".to_owned()
}

const OPERATORS: [&str; 12] = [
    "GreaterThanOrEqual",
    "LessThanOrEqual",
    "Equal",
    "NotEqual",
    "LessThan",
    "GreaterThan",
    "NotIn",
    "In",
    "Contains",
    "All",
    "Exists",
    "Size",
];

impl Criterion {
    /// Whether it says something that can be judged.
    pub(super) fn is_sound(&self) -> bool {
        !self.json_path.is_empty()
            && OPERATORS.contains(&self.operator.as_str())
            && self.value.is_some() != self.values.is_some()
    }

    /// Whether the body of an event is like that.
    pub(super) fn holds(&self, body: &Value) -> bool {
        let found = find(body, &self.json_path);
        let (wanted, many) = (self.value.as_ref(), self.values.as_deref().unwrap_or_default());
        let among = |value: &Value| many.contains(value) || wanted == Some(value);
        let compare = |test: fn(f64, f64) -> bool| {
            let numbers = (found.and_then(Value::as_f64), wanted.and_then(Value::as_f64));
            matches!(numbers, (Some(found), Some(wanted)) if test(found, wanted))
        };
        match self.operator.as_str() {
            "Equal" => found == wanted,
            "NotEqual" => found != wanted,
            "GreaterThan" => compare(|found, wanted| found > wanted),
            "GreaterThanOrEqual" => compare(|found, wanted| found >= wanted),
            "LessThan" => compare(|found, wanted| found < wanted),
            "LessThanOrEqual" => compare(|found, wanted| found <= wanted),
            "In" => found.is_some_and(among),
            "NotIn" => !found.is_some_and(among),
            "Contains" => match (found, wanted) {
                (Some(Value::Array(all)), Some(wanted)) => all.contains(wanted),
                (Some(Value::String(text)), Some(Value::String(part))) => text.contains(part.as_str()),
                _ => false,
            },
            "All" => {
                found.and_then(Value::as_array).is_some_and(|all| many.iter().all(|one| all.contains(one)))
            }
            "Exists" => found.is_some_and(|found| !found.is_null()) == (wanted != Some(&Value::Bool(false))),
            "Size" => {
                let size = found.and_then(Value::as_array).map(Vec::len);
                size.is_some_and(|size| wanted.and_then(Value::as_u64) == Some(size as u64))
            }
            _ => false,
        }
    }
}

/// What a path leads to: names and indices, with or without `$` at the front.
fn find<'a>(body: &'a Value, path: &str) -> Option<&'a Value> {
    let path = path.strip_prefix('$').unwrap_or(path);
    let steps = path.split(['.', '[', ']']).map(|step| step.trim_matches(['\'', '"']));
    steps.filter(|step| !step.is_empty()).try_fold(body, |value, step| match value {
        Value::Array(all) => all.get(step.parse::<usize>().ok()?),
        other => other.get(step),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn conditions_hold_as_their_operators_say() {
        let body = json!({"mediaType": "MESSAGE", "n": 3, "tags": ["a", "b"], "in": {"side": [{"x": 1}]},
            "nothing": null});
        let holds = |criterion: Value| {
            let criterion: Criterion = serde_json::from_value(criterion).unwrap();
            assert!(criterion.is_sound(), "{criterion:?}");
            criterion.holds(&body)
        };
        for yes in [
            json!({"jsonPath": "mediaType", "operator": "Equal", "value": "MESSAGE"}),
            json!({"jsonPath": "$.mediaType", "value": "MESSAGE"}),
            json!({"jsonPath": "in.side[0].x", "operator": "Equal", "value": 1}),
            json!({"jsonPath": "n", "operator": "GreaterThan", "value": 2}),
            json!({"jsonPath": "n", "operator": "LessThanOrEqual", "value": 3}),
            json!({"jsonPath": "mediaType", "operator": "In", "values": ["CHAT", "MESSAGE"]}),
            json!({"jsonPath": "missing", "operator": "NotIn", "values": ["CHAT"]}),
            json!({"jsonPath": "mediaType", "operator": "NotEqual", "value": "CHAT"}),
            json!({"jsonPath": "tags", "operator": "Contains", "value": "a"}),
            json!({"jsonPath": "tags", "operator": "All", "values": ["a", "b"]}),
            json!({"jsonPath": "tags", "operator": "Size", "value": 2}),
            json!({"jsonPath": "n", "operator": "Exists", "value": true}),
            json!({"jsonPath": "nothing", "operator": "Exists", "value": false}),
        ] {
            assert!(holds(yes.clone()), "{yes}");
        }
        for no in [
            json!({"jsonPath": "mediatype", "operator": "Equal", "value": "MESSAGE"}),
            json!({"jsonPath": "n", "operator": "GreaterThan", "value": 3}),
            json!({"jsonPath": "mediaType", "operator": "GreaterThan", "value": 3}),
            json!({"jsonPath": "mediaType", "operator": "NotIn", "values": ["MESSAGE"]}),
            json!({"jsonPath": "tags", "operator": "All", "values": ["a", "c"]}),
            json!({"jsonPath": "in.side[1].x", "operator": "Exists", "value": true}),
        ] {
            assert!(!holds(no.clone()), "{no}");
        }
        let unsound: Criterion =
            serde_json::from_value(json!({"jsonPath": "a", "operator": "Like", "value": 1})).unwrap();
        assert!(!unsound.is_sound());
    }
}
