//! Charts that are made for one scenario.

use super::Stage;

/// A file of a chart: its path in it, and what it holds.
pub(crate) type File<'a> = (&'a str, &'a [u8]);

/// A ConfigMap of the release's name, as the chart `quiet` has it.
const CONFIG_MAP: &[u8] =
    b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\n";

/// Writes a chart that calls itself `quiet`, so that the real one follows it,
/// with these files besides; returns its path.
pub(crate) fn like_quiet(stage: &Stage, files: &[File<'_>]) -> String {
    let directory = tempfile::tempdir_in(stage.helm.home()).unwrap().keep();
    let about = b"apiVersion: v2\nname: quiet\nversion: 0.2.0\n";
    let own: [File<'_>; 2] = [
        ("Chart.yaml", about),
        ("templates/configmap.yaml", CONFIG_MAP),
    ];
    for (path, content) in own.iter().chain(files) {
        let path = directory.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    directory.to_str().unwrap().to_owned()
}

/// The template of another ConfigMap, with these lines in its metadata.
pub(super) fn config_map(name: &str, metadata: &str) -> Vec<u8> {
    let head = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n";
    format!("{head}  name: {{{{ .Release.Name }}}}-{name}\n{metadata}").into_bytes()
}

/// The annotation that makes an object a hook.
pub(super) fn hook(events: &str) -> String {
    format!("  annotations: {{helm.sh/hook: \"{events}\"}}\n")
}
