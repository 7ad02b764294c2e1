//! Which request something happens to, and what.

use std::time::Duration;

use crate::process::Victim;

/// A request that reached the proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    /// The user agent.
    pub(crate) agent: String,
    /// As whom: the owner of the token, and the impersonation headers.
    pub(crate) who: String,
    /// The status that was sent back; `None` while, or if, nothing was.
    pub(crate) answered: Option<u16>,
}

/// What happens to a request instead of its being passed on and answered.
#[derive(Clone)]
pub(crate) enum Fault {
    /// Passed on after that time.
    Delay(Duration),
    /// Passed on and done; the connection ends without an answer.
    DropAnswer,
    /// Not passed on; the connection is reset.
    Reset,
    /// Not passed on; answered with that error, as the API server words it.
    Status(u16),
    /// Not passed on, never answered.
    Hang,
    /// Passed on and done, never answered.
    HangAfter,
    /// The process is killed; not passed on.
    KillBefore(Victim),
    /// Passed on and done; the process is killed before it sees the answer.
    KillAfter(Victim),
    /// The process is stopped; passed on all the same.
    StopBefore(Victim),
    /// Passed on and done; the process is stopped before it sees the answer.
    StopAfter(Victim),
}

type Test = Box<dyn Fn(&Seen) -> bool + Send>;

/// A fault and the requests that meet it: those for which all conditions hold,
/// or only the n-th of them.
pub(crate) struct Rule {
    tests: Vec<Test>,
    only: Option<usize>,
    hits: usize,
    fault: Fault,
}

impl Rule {
    /// For every request, until conditions are added.
    pub(crate) fn new(fault: Fault) -> Self {
        Self {
            tests: Vec::new(),
            only: None,
            hits: 0,
            fault,
        }
    }

    /// Only requests for which this holds.
    pub(crate) fn when(mut self, test: impl Fn(&Seen) -> bool + Send + 'static) -> Self {
        self.tests.push(Box::new(test));
        self
    }

    /// Only requests of that method.
    pub(crate) fn method(self, method: &'static str) -> Self {
        self.when(move |seen| seen.method == method)
    }

    /// Only requests whose path ends so.
    pub(crate) fn path_ends(self, end: impl Into<String>) -> Self {
        let end = end.into();
        self.when(move |seen| seen.path.ends_with(&end))
    }

    /// Only requests whose user agent contains that.
    pub(crate) fn agent(self, part: &'static str) -> Self {
        self.when(move |seen| seen.agent.contains(part))
    }

    /// Only the n-th, from 1, of the requests for which all conditions hold.
    pub(crate) fn nth(mut self, n: usize) -> Self {
        self.only = Some(n);
        self
    }

    /// Counts the request if it meets the conditions; the fault if it is its turn.
    pub(super) fn meet(&mut self, seen: &Seen) -> Option<Fault> {
        if !self.tests.iter().all(|test| test(seen)) {
            return None;
        }
        self.hits += 1;
        let turn = self.only.is_none_or(|n| n == self.hits);
        turn.then(|| self.fault.clone())
    }
}
