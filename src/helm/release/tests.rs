//! Payloads in the shape of both majors, and every rule of Go's decoder that
//! matters to Helm.

use proptest::prelude::*;

use super::*;

const HELM3: &str = include_str!("helm3.json");
const HELM4: &str = include_str!("helm4.json");

fn error(json: &str) -> String {
    parse(json.as_bytes()).err().unwrap().to_string()
}

fn view(json: &str) -> View<'_> {
    parse(json.as_bytes()).unwrap_or_else(|error| panic!("{error}: {json}"))
}

#[test]
fn a_helm_3_payload() {
    let view = view(HELM3);
    assert_eq!(
        (&*view.name, &*view.namespace, view.version),
        ("web", "shop", 7)
    );
    assert_eq!(view.info.status, "pending-upgrade");
    assert_eq!(view.info.description, "Preparing upgrade");
    let first: Timestamp = "2026-03-01T08:00:00.123456789Z".parse().unwrap();
    assert_eq!(view.info.first_deployed, Some(first));
    let last: Timestamp = "2026-03-02T08:30:00.5Z".parse().unwrap();
    assert_eq!(view.info.last_deployed, Some(last));
    assert_eq!(view.info.deleted, None);
    let chart = view.chart.unwrap();
    assert_eq!(
        (&*chart.name, &*chart.version, &*chart.app_version),
        ("web", "1.2.3", "v9")
    );
    assert_eq!(view.apply_method, "");
    assert!(
        view.manifest
            .starts_with("---\n# Source: web/templates/a.yaml\n")
    );
    assert_eq!(view.hooks.len(), 1);
    let hook = &view.hooks[0];
    assert_eq!(
        (&*hook.name, &*hook.kind, hook.weight),
        ("web-migrate", "Job", -5)
    );
    assert_eq!(hook.path, "web/templates/hook.yaml");
    assert_eq!(hook.events, ["pre-upgrade", "pre-install"]);
    assert_eq!(hook.delete_policies, ["before-hook-creation"]);
    assert_eq!(
        (hook.last_run.started_at, &*hook.last_run.phase),
        (None, "")
    );
}

#[test]
fn a_helm_4_payload() {
    let view = view(HELM4);
    assert_eq!(
        (&*view.name, view.version, &*view.apply_method),
        ("web", 8, "ssa")
    );
    assert_eq!(view.info.status, "deployed");
    assert_eq!(view.info.deleted, None);
    let run = &view.hooks[0].last_run;
    assert_eq!(run.phase, "Succeeded");
    assert!(run.started_at < run.completed_at && run.started_at.is_some());
}

