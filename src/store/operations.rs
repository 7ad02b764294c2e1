//! The tables `operations` and `events`: what was planned, and what happened.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row};

use super::locks::OperationLock;
use super::seal::seal;
use super::{Store, StoreError, headers, schema};
use crate::helm::Digest;
use crate::plan::{Action, Event, OperationId, Plan, Receipt};
use crate::snapshot::SnapshotId;

impl Store {
    /// Names a new operation and takes its lock, before anything of it is
    /// stored: as long as the lock lives, no other process takes the operation
    /// for dead.
    ///
    /// # Errors
    ///
    /// If the lock cannot be made.
    pub fn claim(&self) -> Result<OperationLock, StoreError> {
        const ID: &str = "SELECT lower(hex(randomblob(8)))";
        let id = self.read()?.query_row(ID, (), |row| row.get(0))?;
        self.lock(&OperationId(id))
    }

    /// Stores the intent to carry out a plan, durably.
    ///
    /// `snapshot` was taken for it; `began` is the API server's time.
    ///
    /// # Errors
    ///
    /// If there is no such snapshot, or the store cannot be written.
    pub fn begin_operation(
        &self,
        lock: &OperationLock,
        plan: &Plan,
        snapshot: &SnapshotId,
        undoes: Option<&OperationId>,
        began: Timestamp,
    ) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO operations (id, seal, began, snapshot, undoes, plan)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let creates = plan.steps.iter().filter_map(|step| match &step.action {
            Action::CreateRecord { from, .. } => Some(from),
            Action::EditRecord { .. } | Action::DeleteRecord => None,
        });
        let sources: BTreeSet<_> = creates.collect();
        let text = serde_json::to_string(plan).map_err(StoreError::Json)?;
        let writing = self.write()?;
        schema::operations(&writing)?;
        // From now on they are needed and not forgotten: that they are still there
        // is seen in the same transaction.
        for source in sources {
            headers::find(&writing, &source.0)?;
        }
        let header = Header {
            number: 0,
            id: lock.operation().0.clone(),
            began: began.to_string(),
            snapshot: headers::find(&writing, &snapshot.0)?.id.0,
            undoes: match undoes {
                Some(undone) => Some(find(&writing, &undone.0)?.id),
                None => None,
            },
            plan: text,
        };
        writing.execute(
            SQL,
            (
                &header.id,
                header.sealed().as_bytes(),
                &header.began,
                &header.snapshot,
                &header.undoes,
                &header.plan,
            ),
        )?;
        writing.commit()?;
        Ok(())
    }

    /// Appends what happened; durable when it returns.
    ///
    /// # Errors
    ///
    /// If there is no such operation, or the store cannot be written.
    pub fn append(&self, operation: &OperationId, event: &Event) -> Result<(), StoreError> {
        const NEXT: &str = "SELECT coalesce(max(position) + 1, 0) FROM events WHERE operation = ?1";
        const SQL: &str = "INSERT INTO events (operation, position, seal, event)
            VALUES (?1, ?2, ?3, ?4)";
        let event = serde_json::to_string(event).map_err(StoreError::Json)?;
        let writing = self.write()?;
        let number = number(&writing, operation)?;
        let position: i64 = writing.query_row(NEXT, [number], |row| row.get(0))?;
        let sealed = sealed_event(&operation.0, position, &event);
        writing.execute(SQL, (number, position, sealed.as_bytes(), event))?;
        writing.commit()?;
        Ok(())
    }

    /// The receipt of the operation whose id begins so.
    ///
    /// # Errors
    ///
    /// If there is none, if there are several, or if what was read is not what
    /// was written.
    pub fn operation(&self, id: &str) -> Result<Receipt, StoreError> {
        let reading = self.read()?;
        let header = find(&reading, id)?;
        receipt(&reading, header)
    }

    /// The receipts of all operations, oldest first.
    ///
    /// # Errors
    ///
    /// If one of them is not what was written: a log with a hole would mislead.
    pub fn operations(&self) -> Result<Vec<Receipt>, StoreError> {
        let reading = self.read()?;
        let ids = ids(&reading)?;
        ids.iter()
            .map(|id| receipt(&reading, find(&reading, id)?))
            .collect()
    }

    /// The receipts of operations that did not end and whose process is gone,
    /// oldest first.
    ///
    /// # Errors
    ///
    /// As [`Store::operations`].
    pub fn unfinished(&self) -> Result<Vec<Receipt>, StoreError> {
        let mut unfinished = Vec::new();
        for receipt in self.operations()? {
            // The lock is looked at after the events were read: one that ends in
            // between is looked up once more.
            if receipt.ended() || self.is_running(&receipt.operation)? {
                continue;
            }
            let receipt = self.operation(&receipt.operation.0)?;
            if !receipt.ended() {
                unfinished.push(receipt);
            }
        }
        Ok(unfinished)
    }
}

/// A row of `operations`.
struct Header {
    number: i64,
    id: String,
    began: String,
    snapshot: String,
    undoes: Option<String>,
    plan: String,
}

impl Header {
    fn sealed(&self) -> Digest {
        let mut fields = vec![self.id.as_bytes(), self.began.as_bytes()];
        fields.push(self.snapshot.as_bytes());
        fields.extend(self.undoes.as_ref().map(String::as_bytes));
        fields.push(self.plan.as_bytes());
        seal(&fields)
    }
}

fn sealed_event(operation: &str, position: i64, event: &str) -> Digest {
    let position = position.to_be_bytes();
    seal(&[operation.as_bytes(), &position, event.as_bytes()])
}

