//! Locks that die with their process: whether an operation is being carried out.

use std::fs::{File, TryLockError};

use super::{Store, StoreError, files, operations};
use crate::plan::OperationId;

/// The lock of those who write objects, against those who collect them. It is no
/// operation's id.
const SPACE: &str = "space";

/// Held while an operation is carried out; let go of when dropped, and by the
/// kernel when the process dies.
#[derive(Debug)]
pub struct OperationLock {
    operation: OperationId,
    _file: File,
}

impl OperationLock {
    /// Which operation.
    pub fn operation(&self) -> &OperationId {
        &self.operation
    }
}

/// The lock of those who collect; `None` while somebody writes objects. It is not
/// waited for: a first backup may take minutes.
pub(super) fn take_space(store: &Store) -> Result<Option<File>, StoreError> {
    let file = files::lock(&store.dir, SPACE)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(source)) => Err(StoreError::File {
            doing: "lock",
            path: store.dir.join("locks").join(SPACE),
            source,
        }),
    }
}

impl Store {
    /// Takes over an operation whose process died.
    ///
    /// # Errors
    ///
    /// [`StoreError::Running`] if another process carries it out. That may also
    /// be said of one that another process is just asking about; to try again is
    /// safe.
    pub fn hold(&self, operation: &OperationId) -> Result<OperationLock, StoreError> {
        self.lock(&self.full_id(operation)?)
    }

    /// The id as we gave it, for it becomes a file's name: never a shortened one,
    /// and nothing that leads elsewhere.
    fn full_id(&self, operation: &OperationId) -> Result<OperationId, StoreError> {
        operations::full_id(&self.connection, &operation.0)
    }

    /// Keeps objects from being collected for as long as the file lives: a
    /// snapshot is being taken, and nobody else knows yet what it will refer to.
    /// Waits for whoever is collecting.
    pub(super) fn hold_space(&self) -> Result<File, StoreError> {
        let file = files::lock(&self.dir, SPACE)?;
        let path = self.dir.join("locks").join(SPACE);
        file.lock_shared()
            .map_err(StoreError::file("lock", &path))?;
        Ok(file)
    }

    pub(super) fn lock(&self, operation: &OperationId) -> Result<OperationLock, StoreError> {
        let file = files::lock(&self.dir, &operation.0)?;
        match file.try_lock() {
            Ok(()) => Ok(OperationLock {
                operation: operation.clone(),
                _file: file,
            }),
            Err(TryLockError::WouldBlock) => Err(StoreError::Running {
                operation: operation.clone(),
            }),
            Err(TryLockError::Error(source)) => Err(StoreError::File {
                doing: "lock",
                path: self.dir.join("locks").join(&operation.0),
                source,
            }),
        }
    }

    /// Whether a process, this one included, is carrying out the operation.
    ///
    /// # Errors
    ///
    /// If there is no such operation, or its lock cannot be looked at.
    pub fn is_running(&self, operation: &OperationId) -> Result<bool, StoreError> {
        let operation = self.full_id(operation)?;
        match files::existing_lock(&self.dir, &operation.0)? {
            Some(file) => self.is_locked(&operation, &file),
            None => Ok(false),
        }
    }

    fn is_locked(&self, operation: &OperationId, file: &File) -> Result<bool, StoreError> {
        // Shared, so that two who ask do not take each other for the operation.
        match file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(source)) => Err(StoreError::File {
                doing: "look at the lock",
                path: self.dir.join("locks").join(&operation.0),
                source,
            }),
        }
    }

    /// Whether it is an operation of this store that nobody carries out any
    /// more, be it that it ended or that its process died.
    ///
    /// # Errors
    ///
    /// If its lock cannot be looked at.
    pub fn died(&self, operation: &OperationId) -> Result<bool, StoreError> {
        // It may be claimed and not stored yet, so the id is not looked up. It
        // becomes a file's name, so it must be one that we could have given.
        let ours = !operation.0.is_empty() && operation.0.bytes().all(|b| b.is_ascii_hexdigit());
        if !ours {
            return Ok(false);
        }
        match files::existing_lock(&self.dir, &operation.0)? {
            Some(file) => Ok(!self.is_locked(operation, &file)?),
            None => Ok(false),
        }
    }
}
