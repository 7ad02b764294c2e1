//! Writing an archive.

use std::collections::{HashMap, HashSet};
use std::io::Write;

use rusqlite::Connection;

use super::super::contents::{self, LiveObjects};
use super::super::headers::{self, Header};
use super::super::histories::History;
use super::super::objects::{Base, Reader, Stored};
use super::super::pack::Compressor;
use super::super::snapshots::{self, Loaded};
use super::super::{Store, StoreError};
use super::frame::{Kind, Writer};
use super::{Counts, Description, Exported, Named, Parent, Told, ToldLive, ToldObject, ToldRecord};
use crate::helm::Digest;
use crate::snapshot::SnapshotId;

impl Store {
    /// Writes a snapshot into an archive: all that it holds, or all that its
    /// parent does not hold. What is written was read and proven.
    ///
    /// # Errors
    ///
    /// If one of the snapshots is damaged or not there, or the archive cannot be
    /// written.
    pub fn export(
        &self,
        snapshot: &SnapshotId,
        parent: Option<&SnapshotId>,
        out: impl Write,
    ) -> Result<Exported, StoreError> {
        let reading = self.read()?;
        let header = headers::find(&reading, &snapshot.0)?;
        let parent = parent.map(|parent| headers::find(&reading, &parent.0));
        let parent = parent.transpose()?;
        let description = Description {
            snapshot: header.clone(),
            parent: parent.as_ref().map(|parent| Parent {
                id: parent.id.clone(),
                seal: parent.seal,
            }),
        };
        let mut export = Export::new(&reading, Writer::begin(out)?)?;
        export.json(Kind::Description, &description)?;
        if let Some(parent) = parent {
            export.leave_out(parent)?;
        }
        export.snapshot(header)?;
        let counts = export.counts;
        let digest = export.json(Kind::End, &counts)?;
        Ok(Exported {
            snapshot: description.snapshot.id,
            parent: description.parent.map(|parent| parent.id),
            digest,
            histories: counts.histories,
            kept: counts.kept,
            objects: counts.objects,
            bytes: export.out.finish()?,
        })
    }
}

struct Export<'a, W> {
    connection: &'a Connection,
    reader: Reader<'a>,
    out: Writer<W>,
    /// Histories that the parent holds, by their seals.
    kept: HashSet<Digest>,
    /// Objects that the parent holds or that are written, each by its key.
    done: HashMap<i64, Digest>,
    /// Objects that the snapshot holds.
    own: HashSet<i64>,
    /// Stands in for a base that is not to be in the file.
    stand_in: Option<(i64, Base)>,
    compressor: Compressor,
    counts: Counts,
}

impl<'a, W: Write> Export<'a, W> {
    fn new(connection: &'a Connection, out: Writer<W>) -> Result<Self, StoreError> {
        Ok(Self {
            connection,
            reader: Reader::new(connection),
            out,
            kept: HashSet::new(),
            done: HashMap::new(),
            own: HashSet::new(),
            stand_in: None,
            compressor: Compressor::new()?,
            counts: Counts::default(),
        })
    }

    fn json<T: serde::Serialize>(&mut self, kind: Kind, entry: &T) -> Result<Digest, StoreError> {
        self.out.entry(kind, &[&contents::to_json(entry)?])
    }

    /// Leaves out what that snapshot holds.
    fn leave_out(&mut self, parent: Header) -> Result<(), StoreError> {
        let (loaded, live) = self.load(parent)?;
        self.kept = loaded
            .histories
            .iter()
            .map(|history| history.seal)
            .collect();
        for key in held(&loaded.histories, live.iter().map(|(_, list)| list)) {
            // Only what is whole can be left out.
            let digest = self.reader.prove(key)?;
            self.done.insert(key, digest);
        }
        Ok(())
    }

    fn snapshot(&mut self, header: Header) -> Result<(), StoreError> {
        let (loaded, live) = self.load(header)?;
        self.own = held(&loaded.histories, live.iter().map(|(_, list)| list)).collect();
        for history in &loaded.histories {
            self.history(history)?;
        }
        for (namespace, list) in live {
            self.live(namespace, list)?;
        }
        Ok(())
    }

