//! The proxy does what it says, seen from a client and from the API server.

use std::io::{BufRead as _, BufReader};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::*;
use crate::bed::{Api, Namespace};
use crate::process::{Program, Running, Victim, wait_until};

/// A proxy, a namespace, and a client that goes through.
fn lane(label: &str) -> (Proxy, Namespace, Api) {
    let proxy = Proxy::start();
    let api = Api::new(proxy.kubeconfig(), "e2e-lane");
    (proxy, Namespace::new(label), api)
}

/// A `kubectl create configmap one` through the proxy: one POST, after some GETs.
fn kubectl(proxy: &Proxy, namespace: &Namespace, victim: &Victim) -> Running {
    Program::new(crate::bed::setting("BED_KUBECTL").as_ref())
        .args([
            "create",
            "configmap",
            "one",
            "--namespace",
            namespace.name(),
        ])
        .env("KUBECONFIG", proxy.kubeconfig())
        .env("HOME", proxy.dir.path())
        .victim(victim)
        .spawn()
}

fn exists(namespace: &Namespace) -> bool {
    Bed::get()
        .api()
        .get(&namespace.core("configmaps/one"))
        .is_some()
}

#[test]
fn requests_pass_and_are_counted_in_order() {
    let (proxy, namespace, api) = lane("proxy-pass");
    let path = namespace.core("configmaps");
    api.create(&path, &json!({"metadata": {"name": "one"}}));
    assert_eq!(
        api.list(&format!("{path}?limit=5&labelSelector=a")).len(),
        0
    );
    let seen = proxy.seen();
    let lines: Vec<_> = seen
        .iter()
        .map(|s| (&*s.method, &*s.query, s.answered))
        .collect();
    assert_eq!(
        lines,
        [
            ("POST", "", Some(201)),
            ("GET", "limit=5&labelSelector=a", Some(200))
        ]
    );
    assert!(seen.iter().all(|s| s.path == path && s.agent == "e2e-lane"));
    assert!(exists(&namespace));
}

#[test]
fn other_users_stay_who_they_are() {
    let (proxy, _namespace, _) = lane("proxy-user");
    let kubeconfig = proxy.kubeconfig_for("nobody", &Bed::get().nobody_token);
    let answer = Api::new(&kubeconfig, "e2e-lane")
        .try_get("/api/v1/secrets")
        .unwrap();
    assert_eq!(answer.status, 403);
}

#[test]
fn a_watch_delivers_while_it_is_open() {
    let (proxy, namespace, api) = lane("proxy-watch");
    let mut kubectl = std::process::Command::new(crate::bed::setting("BED_KUBECTL"))
        .args([
            "get",
            "configmaps",
            "--watch",
            "-o",
            "name",
            "--namespace",
            namespace.name(),
        ])
        .env_clear()
        .env("KUBECONFIG", proxy.kubeconfig())
        .env("HOME", proxy.dir.path())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    wait_until("the watch is open", || {
        let open = |s: &Seen| s.query.contains("watch=true") && s.answered.is_some();
        proxy.seen().iter().any(open).then_some(())
    });
    api.create(
        &namespace.core("configmaps"),
        &json!({"metadata": {"name": "one"}}),
    );
    let lines = BufReader::new(kubectl.stdout.take().unwrap()).lines();
    let found = lines
        .map_while(Result::ok)
        .any(|line| line == "configmap/one");
    kubectl.kill().unwrap();
    kubectl.wait().unwrap();
    assert!(found);
}

#[test]
fn a_refusal_is_worded_as_the_api_servers() {
    let (proxy, namespace, api) = lane("proxy-status");
    for code in [403, 409, 429, 500, 503] {
        proxy.rule(Rule::new(Fault::Status(code)).path_ends(format!("configmaps/m{code}")));
        let answer = api
            .try_get(&namespace.core(&format!("configmaps/m{code}")))
            .unwrap();
        assert_eq!((answer.status, &answer.body["code"]), (code, &json!(code)));
        assert_eq!(answer.body["kind"], "Status");
        assert_ne!(answer.body["reason"], "");
    }
}

#[test]
fn a_rule_strikes_the_nth_request_it_is_meant_for_and_no_other() {
    let (proxy, namespace, api) = lane("proxy-nth");
    let path = namespace.core("configmaps");
    proxy.rule(
        Rule::new(Fault::Status(500))
            .agent("e2e-lane")
            .method("GET")
            .nth(2),
    );
    proxy.rule(Rule::new(Fault::Status(503)).agent("somebody-else"));
    let ask = |method| {
        api.send(method, &path, "application/json", &Value::Null)
            .unwrap()
            .status
    };
    let asked = ["GET", "POST", "GET", "GET"].map(ask);
    assert_eq!(asked, [200, 400, 500, 200]);
}

