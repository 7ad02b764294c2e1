//! `check` for a pipeline's page of test results: a suite is a namespace, a
//! case is a release, its failures are its findings.
//!
//! The elements are those that Jenkins and GitLab read. What could not be read
//! is a suite of errors, so that an incomplete look is never a green one.

use std::collections::BTreeMap;
use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use crate::diagnose::{Finding, Severity};
use crate::report::Voice;
use crate::survey::Survey;

/// The name of the suite of what could not be read.
const NOT_READ: &str = "not read";

/// The case of findings that are about a namespace.
const ITSELF: &str = "(the namespace itself)";

/// A case: what fails it, and what it says besides.
#[derive(Default)]
struct Case<'a> {
    failures: Vec<&'a Finding>,
    said: Vec<&'a Finding>,
}

/// Suites by name, cases by name.
type Suites<'a> = BTreeMap<&'a str, BTreeMap<String, Case<'a>>>;

/// The report as JUnit XML; `fails` says which severities fail a case.
pub fn check(
    survey: &Survey,
    findings: &[Finding],
    voice: &Voice,
    fails: impl Fn(Severity) -> bool,
) -> String {
    let suites = suites(survey, findings, fails);
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    // A vector takes whatever is written to it.
    let _ = write(&mut writer, survey, &suites, voice);
    let text = String::from_utf8(writer.into_inner()).unwrap_or_default();
    text + "\n"
}

fn suites<'a>(
    survey: &'a Survey,
    findings: &'a [Finding],
    fails: impl Fn(Severity) -> bool,
) -> Suites<'a> {
    let mut suites = Suites::new();
    for history in survey.histories() {
        let suite = suites.entry(history.namespace).or_default();
        suite.entry(history.release).or_default();
    }
    for finding in findings {
        let subject = &finding.subject;
        let release = subject.release.clone();
        let suite = suites.entry(&subject.namespace).or_default();
        let case = suite.entry(release.unwrap_or_else(|| ITSELF.to_owned()));
        let case = case.or_default();
        match fails(finding.severity) {
            true => case.failures.push(finding),
            false => case.said.push(finding),
        }
    }
    suites
}

fn write(
    writer: &mut Writer<Vec<u8>>,
    survey: &Survey,
    suites: &Suites<'_>,
    voice: &Voice,
) -> io::Result<()> {
    let decl = BytesDecl::new("1.0", Some("UTF-8"), None);
    writer.write_event(Event::Decl(decl))?;
    let cases = suites.values().flat_map(BTreeMap::values);
    let failures = cases.clone().filter(|case| !case.failures.is_empty());
    let errors = survey.unread.len();
    let all = writer
        .create_element("testsuites")
        .with_attribute(("name", "zadig-doctor check"))
        .with_attribute(("tests", &*(cases.clone().count() + errors).to_string()))
        .with_attribute(("failures", &*failures.count().to_string()))
        .with_attribute(("errors", &*errors.to_string()));
    all.write_inner_content(|writer| {
        for (name, cases) in suites {
            suite(writer, name, cases, voice)?;
        }
        match errors {
            0 => Ok(()),
            _ => not_read(writer, survey),
        }
    })?;
    Ok(())
}

fn suite(
    writer: &mut Writer<Vec<u8>>,
    name: &str,
    cases: &BTreeMap<String, Case<'_>>,
    voice: &Voice,
) -> io::Result<()> {
    let failed = cases.values().filter(|case| !case.failures.is_empty());
    let suite = writer
        .create_element("testsuite")
        .with_attribute(("name", &*clean(name)))
        .with_attribute(("tests", &*cases.len().to_string()))
        .with_attribute(("failures", &*failed.count().to_string()))
        .with_attribute(("errors", "0"));
    suite.write_inner_content(|writer| {
        for (release, case) in cases {
            testcase(writer, name, release, case, voice)?;
        }
        Ok(())
    })?;
    Ok(())
}

fn testcase(
    writer: &mut Writer<Vec<u8>>,
    namespace: &str,
    release: &str,
    case: &Case<'_>,
    voice: &Voice,
) -> io::Result<()> {
    let element = writer
        .create_element("testcase")
        .with_attribute(("classname", &*clean(namespace)))
        .with_attribute(("name", &*clean(release)));
    if case.failures.is_empty() && case.said.is_empty() {
        element.write_empty()?;
        return Ok(());
    }
    element.write_inner_content(|writer| {
        for finding in &case.failures {
            writer
                .create_element("failure")
                .with_attribute(("type", finding.id))
                .with_attribute(("message", &*clean(&finding.summary)))
                .write_text_content(BytesText::new(&clean(&told(finding, voice))))?;
        }
        if !case.said.is_empty() {
            let said = case.said.iter().map(|finding| {
                let head = format!("{} {}: {}", finding.severity, finding.id, finding.summary);
                format!("{head}\n{}", told(finding, voice))
            });
            let said = said.collect::<Vec<_>>().join("\n");
            writer
                .create_element("system-out")
                .write_text_content(BytesText::new(&clean(&said)))?;
        }
        Ok(())
    })?;
    Ok(())
}

