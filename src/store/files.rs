//! The store's directory and files: private, and on a local disk.

use std::fs::{DirBuilder, File, OpenOptions};
use std::path::{Path, PathBuf};

use super::StoreError;

/// The database's file.
pub(super) fn database(dir: &Path) -> PathBuf {
    dir.join("store.db")
}

/// Whether there is a log of writes beside the database's file that are not in it
/// yet.
pub(super) fn has_log(dir: &Path) -> bool {
    holds_something(&dir.join("store.db-wal"))
}

/// Whether there is such a file, and anything in it.
pub(super) fn holds_something(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|file| file.len() > 0)
}

/// Whether there is such a file; where nobody may look, that is not known.
pub(super) fn exists(path: &Path) -> Result<bool, StoreError> {
    path.try_exists()
        .map_err(StoreError::file("look for", path))
}

/// A lock file. It holds nothing, and it stays: removing a file that another
/// process is about to lock would let two of them lock two files of one name.
pub(super) fn lock(dir: &Path, name: &str) -> Result<File, StoreError> {
    let locks = dir.join("locks");
    private_directory(&locks)?;
    private_file(&locks.join(name))
}

/// A lock file that is already there.
pub(super) fn existing_lock(dir: &Path, name: &str) -> Result<Option<File>, StoreError> {
    let path = dir.join("locks").join(name);
    if !exists(&path)? {
        return Ok(None);
    }
    let file = File::open(&path).map_err(StoreError::file("open", &path))?;
    Ok(Some(file))
}

/// Creates a directory that only this user can enter; one that is there is left
/// as it is.
pub(super) fn private_directory(dir: &Path) -> Result<(), StoreError> {
    if dir.is_dir() {
        return Ok(());
    }
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(dir)
        .map_err(StoreError::file("create", dir))?;
    sync_parent(dir)
}

/// Opens a file that only this user can read, creating it if it is not there.
///
/// SQLite gives its `-wal` and `-shm` files the mode of the database.
pub(super) fn private_file(path: &Path) -> Result<File, StoreError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options
        .open(path)
        .map_err(StoreError::file("open for writing", path))?;
    #[cfg(unix)]
    close_to_others(&file).map_err(StoreError::file("make private", path))?;
    Ok(file)
}

/// Takes away what a file that was copied or restored may let others do.
#[cfg(unix)]
fn close_to_others(file: &File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mut permissions = file.metadata()?.permissions();
    if permissions.mode() & 0o077 != 0 {
        permissions.set_mode(0o600);
        file.set_permissions(permissions)?;
    }
    Ok(())
}

/// Makes a new directory's name durable. SQLite does so for its own files.
fn sync_parent(dir: &Path) -> Result<(), StoreError> {
    let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) else {
        return Ok(());
    };
    if cfg!(unix) {
        File::open(parent)
            .and_then(|parent| parent.sync_all())
            .map_err(StoreError::file("sync", parent))?;
    }
    Ok(())
}

/// Refuses a directory on a network filesystem.
///
/// SQLite's write-ahead log needs memory that all its readers share, and locks
/// that hold: neither is to be had there (<https://www.sqlite.org/wal.html>).
/// The kernel's own list of mounts tells; where there is none, nothing is
/// refused.
#[cfg(target_os = "linux")]
pub(super) fn refuse_network(dir: &Path) -> Result<(), StoreError> {
    use std::fs;
    use std::os::unix::fs::MetadataExt;
    let device = fs::metadata(dir)
        .map_err(StoreError::file("look at", dir))?
        .dev();
    let Ok(mounts) = fs::read_to_string("/proc/self/mountinfo") else {
        return Ok(());
    };
    match filesystem(&mounts, &device_number(device)) {
        Some(kind) if is_network(kind) => Err(StoreError::NetworkFilesystem {
            path: dir.to_owned(),
            kind: kind.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// `major:minor`, as glibc's `gnu_dev_major` and `gnu_dev_minor` take it apart.
#[cfg(target_os = "linux")]
fn device_number(device: u64) -> String {
    let major = (device >> 8 & 0xfff) | (device >> 32 & 0xffff_f000);
    let minor = (device & 0xff) | (device >> 12 & 0xffff_ff00);
    format!("{major}:{minor}")
}

/// Elsewhere there is no such list.
#[cfg(not(target_os = "linux"))]
pub(super) fn refuse_network(_: &Path) -> Result<(), StoreError> {
    Ok(())
}

/// The type of the filesystem that is this device (`major:minor`).
///
/// A line of mountinfo: `36 35 98:0 / /mnt rw,noatime master:1 - ext3 /dev/sda rw`
/// (proc_pid_mountinfo(5)). Subvolumes of btrfs have devices that are not
/// listed; they are local.
#[cfg(any(target_os = "linux", test))]
fn filesystem<'a>(mounts: &'a str, device: &str) -> Option<&'a str> {
    mounts
        .lines()
        .find(|line| line.split(' ').nth(2) == Some(device))
        .and_then(|line| line.split_once(" - "))
        .and_then(|(_, rest)| rest.split(' ').next())
}

#[cfg(any(target_os = "linux", test))]
fn is_network(kind: &str) -> bool {
    const NETWORK: [&str; 14] = [
        "9p",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "coda",
        "fuse",
        "glusterfs",
        "gpfs",
        "lustre",
        "nfs",
        "nfs4",
        "smb3",
        "smbfs",
    ];
    // What a FUSE filesystem does with locks cannot be known, except of those
    // that only stand before a local directory.
    const LOCAL: [&str; 3] = ["fuse.encfs", "fuse.fuse-overlayfs", "fuse.gocryptfs"];
    NETWORK.contains(&kind) || (kind.starts_with("fuse.") && !LOCAL.contains(&kind))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const MOUNTS: &str = "\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
40 22 0:52 / /home/a\\040b rw,relatime shared:2 master:7 - nfs4 host:/home rw,vers=4.2
41 22 0:53 / /mnt/s rw - fuse.sshfs me@host: rw
42 22 0:54 / /mnt/o rw - fuse.fuse-overlayfs fuse-overlayfs rw
43 22 8:2 / /mnt/n rw - fuseblk /dev/sda2 rw
torn line";

    #[test]
    fn a_network_filesystem_is_told_by_its_device() {
        let network = |device| filesystem(MOUNTS, device).is_some_and(is_network);
        assert!(network("0:52"));
        assert!(network("0:53"));
        assert!(!network("8:1"));
        assert!(!network("0:54"));
        assert!(!network("8:2"));
        assert!(!network("0:99"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_device_of_a_directory_is_in_the_kernels_list() {
        use std::os::unix::fs::MetadataExt;
        let device = fs::metadata("/proc").unwrap().dev();
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        assert_eq!(filesystem(&mounts, &device_number(device)), Some("proc"));
        assert_eq!(device_number(0x10_0801), "8:257");
        refuse_network(Path::new("/proc")).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_was_open_to_others_is_closed() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        private_file(&path).unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
}
