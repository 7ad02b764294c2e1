//! What the product does with what real Helm left behind.

use serde_json::Value;

use crate::bed::Cluster;
use crate::process::Output;
use crate::proxy::Proxy;
use crate::records::Record;
use crate::scenarios::{RELEASE, Stage};
use crate::tool::Tool;

mod awake;
mod backup;
mod blow;
mod check;
mod deep;
mod environment;
mod faults;
mod files;
mod formats;
mod incomplete;
mod installed;
mod interop;
mod interrupted;
mod old;
mod platform;
mod prompts;
mod ready;
mod refusals;
mod repair;
mod restore;
mod rights;
mod saved;
mod screen;
mod shown;
mod store;
mod trace;
mod waiting;
mod zadig;

/// More than any window for signs of life.
pub(crate) const LONG: i64 = 3600;

/// The product, to which it is that many seconds later than it is. It holds on
/// to the proxy that says so.
pub(crate) struct Later {
    proxy: Proxy,
    tool: Tool,
}

impl Later {
    pub(crate) fn by(seconds: i64) -> Self {
        Self::at(Cluster::New, seconds)
    }

    /// The same on that cluster.
    pub(crate) fn at(cluster: Cluster, seconds: i64) -> Self {
        let proxy = Proxy::to(cluster);
        proxy.shift_clock(seconds);
        Self {
            tool: Tool::on(cluster).through(&proxy),
            proxy,
        }
    }

    /// Runs a verb on the release of that stage.
    pub(crate) fn on(&self, stage: &Stage, args: &[&str]) -> Output {
        let namespace = stage.namespace.name();
        let (verb, rest) = args.split_first().unwrap();
        let args = [&[verb, RELEASE, "-n", namespace], rest].concat();
        self.tool.run(&args)
    }

    /// Runs a command.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.tool.run(args)
    }

    /// What `check -o json` says of the release, and its exit code.
    pub(crate) fn check(&self, stage: &Stage) -> (Option<i32>, Value) {
        let output = self.on(stage, &["check", "-o", "json"]);
        (output.code(), output.json())
    }
}

/// The verdict of the finding that has one.
fn verdict(report: &Value) -> &str {
    let findings = report["findings"].as_array().unwrap();
    let verdicts = findings.iter().filter_map(|one| one["verdict"].as_str());
    let verdicts: Vec<_> = verdicts.collect();
    assert_eq!(verdicts.len(), 1, "{report:#}");
    verdicts[0]
}

/// What of records must not change unless they are written: uid, version, labels, payload.
pub(crate) fn essence(records: &[Record]) -> Vec<(Value, Value, Value, Option<Value>)> {
    let one = |record: &Record| {
        let metadata = &record.object["metadata"];
        (
            metadata["uid"].clone(),
            metadata["resourceVersion"].clone(),
            metadata["labels"].clone(),
            record.payload.clone(),
        )
    };
    records.iter().map(one).collect()
}