fn not_read(writer: &mut Writer<Vec<u8>>, survey: &Survey) -> io::Result<()> {
    let number = survey.unread.len().to_string();
    let suite = writer
        .create_element("testsuite")
        .with_attribute(("name", NOT_READ))
        .with_attribute(("tests", &*number))
        .with_attribute(("failures", "0"))
        .with_attribute(("errors", &*number));
    suite.write_inner_content(|writer| {
        for unread in &survey.unread {
            let case = writer
                .create_element("testcase")
                .with_attribute(("classname", NOT_READ))
                .with_attribute(("name", &*clean(&unread.what)));
            case.write_inner_content(|writer| {
                writer
                    .create_element("error")
                    .with_attribute(("type", "unread"))
                    .with_attribute(("message", &*clean(&unread.reason)))
                    .write_empty()?;
                Ok(())
            })?;
        }
        Ok(())
    })?;
    Ok(())
}

/// What a finding rests on and what to do, a line each.
fn told(finding: &Finding, voice: &Voice) -> String {
    let evidence = finding.evidence.iter().map(ToString::to_string);
    let advice = finding.advice.iter().map(|advice| {
        let command = voice.command(advice);
        command.map_or(advice.text.clone(), |command| {
            format!("{}: {command}", advice.text)
        })
    });
    evidence.chain(advice).collect::<Vec<_>>().join("\n")
}

/// The text without characters that XML 1.0 cannot hold, escaped or not.
fn clean(text: &str) -> String {
    let allowed = |c: &char| match c {
        '\t' | '\n' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        _ => !c.is_control(),
    };
    text.chars().filter(allowed).collect()
}

#[cfg(test)]
mod tests {
    use quick_xml::Reader;

    use super::*;
    use crate::diagnose::{Lang, Policy, diagnose};
    use crate::helm::Status;
    use crate::survey::Unread;
    use crate::survey::fixture::{record, says, survey};

    fn report(survey: &Survey, fails: impl Fn(Severity) -> bool) -> String {
        let voice = Voice {
            invoked: "zadig-doctor".to_owned(),
            keep: Vec::new(),
            keep_for_helm: Vec::new(),
            driver: crate::helm::Driver::Secret,
            lang: Lang::En,
            width: None,
        };
        let findings = diagnose(survey, &Policy::default());
        check(survey, &findings, &voice, fails)
    }

    /// That it is XML, and how often each element begins.
    fn elements(xml: &str) -> BTreeMap<String, usize> {
        let mut reader = Reader::from_str(xml);
        let mut seen = BTreeMap::new();
        loop {
            match reader.read_event().unwrap() {
                Event::Start(element) | Event::Empty(element) => {
                    for attribute in element.attributes() {
                        attribute.unwrap();
                    }
                    let name = element.name().as_ref().to_owned();
                    *seen.entry(name).or_default() += 1;
                }
                Event::Eof => return seen,
                _ => {}
            }
        }
    }

    fn count(xml: &str, element: &str) -> usize {
        elements(xml).get(element).copied().unwrap_or(0)
    }

    #[test]
    fn a_case_is_a_release_and_its_failures_are_its_findings() {
        let healthy = survey(vec![record(1, Status::Deployed, 4000)]);
        let xml = report(&healthy, |severity| severity == Severity::Error);
        assert_eq!((count(&xml, "testcase"), count(&xml, "failure")), (1, 0));
        assert!(
            xml.contains(r#"tests="1" failures="0" errors="0""#),
            "{xml}"
        );
        let stuck = survey(vec![
            record(1, Status::Superseded, 9000),
            record(2, Status::PendingUpgrade, 4000),
        ]);
        let xml = report(&stuck, |severity| severity == Severity::Error);
        assert_eq!((count(&xml, "testcase"), count(&xml, "failure")), (1, 1));
        assert_eq!(
            count(&xml, "system-out"),
            1,
            "what does not fail is said: {xml}"
        );
        let xml = report(&stuck, |_| true);
        assert_eq!((count(&xml, "failure"), count(&xml, "system-out")), (2, 0));
        assert!(xml.contains(r#"<failure type="stuck-pending" message="revision 2 is pending"#));
    }

    #[test]
    fn what_was_not_read_is_an_error() {
        let mut blind = survey(vec![record(1, Status::Deployed, 4000)]);
        blind.unread.push(Unread {
            what: "secrets in namespace shop".into(),
            reason: "forbidden".into(),
        });
        let xml = report(&blind, |_| true);
        assert_eq!((count(&xml, "testsuite"), count(&xml, "error")), (2, 1));
        assert!(xml.contains(r#"errors="1""#));
    }

    #[test]
    fn hostile_text_stays_text() {
        let mut records = vec![record(1, Status::Failed, 4000)];
        says(&mut records[0]).status = Status::PendingInstall;
        says(&mut records[0]).description = "</failure>\u{1b}[31m\u{0}<x a=\"'&]]>\u{fffe}".into();
        let xml = report(&survey(records), |_| true);
        assert_eq!(elements(&xml).get("x"), None, "{xml}");
        assert!(!xml.contains(['\u{1b}', '\u{0}', '\u{fffe}']), "{xml}");
    }
}
