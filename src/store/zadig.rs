//! The table `zadig`: what earlier reads of a Zadig knew to be claimed.
//!
//! A row that is not what was written counts for nothing: then the next read
//! begins anew, and says that it has nothing to agree with.

use rusqlite::Connection;

use super::seal::seal;
use super::{Store, StoreError, schema};
use crate::helm::Digest;
use crate::survey::zadig::KeptRead;

/// A read that is larger is not kept, in bytes of JSON: no Zadig has as many
/// environments.
const LARGEST: usize = 16 << 20;

impl Store {
    /// The kept reads of that Zadig in that cluster, newest first.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn zadig_reads(&self, cluster: &str, server: &str) -> Result<Vec<KeptRead>, StoreError> {
        const SQL: &str = "SELECT seal, reads FROM zadig WHERE cluster = ?1 AND server = ?2";
        let reading = self.read()?;
        if !schema::has_table(&reading, "zadig")? {
            return Ok(Vec::new());
        }
        let mut statement = reading.prepare_cached(SQL)?;
        let mut rows = statement.query((cluster, server))?;
        let Some(row) = rows.next()? else {
            return Ok(Vec::new());
        };
        let (sealed, reads): (Vec<u8>, String) = (row.get(0)?, row.get(1)?);
        match sealed == sealed_row(cluster, server, &reads).as_bytes() {
            true => Ok(serde_json::from_str(&reads).unwrap_or_default()),
            false => Ok(Vec::new()),
        }
    }

    /// Keeps these reads of that Zadig in that cluster, and no others.
    ///
    /// # Errors
    ///
    /// If the store cannot be written.
    pub fn keep_zadig_reads(
        &self,
        cluster: &str,
        server: &str,
        reads: &[KeptRead],
    ) -> Result<(), StoreError> {
        const SQL: &str = "INSERT OR REPLACE INTO zadig (cluster, server, seal, reads)
            VALUES (?1, ?2, ?3, ?4)";
        let reads = serde_json::to_string(reads).map_err(StoreError::Json)?;
        if reads.len() > LARGEST {
            return Ok(());
        }
        let writing = self.write()?;
        schema::zadig(&writing)?;
        let sealed = sealed_row(cluster, server, &reads);
        writing.execute(SQL, (cluster, server, sealed.as_bytes(), &reads))?;
        writing.commit()?;
        Ok(())
    }
}

/// The rows that are not what was written.
pub(super) fn damaged(connection: &Connection) -> Result<Vec<String>, StoreError> {
    if !schema::has_table(connection, "zadig")? {
        return Ok(Vec::new());
    }
    let mut statement = connection.prepare("SELECT cluster, server, seal, reads FROM zadig")?;
    let rows = statement.query_map((), |row| {
        let (cluster, server): (String, String) = (row.get(0)?, row.get(1)?);
        let (sealed, reads): (Vec<u8>, String) = (row.get(2)?, row.get(3)?);
        let whole = sealed == sealed_row(&cluster, &server, &reads).as_bytes();
        Ok((server, whole))
    })?;
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    let damaged = rows.into_iter().filter(|(_, whole)| !whole);
    Ok(damaged.map(|(server, _)| server).collect())
}

fn sealed_row(cluster: &str, server: &str, reads: &str) -> Digest {
    seal(&[cluster.as_bytes(), server.as_bytes(), reads.as_bytes()])
}