#[test]
fn an_answer_dropped_is_a_write_done() {
    for fault in [Fault::DropAnswer, Fault::HangAfter] {
        let hangs = matches!(fault, Fault::HangAfter);
        let (proxy, namespace, api) = lane("proxy-drop");
        proxy.rule(Rule::new(fault).method("POST"));
        let path = namespace.core("configmaps");
        std::thread::scope(|scope| {
            let asked = scope.spawn(|| {
                api.send(
                    "POST",
                    &path,
                    "application/json",
                    &json!({"metadata": {"name": "one"}}),
                )
            });
            wait_until("the write is done", || exists(&namespace).then_some(()));
            // What hangs ends with the proxy.
            if hangs {
                assert!(!asked.is_finished());
                drop(proxy);
            }
            assert!(asked.join().unwrap().is_err());
        });
    }
}

#[test]
fn a_reset_or_a_hang_is_a_write_not_done() {
    for fault in [Fault::Reset, Fault::Hang] {
        let (proxy, namespace, api) = lane("proxy-reset");
        let hangs = matches!(fault, Fault::Hang);
        proxy.rule(Rule::new(fault).method("POST"));
        let path = namespace.core("configmaps");
        std::thread::scope(|scope| {
            let asked = scope.spawn(|| {
                api.send(
                    "POST",
                    &path,
                    "application/json",
                    &json!({"metadata": {"name": "one"}}),
                )
            });
            wait_until("the request is seen", || {
                (!proxy.seen().is_empty()).then_some(())
            });
            if hangs {
                drop(proxy);
            }
            let error = asked.join().unwrap().unwrap_err();
            if !hangs {
                let text = format!("{error:?}");
                assert!(text.contains("ConnectionReset"), "{text}");
            }
        });
        assert!(!exists(&namespace));
    }
}

#[test]
fn a_delay_delays() {
    let (proxy, namespace, api) = lane("proxy-delay");
    proxy.rule(Rule::new(Fault::Delay(Duration::from_millis(300))));
    let began = Instant::now();
    api.list(&namespace.core("configmaps"));
    assert!(began.elapsed() >= Duration::from_millis(300));
}

#[test]
fn killed_before_nothing_is_written_and_killed_after_it_is() {
    for before in [true, false] {
        let (proxy, namespace, _) = lane("proxy-kill");
        let victim = Victim::new();
        let fault = if before {
            Fault::KillBefore(victim.clone())
        } else {
            Fault::KillAfter(victim.clone())
        };
        proxy.rule(Rule::new(fault).method("POST").path_ends("/configmaps"));
        let output = kubectl(&proxy, &namespace, &victim).finish();
        assert!(output.was_killed(), "{output}");
        assert_eq!(exists(&namespace), !before);
    }
}

#[test]
fn stopped_at_a_write_it_goes_on_when_woken() {
    let stops: [fn(Victim) -> Fault; 2] = [Fault::StopBefore, Fault::StopAfter];
    for stop in stops {
        let (proxy, namespace, _) = lane("proxy-stop");
        let victim = Victim::new();
        proxy.rule(
            Rule::new(stop(victim.clone()))
                .method("POST")
                .path_ends("/configmaps"),
        );
        let mut running = kubectl(&proxy, &namespace, &victim);
        running.wait_until_stopped();
        wait_until("the write is done", || exists(&namespace).then_some(()));
        running.sigcont();
        running.finish().expect_code(0);
    }
}

#[test]
fn the_clock_is_the_servers_until_it_is_moved() {
    let (proxy, _namespace, api) = lane("proxy-clock");
    let told = || api.try_get("/version").unwrap().date;
    let truly = || Bed::get().api().try_get("/version").unwrap().date;
    let near =
        |a: Timestamp, b: Timestamp| a.duration_since(b).abs() <= SignedDuration::from_secs(5);
    assert!(near(told(), truly()));
    proxy.shift_clock(3600);
    assert!(near(told(), truly() + SignedDuration::from_hours(1)));
    let at: Timestamp = "2031-02-03T04:05:06Z".parse().unwrap();
    proxy.freeze_clock(at);
    assert_eq!(told(), at);
    proxy.rule(Rule::new(Fault::Status(500)));
    assert_eq!(told(), at, "a refusal of our own tells the same time");
}
