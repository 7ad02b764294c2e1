//! Zadig's operation log: who deleted what.

use super::Zadig;
use super::request::Question;
use super::shapes::{Operation, Operations};
use crate::survey::zadig::{Told, ZadigApi, ZadigOperation};

const PAGE: u64 = 100;

/// How many pages are read: the log has no end, and what is older than its
/// newest thousand entries explains little.
const PAGES: u64 = 10;

impl Zadig {
    /// The deletions among the entries that the log gives first.
    pub(super) async fn operations(&self, api: ZadigApi) -> Told<ZadigOperation> {
        if api < ZadigApi::Audited {
            return Told::nothing("before 3.4 Zadig does not tell it").excused();
        }
        let mut found = Vec::new();
        for page in 1..=PAGES {
            let question = Question::of(&["openapi", "system", "operation"])
                .with("searchType", "all")
                .with("perPage", &PAGE.to_string())
                .with("page", &page.to_string());
            let Operations {
                operation_logs,
                total,
            } = match self.get(&question).await {
                Ok(told) => told,
                Err(error) => return Told::part(newest_first(found), error.to_string()),
            };
            let last = operation_logs.is_empty() || page * PAGE >= total;
            found.extend(operation_logs.into_iter().filter_map(Operation::seen));
            if last {
                return Told::all(newest_first(found));
            }
        }
        let why = format!("only the first {} entries were read", PAGES * PAGE);
        Told::part(newest_first(found), why).excused()
    }
}

fn newest_first(mut found: Vec<ZadigOperation>) -> Vec<ZadigOperation> {
    found.sort_by_key(|one| std::cmp::Reverse(one.time));
    found
}
