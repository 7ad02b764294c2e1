//! Holds what `check -o json` says of a release against what its scenario expects.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{RELEASE, Scenario};

impl Scenario {
    /// Fails the test unless the report (`zadig-doctor/check/v1`) shows, for
    /// the release in that namespace, every finding that it must and none that
    /// it must not.
    pub(crate) fn expect_in(&self, report: &Value, namespace: &str) {
        if let Err(wrong) = self.compare(report, namespace) {
            panic!("{}: {wrong}: {report:#}", self.name);
        }
    }

    fn compare(&self, report: &Value, namespace: &str) -> Result<(), String> {
        if report["schema"] != "zadig-doctor/check/v1" || report["complete"] != true {
            return Err("not a complete report of check".to_owned());
        }
        let findings = report["findings"].as_array().ok_or("no findings")?;
        let ours = findings
            .iter()
            .filter(|one| one["namespace"] == namespace && one["release"] == RELEASE);
        let mut missing: BTreeSet<&str> = self.finds.iter().map(|finds| finds.id).collect();
        for one in ours {
            let id = one["id"].as_str().unwrap_or_default();
            missing.remove(id);
            match self.finds.iter().find(|finds| finds.id == id) {
                Some(finds) if one["verdict"].as_str() == finds.verdict => {}
                Some(_) => return Err(format!("{id} has another verdict")),
                None if !self.may_find.contains(&id) => {
                    return Err(format!("{id} was not expected"));
                }
                None if one["severity"] == "error" => return Err(format!("{id} is no error here")),
                None => {}
            }
        }
        match missing.is_empty() {
            true => Ok(()),
            false => Err(format!("{missing:?} not found")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scenarios::find;

    fn finding(id: &str, severity: &str, verdict: Option<&str>) -> Value {
        json!({"id": id, "severity": severity, "namespace": "ns", "release": RELEASE, "verdict": verdict})
    }

    fn compare(findings: &[Value]) -> Result<(), String> {
        let report =
            json!({"schema": "zadig-doctor/check/v1", "complete": true, "findings": findings});
        find("pending_install").compare(&report, "ns")
    }

    #[test]
    fn what_must_be_found_is_missed_if_it_is_not() {
        let stuck = finding("stuck-pending", "error", Some("stale"));
        assert_eq!(compare(std::slice::from_ref(&stuck)), Ok(()));
        assert!(compare(&[]).is_err());
        let mut elsewhere = stuck;
        elsewhere["namespace"] = "other".into();
        assert!(compare(&[elsewhere]).is_err());
        assert!(compare(&[finding("stuck-pending", "warning", Some("unknown"))]).is_err());
        assert!(compare(&[finding("stuck-pending", "warning", None)]).is_err());
    }

    #[test]
    fn what_must_not_be_found_is_noticed() {
        let stuck = finding("stuck-pending", "error", Some("stale"));
        let with = |other| compare(&[stuck.clone(), other]);
        assert_eq!(with(finding("none-deployed", "info", None)), Ok(()));
        assert!(with(finding("none-deployed", "error", None)).is_err());
        assert!(with(finding("several-deployed", "info", None)).is_err());
    }

    #[test]
    fn a_report_that_is_not_whole_proves_nothing() {
        let scenario = find("healthy");
        let report = json!({"schema": "zadig-doctor/check/v1", "complete": false, "findings": []});
        assert!(scenario.compare(&report, "ns").is_err());
        assert!(scenario.compare(&json!({"findings": []}), "ns").is_err());
        let whole = json!({"schema": "zadig-doctor/check/v1", "complete": true, "findings": []});
        scenario.expect_in(&whole, "ns");
    }
}