/// The ids of all operations, oldest first.
pub(super) fn ids(connection: &Connection) -> Result<Vec<String>, StoreError> {
    if !schema::has_operations(connection)? {
        return Ok(Vec::new());
    }
    let mut statement = connection.prepare_cached("SELECT id FROM operations ORDER BY number")?;
    let ids = statement.query_map((), |row| row.get(0))?;
    Ok(ids.collect::<Result<_, _>>()?)
}

/// Which snapshots operations need: the one taken before its first write, and as
/// long as it did not end those that its plan names.
pub(super) struct Needs<'a> {
    connection: &'a Connection,
    operations: Vec<Header>,
}

impl<'a> Needs<'a> {
    /// Reads all operations.
    pub(super) fn of(connection: &'a Connection) -> Result<Self, StoreError> {
        let ids = ids(connection)?.into_iter();
        let operations = ids.map(|id| find(connection, &id));
        Ok(Self {
            connection,
            operations: operations.collect::<Result<_, _>>()?,
        })
    }

    /// An operation that needs the snapshot.
    pub(super) fn operation(&self, snapshot: &SnapshotId) -> Result<Option<&str>, StoreError> {
        for header in &self.operations {
            let named = header.plan.contains(&snapshot.0)
                && !events(self.connection, header)?.contains(&Event::Ended);
            if header.snapshot == snapshot.0 || named {
                return Ok(Some(&header.id));
            }
        }
        Ok(None)
    }
}

/// The id of the one operation whose id begins so.
pub(super) fn full_id(connection: &Connection, id: &str) -> Result<OperationId, StoreError> {
    Ok(OperationId(find(connection, id)?.id))
}

/// Reads one operation to prove that it is what was written.
pub(super) fn check(connection: &Connection, id: &str) -> Result<(), StoreError> {
    receipt(connection, find(connection, id)?).map(|_| ())
}

/// An operation's row, without reading its plan: that would make a journal of
/// many steps quadratic.
fn number(connection: &Connection, operation: &OperationId) -> Result<i64, StoreError> {
    const SQL: &str = "SELECT number FROM operations WHERE id = ?1";
    let mut statement = connection.prepare_cached(SQL)?;
    let number = statement.query_row([&operation.0], |row| row.get(0));
    number
        .optional()?
        .ok_or_else(|| StoreError::NoSuchOperation {
            id: operation.0.clone(),
        })
}

fn find(connection: &Connection, id: &str) -> Result<Header, StoreError> {
    // `g` comes right after the hexadecimal digits.
    const SQL: &str = "SELECT number, id, began, snapshot, undoes, plan, seal
        FROM operations WHERE id >= ?1 AND id < ?1 || 'g' ORDER BY id LIMIT 2";
    let none = || StoreError::NoSuchOperation { id: id.to_owned() };
    let possible = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !possible || !schema::has_operations(connection)? {
        return Err(none());
    }
    let mut statement = connection.prepare_cached(SQL)?;
    let found = statement.query_map([id.to_ascii_lowercase()], header)?;
    let mut found = found.collect::<Result<Vec<_>, _>>()?;
    if found.len() > 1 {
        let prefix = id.to_owned();
        return Err(StoreError::AmbiguousOperation { prefix });
    }
    let (header, sealed) = found.pop().ok_or_else(none)?;
    if header.sealed() != sealed {
        return Err(damaged(&header.id, "its seal is broken"));
    }
    Ok(header)
}

fn header(row: &Row<'_>) -> rusqlite::Result<(Header, Digest)> {
    let header = Header {
        number: row.get(0)?,
        id: row.get(1)?,
        began: row.get(2)?,
        snapshot: row.get(3)?,
        undoes: row.get(4)?,
        plan: row.get(5)?,
    };
    Ok((header, Digest::from_bytes(row.get(6)?)))
}

fn receipt(connection: &Connection, header: Header) -> Result<Receipt, StoreError> {
    let nonsense = |_| damaged(&header.id, "it is of another version, or damaged");
    Ok(Receipt {
        plan: serde_json::from_str(&header.plan).map_err(nonsense)?,
        events: events(connection, &header)?,
        began: header
            .began
            .parse()
            .map_err(|_| damaged(&header.id, "its time is none"))?,
        operation: OperationId(header.id),
        snapshot: SnapshotId(header.snapshot),
        undoes: header.undoes.map(OperationId),
    })
}

fn events(connection: &Connection, header: &Header) -> Result<Vec<Event>, StoreError> {
    const SQL: &str = "SELECT position, seal, event FROM events
        WHERE operation = ?1 ORDER BY position";
    let mut statement = connection.prepare_cached(SQL)?;
    let mut rows = statement.query([header.number])?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        let (position, sealed, event): (i64, [u8; 32], String) =
            (row.get(0)?, row.get(1)?, row.get(2)?);
        let expected = i64::try_from(events.len()).unwrap_or(i64::MAX);
        let whole = sealed_event(&header.id, position, &event) == Digest::from_bytes(sealed);
        if position != expected || !whole {
            return Err(damaged(&header.id, "the seal of an event is broken"));
        }
        let event = serde_json::from_str(&event)
            .map_err(|_| damaged(&header.id, "an event is of another version"))?;
        events.push(event);
    }
    Ok(events)
}

fn damaged(id: &str, reason: &'static str) -> StoreError {
    StoreError::damaged(format!("operation {id}"), reason)
}
