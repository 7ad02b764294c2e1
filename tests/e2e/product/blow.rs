//! A verb of which one request meets a fault, and what comes after.

use std::time::Duration;

use super::LONG;
use crate::process::{Output, Victim};
use crate::proxy::{Fault, Proxy, Rule};
use crate::tool::Tool;

/// What befalls a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blow {
    KilledBefore,
    KilledAfter,
    AnswerLost,
    Reset,
    Hang,
    HangAfter,
    /// Delivered and done, but only when the tool has given up waiting.
    Late,
    Status(u16),
}

impl Blow {
    fn fault(self, victim: &Victim) -> Fault {
        match self {
            Self::KilledBefore => Fault::KillBefore(victim.clone()),
            Self::KilledAfter => Fault::KillAfter(victim.clone()),
            Self::AnswerLost => Fault::DropAnswer,
            Self::Reset => Fault::Reset,
            Self::Hang => Fault::Hang,
            Self::HangAfter => Fault::HangAfter,
            Self::Late => Fault::Delay(Duration::from_millis(1500)),
            Self::Status(code) => Fault::Status(code),
        }
    }

    fn waits(self) -> bool {
        matches!(self, Self::Hang | Self::HangAfter | Self::Late)
    }

    fn kills(self) -> bool {
        matches!(self, Self::KilledBefore | Self::KilledAfter)
    }
}

/// Runs the verb through a proxy with that fault at its n-th request. What
/// was held back is delivered for as long as the proxy lives.
pub(super) fn run(tool: &Tool, args: &[&str], fault: Option<(usize, Blow)>) -> (Proxy, Output) {
    let proxy = Proxy::start();
    proxy.shift_clock(LONG);
    let victim = Victim::new();
    if let Some((nth, blow)) = fault {
        proxy.rule(Rule::new(blow.fault(&victim)).nth(nth));
    }
    // Short only where a request is meant to outlast it.
    let waits = fault.is_some_and(|(_, blow)| blow.waits());
    let timeout = if waits { "1s" } else { "20s" };
    let kubeconfig = proxy.kubeconfig().display().to_string();
    let more = ["--kubeconfig", &kubeconfig, "--request-timeout", timeout];
    let args = [args, &more].concat();
    let output = tool.aimed_at(&victim, &args).run();
    if let Some((nth, blow)) = fault
        && blow.kills()
    {
        assert!(output.was_killed() || proxy.seen().len() < nth, "{output}");
    }
    (proxy, output)
}

/// Runs the verb again until it succeeds: at once, but where a request of
/// the first run may still arrive in the middle of the second.
pub(super) fn converges(tool: &Tool, args: &[&str], blow: Blow, case: &str) {
    let runs = if blow == Blow::Late { 5 } else { 1 };
    for nth in 1..=runs {
        let (_, output) = run(tool, args, None);
        match output.code() {
            Some(0) => return,
            Some(3 | 4) if nth < runs => {}
            _ => panic!("{case}: run {nth} after it: {output}"),
        }
    }
}
