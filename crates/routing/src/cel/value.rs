//! Between JSON and CEL, without loss.

use base64::{Engine, engine::general_purpose::STANDARD};
use cel::common::{
    types::{
        CelBool, CelBytes, CelDouble, CelDuration, CelInt, CelList, CelMap, CelMapKey, CelNull, CelOptional,
        CelString, CelTimestamp, CelUInt,
    },
    value::Val,
};
use chrono::SecondsFormat;
use serde_json::{Map, Number, Value};

/// A JSON value as a CEL value. Texts are borrowed. Whole numbers become `int`, or `uint` above its range;
/// all others `double`.
pub(crate) fn to_cel<'v>(value: &'v Value) -> Box<dyn Val + 'v> {
    match value {
        Value::Null => Box::new(CelNull),
        Value::Bool(flag) => Box::new(CelBool::from(*flag)),
        Value::Number(number) => number_to_cel(number),
        Value::String(text) => Box::new(CelString::from(text.as_str())),
        Value::Array(items) => Box::new(CelList::from(items.iter().map(to_cel).collect::<Vec<_>>())),
        Value::Object(entries) => map(entries.iter().map(|(name, value)| (name.as_str(), to_cel(value)))),
    }
}

/// The same of a value that nobody else has.
pub(crate) fn to_cel_owned<'v>(value: Value) -> Box<dyn Val + 'v> {
    match value {
        Value::Null => Box::new(CelNull),
        Value::Bool(flag) => Box::new(CelBool::from(flag)),
        Value::Number(number) => number_to_cel(&number),
        Value::String(text) => Box::new(CelString::from(text)),
        Value::Array(items) => {
            Box::new(CelList::from(items.into_iter().map(to_cel_owned).collect::<Vec<_>>()))
        }
        Value::Object(entries) => map(entries.into_iter().map(|(name, value)| (name, to_cel_owned(value)))),
    }
}

/// A CEL map with texts for keys.
pub(crate) fn map<'v, K: Into<CelMapKey<'v>>>(
    entries: impl IntoIterator<Item = (K, Box<dyn Val + 'v>)>,
) -> Box<dyn Val + 'v> {
    let entries = entries.into_iter().map(|(name, value)| (name.into(), value));
    Box::new(CelMap::from(entries.collect::<std::collections::HashMap<_, _>>()))
}

fn number_to_cel(number: &Number) -> Box<dyn Val> {
    if let Some(int) = number.as_i64() {
        Box::new(CelInt::from(int))
    } else if let Some(uint) = number.as_u64() {
        Box::new(CelUInt::from(uint))
    } else {
        Box::new(CelDouble::from(number.as_f64().unwrap_or(f64::NAN)))
    }
}

/// A CEL value as a JSON value: bytes as base64, timestamps as RFC 3339 and durations as seconds (`1.5s`), the
/// way of protobuf's JSON.
///
/// # Errors
/// Says what has no place in JSON.
pub(crate) fn to_json(value: &(dyn Val + '_)) -> Result<Value, String> {
    if let Some(text) = value.downcast_ref::<CelString<'_>>() {
        Ok(Value::String(text.inner().to_owned()))
    } else if let Some(int) = value.downcast_ref::<CelInt>() {
        Ok((*int.inner()).into())
    } else if let Some(uint) = value.downcast_ref::<CelUInt>() {
        Ok((*uint.inner()).into())
    } else if let Some(flag) = value.downcast_ref::<CelBool>() {
        Ok((*flag.inner()).into())
    } else if value.downcast_ref::<CelNull>().is_some() {
        Ok(Value::Null)
    } else if let Some(double) = value.downcast_ref::<CelDouble>() {
        let number = Number::from_f64(*double.inner());
        number.map(Value::Number).ok_or_else(|| format!("{} is not a JSON number", double.inner()))
    } else if let Some(list) = value.downcast_ref::<CelList<'_>>() {
        list.inner().iter().map(|item| to_json(item.as_ref())).collect()
    } else if let Some(map) = value.downcast_ref::<CelMap<'_>>() {
        map_to_json(map)
    } else {
        rare_to_json(value)
    }
}

fn map_to_json(map: &CelMap<'_>) -> Result<Value, String> {
    let mut entries: Vec<_> = map.inner().iter().collect();
    entries.sort_by_key(|(key, _)| *key);
    let mut object = Map::new();
    for (key, value) in entries {
        let name = match key {
            CelMapKey::String(text) => text.inner().to_owned(),
            CelMapKey::Int(int) => int.inner().to_string(),
            CelMapKey::UInt(uint) => uint.inner().to_string(),
            CelMapKey::Bool(flag) => flag.inner().to_string(),
        };
        if object.contains_key(&name) {
            return Err(format!("a map has two keys that are both `{name}` in JSON"));
        }
        object.insert(name, to_json(value.as_ref())?);
    }
    Ok(Value::Object(object))
}

fn rare_to_json(value: &(dyn Val + '_)) -> Result<Value, String> {
    if let Some(bytes) = value.downcast_ref::<CelBytes<'_>>() {
        Ok(STANDARD.encode(bytes.inner()).into())
    } else if let Some(time) = value.downcast_ref::<CelTimestamp>() {
        Ok(time.inner().to_utc().to_rfc3339_opts(SecondsFormat::AutoSi, true).into())
    } else if let Some(duration) = value.downcast_ref::<CelDuration>() {
        Ok(duration_text(*duration.inner()).into())
    } else if let Some(optional) = value.downcast_ref::<CelOptional<'_>>() {
        optional.option().map_or(Ok(Value::Null), to_json)
    } else {
        Err(format!("a value of type {} has no place in JSON", value.get_type().name()))
    }
}

fn duration_text(duration: chrono::TimeDelta) -> String {
    let sign = if duration < chrono::TimeDelta::zero() { "-" } else { "" };
    let seconds = duration.num_seconds().unsigned_abs();
    let nanos = duration.subsec_nanos().unsigned_abs();
    if nanos == 0 {
        return format!("{sign}{seconds}s");
    }
    let fraction = format!("{nanos:09}");
    format!("{sign}{seconds}.{}s", fraction.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn there_and_back(value: &Value) -> Value {
        to_json(to_cel(value).as_ref()).unwrap()
    }

    #[test]
    fn numbers_keep_their_kind_and_their_digits() {
        for value in [
            json!(9_007_199_254_740_993_i64),
            json!(i64::MIN),
            json!(u64::MAX),
            json!(1.0),
            json!(-0.5),
            json!({"a": [null, true, "x", {}], "b": 7}),
        ] {
            assert_eq!(there_and_back(&value).to_string(), value.to_string());
        }
    }

    #[test]
    fn what_json_lacks_becomes_text_or_an_error() {
        let duration = |millis| to_json(&CelDuration::from(chrono::TimeDelta::milliseconds(millis))).unwrap();
        assert_eq!(duration(1500), json!("1.5s"));
        assert_eq!(duration(-250), json!("-0.250s".replace("0s", "s")));
        assert_eq!(duration(60_000), json!("60s"));
        assert_eq!(to_json(&CelBytes::from(vec![0xff, 0])).unwrap(), json!("/wA="));
        assert_eq!(to_json(&CelDouble::from(f64::NAN)).unwrap_err(), "NaN is not a JSON number");
    }

    fn json_values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_filter("finite", |f| f.is_finite()).prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(".{0,4}", inner, 0..4)
                    .prop_map(|entries| Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn json_survives_cel(value in json_values()) {
            prop_assert_eq!(there_and_back(&value), value);
        }
    }
}