    /// A snapshot that is whole as far as its rows say, and its lists of live
    /// objects by namespace.
    fn load(&mut self, header: Header) -> Result<(Loaded, Vec<(String, LiveObjects)>), StoreError> {
        let lists = headers::lists(self.connection, &header)?;
        let loaded = snapshots::load(self.connection, header)?;
        if let Some((what, reason)) = loaded.damaged.into_iter().next() {
            return Err(StoreError::damaged(what, reason));
        }
        let mut live = Vec::new();
        for (namespace, list) in lists.live {
            let (_, json) = self.reader.load(list)?;
            live.push((namespace, contents::from_json(&json)?));
        }
        let damaged = Vec::new();
        Ok((Loaded { damaged, ..loaded }, live))
    }

    fn history(&mut self, history: &History) -> Result<(), StoreError> {
        let named = Named::new(&history.id, history.seal);
        if self.kept.contains(&history.seal) {
            self.counts.kept += 1;
            return self.json(Kind::Kept, &named).map(drop);
        }
        let mut records = Vec::new();
        for entry in &history.contents.records {
            let rest = self.object(entry.rest)?;
            let parts = entry.parts.iter().map(|part| self.object(*part));
            let parts = parts.collect::<Result<Vec<_>, _>>()?;
            if contents::sealed(&rest, &parts) != entry.digest {
                let what = entry.id(&history.id).to_string();
                return Err(StoreError::damaged(what, "its objects are other ones"));
            }
            records.push(ToldRecord::new(entry, rest, parts));
        }
        self.counts.histories += 1;
        let cluster = history.contents.cluster.clone();
        let told = Told {
            named,
            cluster,
            records,
        };
        self.json(Kind::History, &told).map(drop)
    }

    fn live(&mut self, namespace: String, list: LiveObjects) -> Result<(), StoreError> {
        let mut objects = Vec::new();
        for entry in list.objects {
            if self.object(entry.json)? != entry.digest {
                let what = entry.object.to_string();
                return Err(StoreError::damaged(what, "its object is another one"));
            }
            objects.push(ToldObject {
                object: entry.object,
                digest: entry.digest,
                bytes: entry.bytes,
            });
        }
        self.counts.live += 1;
        self.json(Kind::Live, &ToldLive { namespace, objects })
            .map(drop)
    }

    /// Writes an object, unless the file or the parent holds it.
    fn object(&mut self, key: i64) -> Result<Digest, StoreError> {
        if let Some(digest) = self.done.get(&key) {
            return Ok(*digest);
        }
        let (stored, base, plain) = self.reader.stored(key)?;
        let stored = match base {
            None => stored,
            Some(base) if self.done.contains_key(&base) => stored,
            // A base has none itself, so this goes one step deep.
            Some(base) if self.own.contains(&base) => {
                self.object(base)?;
                stored
            }
            Some(base) => self.stood_in(base, stored.digest, plain)?,
        };
        self.done.insert(key, stored.digest);
        self.write(&stored)?;
        Ok(stored.digest)
    }

    /// An object whose base the snapshot does not hold, and which may hold what
    /// was forgotten: the first of these is the base of those that follow.
    fn stood_in(
        &mut self,
        base: i64,
        digest: Digest,
        plain: Vec<u8>,
    ) -> Result<Stored, StoreError> {
        match &self.stand_in {
            Some((of, stand_in)) if *of == base => {
                self.compressor.pack_on(stand_in, digest, &plain)
            }
            _ => {
                let packed = self.compressor.pack(digest, &plain)?;
                let plain = std::sync::Arc::new(plain);
                self.stand_in = Some((base, Base { digest, plain }));
                Ok(packed)
            }
        }
    }

    fn write(&mut self, object: &Stored) -> Result<(), StoreError> {
        let what = || StoreError::damaged(object.digest.to_string(), "its encoding is unknown");
        let (encoding, size, bytes) = object.to_archive().ok_or_else(what)?;
        let base = object.base.map(|base| *base.as_bytes());
        let base = base.as_ref().map_or(&[][..], |base| &base[..]);
        let flags = [encoding, u8::from(!base.is_empty())];
        self.counts.objects += 1;
        let size = size.to_be_bytes();
        let pieces = [&object.digest.as_bytes()[..], &flags, &size, base, bytes];
        self.out.entry(Kind::Object, &pieces).map(drop)
    }
}

/// The keys of all objects that these hold.
fn held<'a>(
    histories: &'a [History],
    live: impl Iterator<Item = &'a LiveObjects>,
) -> impl Iterator<Item = i64> {
    let entries = histories
        .iter()
        .flat_map(|history| &history.contents.records);
    let records = entries.flat_map(|entry| entry.parts.iter().copied().chain([entry.rest]));
    let objects = live.flat_map(|list| list.objects.iter().map(|entry| entry.json));
    records.chain(objects)
}
