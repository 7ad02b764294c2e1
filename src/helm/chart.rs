//! A recorded chart as the folder that it once was, as far as a record tells.
//!
//! Paths and contents come from a payload, for which nobody vouches: a path that
//! could lead out of the folder is never handed out. Pure: what a folder should
//! hold is said here, and written elsewhere.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::helm::release::content::{Content, File};
use crate::helm::{codec, yaml};

/// The file that holds what the user gave to Helm.
pub const USER_VALUES: &str = "values.release.yaml";

/// The files whose content is rendered here.
const OWN: [&str; 5] = [
    "chart.yaml",
    "chart.lock",
    "values.yaml",
    "values.schema.json",
    USER_VALUES,
];

/// As long as a path may be, and each of its names.
const LONGEST_PATH: usize = 1024;
const LONGEST_NAME: usize = 255;

/// What a chart's folder holds. It has no `Debug`: values hold secrets.
pub struct Folder {
    /// Paths and bytes; `Chart.yaml` comes last, without which it is no chart.
    pub files: Vec<(String, Vec<u8>)>,
    /// The sub-charts, which no record holds.
    pub missing: Vec<SubChart>,
    /// Recorded files that are left out, and why.
    pub left_out: Vec<(String, &'static str)>,
}

/// A sub-chart that the chart names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubChart {
    /// Its name, as far as it is known.
    pub name: String,
    /// The version that was locked, else the wanted one.
    pub version: String,
    /// Whether the record kept only the name that the chart gives it.
    pub alias_only: bool,
}

/// Why there is no folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChartError {
    /// `chart` or its `metadata` is missing.
    #[error("find a chart in the record")]
    None,
    /// A part is nested deeper than anybody writes, or holds no text.
    #[error("read {0} of the record")]
    Unreadable(&'static str),
}

/// The folder of a recorded chart, the user's values beside it.
///
/// # Errors
///
/// If the record holds no chart, or one that cannot be read.
pub fn folder(content: &Content<'_>) -> Result<Folder, ChartError> {
    let chart = content.chart.as_ref().ok_or(ChartError::None)?;
    let mut metadata = part("chart.metadata", chart.metadata)?.ok_or(ChartError::None)?;
    let lock = part("chart.lock", chart.lock)?;
    let values = part("chart.values", chart.values)?;
    let config = part("config", content.config)?;
    let mut paths = Paths::default();
    for file in chart.templates.iter().chain(&chart.files) {
        paths.take(file);
    }
    let missing = sub_charts(&mut metadata, lock.as_ref());
    // Charts of the first form keep them there, and Helm read both into one.
    if paths.has("requirements.yaml")
        && let Some(metadata) = metadata.as_object_mut()
    {
        metadata.shift_remove("dependencies");
    }
    let Paths {
        mut files,
        left_out,
        ..
    } = paths;
    ignore_user_values(&mut files);
    let own = |name: &str, value: &Value| (name.to_owned(), yaml::text(value).into_bytes());
    files.extend(values.as_ref().map(|values| own("values.yaml", values)));
    files.push(own(USER_VALUES, &config.unwrap_or_else(empty)));
    if let Ok(schema) = codec::unbase64(chart.schema.as_bytes())
        && !schema.is_empty()
    {
        files.push(("values.schema.json".to_owned(), schema));
    }
    let locked = files.iter().any(|(path, _)| path == "requirements.lock");
    files.extend(
        lock.filter(|_| !locked)
            .map(|lock| own("Chart.lock", &lock)),
    );
    files.push(own("Chart.yaml", &metadata));
    Ok(Folder {
        files,
        missing,
        left_out,
    })
}

fn empty() -> Value {
    Value::Object(serde_json::Map::new())
}

fn part(name: &'static str, json: Option<&[u8]>) -> Result<Option<Value>, ChartError> {
    let read = json.map(serde_json::from_slice).transpose();
    read.map_err(|_| ChartError::Unreadable(name))
}

/// Keeps what the user gave out of the chart: it may hold secrets, and whoever
/// packs the folder packs all that Helm does not ignore.
fn ignore_user_values(files: &mut Vec<(String, Vec<u8>)>) {
    const PATH: &str = ".helmignore";
    let line = format!("/{USER_VALUES}\n");
    match files.iter_mut().find(|(path, _)| path == PATH) {
        Some((_, rules)) => {
            if rules.last().is_some_and(|last| *last != b'\n') {
                rules.push(b'\n');
            }
            rules.extend_from_slice(line.as_bytes());
        }
        None => files.push((PATH.to_owned(), line.into_bytes())),
    }
}

