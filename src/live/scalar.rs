//! When two values are the same to Kubernetes.

use serde_json::{Number, Value};

/// Whether a value says nothing: it is not there, null, or empty. The API
/// server does not tell these apart for optional fields.
pub(super) fn absent(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Array(list)) => list.is_empty(),
        Some(Value::Object(members)) => members.is_empty(),
        Some(Value::Bool(_) | Value::Number(_)) => false,
    }
}

/// Whether two values are the same; where quantities stand, `1` is `1000m`.
pub(super) fn same_scalar(a: Option<&Value>, b: Option<&Value>, quantity: bool) -> bool {
    if absent(a) && absent(b) {
        return true;
    }
    let (Some(a), Some(b)) = (a, b) else {
        // `false` and `0` are what a missing field means.
        return is_zero(a.or(b));
    };
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || float(a) == float(b),
        _ if a == b => true,
        _ if quantity => amount(a).is_some_and(|a| Some(a) == amount(b)),
        _ => false,
    }
}

fn is_zero(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Bool(set)) => !set,
        Some(Value::Number(number)) => float(number) == Some(0.0),
        _ => false,
    }
}

fn float(number: &Number) -> Option<f64> {
    number.as_f64()
}

/// A quantity in billionths (`k8s.io/apimachinery/pkg/api/resource`); `None` if
/// it is none, or too large to matter.
fn amount(value: &Value) -> Option<i128> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let digits = text.trim_start_matches(['+', '-']);
    let end = digits
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(digits.len());
    let (number, suffix) = digits.split_at(end);
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if whole.len() + part.len() == 0 || part.contains('.') || part.len() > 9 {
        return None;
    }
    let mut billionths: i128 = format!("{whole}{part:0<9}").parse().ok()?;
    if text.starts_with('-') {
        billionths = -billionths;
    }
    scale(billionths, suffix)
}

fn scale(amount: i128, suffix: &str) -> Option<i128> {
    const DECIMAL: [&str; 10] = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
    const BINARY: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    if let Some(power) = BINARY.iter().position(|one| *one == suffix) {
        return amount.checked_mul(1_i128.checked_shl(10 * u32::try_from(power).ok()?)?);
    }
    let exponent = match DECIMAL.iter().position(|one| *one == suffix) {
        Some(place) => 3 * (i32::try_from(place).ok()? - 3),
        None => suffix.strip_prefix(['e', 'E'])?.parse().ok()?,
    };
    let factor = 10_i128.checked_pow(exponent.unsigned_abs())?;
    match exponent < 0 {
        true => Some(amount / factor),
        false => amount.checked_mul(factor),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn same(a: &Value, b: &Value) -> bool {
        let there = same_scalar(Some(a), Some(b), true);
        assert_eq!(there, same_scalar(Some(b), Some(a), true), "{a} {b}");
        there
    }

    #[test]
    fn quantities_are_compared_by_what_they_mean() {
        for (a, b) in [
            (json!("1"), json!("1000m")),
            (json!(1), json!("1")),
            (json!("0.5"), json!("500m")),
            (json!("1Gi"), json!("1024Mi")),
            (json!("1G"), json!("1e9")),
            (json!("1e3"), json!("1k")),
            (json!("-1"), json!("-1000m")),
        ] {
            assert!(same(&a, &b), "{a} {b}");
            let plain = same_scalar(Some(&a), Some(&b), false);
            assert!(!plain, "only where quantities stand: {a} {b}");
        }
        for (a, b) in [
            (json!("1"), json!("1m")),
            (json!("1Gi"), json!("1G")),
            (json!("1"), json!("-1")),
            (json!("a"), json!("b")),
            (json!("1..0"), json!("1")),
            (json!("1e999"), json!("1e998")),
        ] {
            assert!(!same(&a, &b), "{a} {b}");
        }
    }

    #[test]
    fn nothing_is_what_says_nothing() {
        for nothing in [json!(null), json!(""), json!([]), json!({})] {
            assert!(absent(Some(&nothing)) && same_scalar(Some(&nothing), None, false));
        }
        assert!(same_scalar(Some(&json!(false)), None, false));
        assert!(same_scalar(None, Some(&json!(0)), false));
        assert!(!same_scalar(Some(&json!(true)), None, false));
        assert!(!same_scalar(Some(&json!("x")), None, false));
    }

    #[test]
    fn numbers_are_numbers() {
        assert!(same_scalar(Some(&json!(1.0)), Some(&json!(1)), false));
        assert!(!same_scalar(Some(&json!(1)), Some(&json!("1")), false));
    }

    proptest! {
        #[test]
        fn any_text_is_an_amount_or_none(text in "[-+]{0,2}[0-9.]{0,30}[a-zA-Z]{0,3}[-0-9]{0,6}") {
            let value = Value::String(text);
            prop_assert!(same_scalar(Some(&value), Some(&value), true) || absent(Some(&value)));
            let _ = amount(&value);
        }
    }
}