#[test]
fn go_decides_what_is_read() {
    let empty = view(r#"{"info":{}}"#);
    assert_eq!(
        (empty.version, &*empty.name, &*empty.info.status),
        (0, "", "")
    );
    assert!(empty.chart.is_none() && empty.hooks.is_empty());
    assert_eq!(
        view(r#"{"INFO":{"\u0053tatus":"failed"}}"#).info.status,
        "failed"
    );
    let twice =
        view(r#"{"info":{"status":"a"},"info":{"description":"b"},"name":"x","Name":null}"#);
    assert_eq!(
        (&*twice.info.status, &*twice.info.description, &*twice.name),
        ("a", "b", "x")
    );
    assert!(view(r#"{"info":{},"chart":{"values":{}}}"#).chart.is_none());
    assert!(view(r#"{"info":{},"chart":null}"#).chart.is_none());
    assert_eq!(
        view(r#"{"info":{},"hooks":[null,{"kind":"Job"}]}"#)
            .hooks
            .len(),
        1
    );
    assert_eq!(view(" {\"info\":{}}\n").version, 0);
}

#[test]
fn go_decides_what_is_refused() {
    assert_eq!(error(""), "JSON: unexpected end of data");
    assert_eq!(
        error(r#"{"info":{}}x"#),
        "JSON: unexpected byte at offset 11"
    );
    assert_eq!(
        error(r#"{"info":{},"version":"1"}"#),
        "JSON: version is not an integer"
    );
    assert_eq!(
        error(r#"{"info":{},"version":1.0}"#),
        "JSON: version is not an integer"
    );
    assert_eq!(
        error(r#"{"info":{},"version":1e2}"#),
        "JSON: version is not an integer"
    );
    assert_eq!(
        error(r#"{"info":{},"name":1}"#),
        "JSON: name is not a string"
    );
    assert_eq!(
        error(r#"{"info":{},"hooks":{}}"#),
        "JSON: hooks is not an array"
    );
    assert_eq!(
        error(r#"{"info":{},"config":[]}"#),
        "JSON: config is not an object"
    );
    assert_eq!(error("[]"), "JSON: the text is not an object");
    assert_eq!(error(r#"{"info":[]}"#), "JSON: info is not an object");
}

#[test]
fn without_info_helm_crashes() {
    for json in [
        "{}",
        "null",
        r#"{"info":null}"#,
        r#"{"info":{},"info":null}"#,
    ] {
        assert_eq!(error(json), "no info, on which Helm crashes", "{json}");
    }
}

#[test]
fn resources_cannot_be_decoded_unless_empty() {
    let json = |resources: &str| format!(r#"{{"info":{{"resources":{resources}}}}}"#);
    for empty in [
        "null",
        "{}",
        r#"{"v1/Pod":null}"#,
        r#"{"v1/Pod":[]}"#,
        r#"{"a":[null]}"#,
    ] {
        view(&json(empty));
    }
    let reason = "JSON: info.resources holds objects, which Helm cannot decode";
    assert_eq!(
        error(&json(r#"{"v1/Pod(related)":[{"kind":"PodList"}]}"#)),
        reason
    );
    assert_eq!(error(&json("[]")), "JSON: info.resources is not an object");
}

#[test]
fn times_are_gos() {
    let read = |text: &str| {
        let json = format!(r#"{{"info":{{"deleted":{text}}}}}"#);
        parse(json.as_bytes()).map(|view| view.info.deleted.map(|time| time.to_string()))
    };
    let some = |text: &str| Ok(Some(text.to_owned()));
    assert_eq!(
        read("\"2026-01-02T03:04:05Z\""),
        some("2026-01-02T03:04:05Z")
    );
    assert_eq!(
        read("\"2026-01-02T03:04:05.25+02:00\""),
        some("2026-01-02T01:04:05.25Z")
    );
    assert_eq!(
        read("\"2026-01-02T03:04:05.12345678901-05:30\""),
        some("2026-01-02T08:34:05.123456789Z")
    );
    let later = "\"2026-01-02T03:04:05,5+24:00\"";
    assert_eq!(read(later), some("2026-01-01T03:04:05.5Z"));
    let first = "\"0001-01-01T00:00:00.5Z\"";
    assert_eq!(read(first), some("0001-01-01T00:00:00.5Z"));
    let last = "\"9999-12-31T23:59:59Z\"";
    assert_eq!(read(last), some(&Timestamp::MAX.to_string()));
    for zero in ["\"\"", "null", "\"0001-01-01T00:00:00Z\""] {
        assert_eq!(read(zero), Ok(None), "{zero}");
    }
    for bad in [
        "0",
        "\"2026-01-02T03:04:05+25:00\"",
        "\"x\"",
        "\"2026-01-02\"",
        "\"2026-01-02 03:04:05Z\"",
        "\"2026-01-02T03:04:05\"",
        "\"2026-01-02t03:04:05Z\"",
        "\"2026-01-02T03:04:05+0200\"",
        "\"2026-13-02T03:04:05Z\"",
        "\"2026-01-02T03:04:60Z\"",
        "\"2026-01-02T03:04:05.Z\"",
        "\"2026-01-02T03:04:05Z[UTC]\"",
        "\" 2026-01-02T03:04:05Z\"",
        "\"２026-01-02T03:04:05Z\"",
    ] {
        let field = "info.deleted";
        assert!(
            matches!(read(bad), Err(ParseError::Type { field: f, .. }) if f == field),
            "{bad}"
        );
    }
}

#[test]
fn lists_are_bounded() {
    let hooks = "{},".repeat(LIST_LIMIT);
    let json = format!(r#"{{"info":{{}},"hooks":[{hooks}{{}}]}}"#);
    assert_eq!(error(&json), "JSON: hooks has more than 10000 elements");
}

#[test]
fn plain_text_is_borrowed() {
    let view = view(r#"{"name":"web","info":{}}"#);
    assert!(matches!(view.name, Cow::Borrowed(_)));
}

proptest! {
    #[test]
    fn a_damaged_payload_never_panics(at in 0usize..2_000, byte in any::<u8>(), cut in any::<bool>()) {
        for json in [HELM3, HELM4] {
            let mut json = json.as_bytes().to_vec();
            let at = at % json.len();
            if cut { json.truncate(at) } else { json[at] = byte }
            let _ = parse(&json);
        }
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..80), text in "[{}\\[\\]\":,info version\\\\u10]{0,40}") {
        let _ = parse(&bytes);
        let _ = parse(text.as_bytes());
    }

    #[test]
    fn any_text_is_a_time_or_not(text in "[0-9TZ:.+,é-]{0,34}") {
        let _ = rfc3339(&text);
    }
}