/// The sub-charts that `metadata` names. Helm's own marks are taken off them:
/// `enabled`, and the alias that it writes over the name, where the lock still
/// has it (helm v4 `pkg/chart/v2/util/dependencies.go`).
fn sub_charts(metadata: &mut Value, lock: Option<&Value>) -> Vec<SubChart> {
    let empty = Vec::new();
    let locked = lock.and_then(|lock| lock["dependencies"].as_array());
    let locked = locked.unwrap_or(&empty);
    let wanted = metadata.get_mut("dependencies");
    let Some(wanted) = wanted.and_then(Value::as_array_mut) else {
        return Vec::new();
    };
    let names: Vec<_> = wanted.iter().map(|one| word(one, "name")).collect();
    let mut missing = Vec::new();
    for one in wanted.iter_mut().filter(|one| one.is_object()) {
        let mut name = word(one, "name");
        let mut alias_only = !name.is_empty() && word(one, "alias") == name;
        if alias_only {
            let repository = word(one, "repository");
            let mut same = locked.iter().filter(|other| {
                word(other, "repository") == repository && !names.contains(&word(other, "name"))
            });
            if let (Some(only), None) = (same.next(), same.next()) {
                name = word(only, "name");
                one["name"] = name.clone().into();
                alias_only = false;
            }
        }
        if let Some(one) = one.as_object_mut() {
            one.shift_remove("enabled");
        }
        let same = locked.iter().find(|other| word(other, "name") == name);
        missing.push(SubChart {
            version: word(same.unwrap_or(one), "version"),
            name,
            alias_only,
        });
    }
    missing
}

fn word(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}

/// The files that may be written, and what speaks against the others.
#[derive(Default)]
struct Paths {
    files: Vec<(String, Vec<u8>)>,
    left_out: Vec<(String, &'static str)>,
    /// In lower case, since some disks know no other.
    taken: BTreeSet<String>,
    folders: BTreeSet<String>,
}

impl Paths {
    fn has(&self, path: &str) -> bool {
        self.files.iter().any(|(taken, _)| taken == path)
    }

    fn take(&mut self, file: &File<'_>) {
        match self.check(file) {
            Ok(bytes) => self.files.push((file.name.to_string(), bytes)),
            Err(reason) => {
                let end = file.name.floor_char_boundary(LONGEST_NAME);
                let name = file.name.get(..end).unwrap_or_default().to_owned();
                self.left_out.push((name, reason));
            }
        }
    }

    fn check(&mut self, file: &File<'_>) -> Result<Vec<u8>, &'static str> {
        stays_inside(&file.name)?;
        let path = file.name.to_lowercase();
        if OWN.contains(&&*path) {
            return Err("the chart's own file of this name is written from its record");
        }
        if path == "charts" || path.starts_with("charts/") {
            return Err("Helm keeps no file of a sub-chart in a record");
        }
        let bytes = codec::unbase64(file.data.as_bytes());
        let bytes = bytes.map_err(|_| "its bytes are not base64")?;
        let above: Vec<_> = path.match_indices('/').map(|(at, _)| &path[..at]).collect();
        let clash = self.taken.contains(&path)
            || self.folders.contains(&path)
            || above.iter().any(|folder| self.taken.contains(*folder));
        if clash {
            return Err("another file or folder has its name");
        }
        self.folders.extend(above.into_iter().map(str::to_owned));
        self.taken.insert(path);
        Ok(bytes)
    }
}

/// That a path names a file below the folder it is joined to, on any system.
fn stays_inside(path: &str) -> Result<(), &'static str> {
    let odd = |c: char| c.is_control() || matches!(c, '\\' | ':');
    if path.len() > LONGEST_PATH || path.split('/').any(|name| name.len() > LONGEST_NAME) {
        return Err("its path is too long");
    }
    if path.chars().any(odd) {
        return Err("its path is not one that every system takes");
    }
    match path.split('/').any(|name| matches!(name, "" | "." | "..")) {
        true => Err("its path could lead out of the chart"),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::json;

    use super::*;
    use crate::helm::release::content;

    fn made(chart: &Value, config: &Value) -> Folder {
        let json = serde_json::to_vec(&json!({"chart": chart, "config": config})).unwrap();
        folder(&content(&json).unwrap()).unwrap()
    }

    fn file(name: &str, data: &str) -> Value {
        json!({"name": name, "data": STANDARD.encode(data)})
    }

    fn text(folder: &Folder, path: &str) -> String {
        let found = folder.files.iter().find(|(name, _)| name == path);
        String::from_utf8(found.unwrap_or_else(|| panic!("no {path}")).1.clone()).unwrap()
    }

    #[test]
    fn a_chart_is_put_together() {
        let folder = made(
            &json!({
                "metadata": {"apiVersion": "v2", "name": "web", "version": "0.1.0", "appVersion": "1"},
                "lock": null, "values": {"replicas": 1}, "schema": STANDARD.encode("{\"type\":\"object\"}"),
                "templates": [file("templates/a.yaml", "a: {{ .Values.replicas }}")],
                "files": [file("crds/thing.yaml", "kind: X"), file(".helmignore", "*.bak")],
            }),
            &json!({"replicas": 3}),
        );
        let paths: Vec<_> = folder.files.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "templates/a.yaml",
                "crds/thing.yaml",
                ".helmignore",
                "values.yaml",
                "values.release.yaml",
                "values.schema.json",
                "Chart.yaml"
            ]
        );
        assert_eq!(
            text(&folder, "Chart.yaml"),
            "apiVersion: v2\nname: web\nversion: \"0.1.0\"\nappVersion: \"1\"\n"
        );
        assert_eq!(text(&folder, "values.yaml"), "replicas: 1\n");
        assert_eq!(text(&folder, USER_VALUES), "replicas: 3\n");
        assert_eq!(
            text(&folder, ".helmignore"),
            "*.bak\n/values.release.yaml\n"
        );
        assert!(folder.missing.is_empty() && folder.left_out.is_empty());
    }

    #[test]
    fn no_path_leads_out() {
        let hostile = [
            "/etc/passwd",
            "../x",
            "templates/../../x",
            "a//b",
            "./a",
            "a/.",
            "",
            "a/",
            "C:x",
            "a\\b",
            "a\nb",
            "Chart.yaml",
            "VALUES.yaml",
            "charts/evil.tgz",
            "values.release.yaml",
        ];
        let long = "x/".repeat(600) + "x";
        let files = hostile.iter().copied().chain([long.as_str()]);
        let files: Vec<_> = files.map(|name| file(name, "x")).collect();
        let folder = made(
            &json!({"metadata": {"name": "x"}, "files": files}),
            &Value::Null,
        );
        let paths: Vec<_> = folder.files.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(paths, [".helmignore", USER_VALUES, "Chart.yaml"]);
        assert_eq!(folder.left_out.len(), hostile.len() + 1);
        assert!(
            folder
                .left_out
                .iter()
                .all(|(path, _)| path.len() <= LONGEST_NAME)
        );
    }

    #[test]
    fn one_path_is_one_file() {
        let files = ["a", "A", "a/b", "c/d", "C", "c/e"].map(|name| file(name, name));
        let mut files = files.to_vec();
        files.push(json!({"name": "f", "data": "!"}));
        let folder = made(&json!({"metadata": {}, "files": files}), &Value::Null);
        let left: Vec<_> = folder
            .left_out
            .iter()
            .map(|(path, _)| path.as_str())
            .collect();
        assert_eq!(left, ["A", "a/b", "C", "f"]);
    }

    #[test]
    fn sub_charts_are_named_and_aliases_undone_where_the_lock_tells() {
        let lock = json!({"digest": "x", "dependencies": [
            {"name": "redis", "version": "1.2.3", "repository": "https://a"},
            {"name": "mysql", "version": "9.1.0", "repository": "https://b"},
        ]});
        let dependencies = json!([
            {"name": "cache", "alias": "cache", "version": "1.x", "repository": "https://a", "enabled": true},
            {"name": "mysql", "version": "9.x", "repository": "https://b", "enabled": true},
            {"name": "db", "alias": "db", "version": "2", "repository": "https://c"},
        ]);
        let folder = made(
            &json!({"metadata": {"name": "x", "dependencies": dependencies}, "lock": lock}),
            &Value::Null,
        );
        let missing: Vec<_> = folder
            .missing
            .iter()
            .map(|one| (&*one.name, &*one.version, one.alias_only))
            .collect();
        assert_eq!(
            missing,
            [
                ("redis", "1.2.3", false),
                ("mysql", "9.1.0", false),
                ("db", "2", true)
            ]
        );
        let chart = text(&folder, "Chart.yaml");
        assert!(
            chart.contains("name: redis\n  alias: cache") && !chart.contains("enabled"),
            "{chart}"
        );
        assert!(text(&folder, "Chart.lock").contains("digest: x"));
    }

    #[test]
    fn charts_of_the_first_form_keep_their_requirements() {
        let folder = made(
            &json!({
                "metadata": {"apiVersion": "v1", "name": "x", "dependencies": [{"name": "y", "version": "1"}]},
                "lock": {"digest": "x"},
                "files": [file("requirements.yaml", "dependencies: []"), file("requirements.lock", "digest: y")],
            }),
            &Value::Null,
        );
        assert_eq!(folder.missing.len(), 1);
        assert!(!text(&folder, "Chart.yaml").contains("dependencies"));
        assert!(folder.files.iter().all(|(path, _)| path != "Chart.lock"));
    }

    #[test]
    fn without_a_chart_there_is_no_folder() {
        let error = |json: &str| folder(&content(json.as_bytes()).unwrap()).err();
        assert_eq!(error("{}"), Some(ChartError::None));
        assert_eq!(error(r#"{"chart":{}}"#), Some(ChartError::None));
        let deep = format!(
            r#"{{"chart":{{"metadata":{{"a":{}1{}}}}}}}"#,
            "[".repeat(500),
            "]".repeat(500)
        );
        assert_eq!(error(&deep), Some(ChartError::Unreadable("chart.metadata")));
    }
}
