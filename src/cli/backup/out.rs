//! Files and folders that the user asked to export to.
//!
//! They hold secrets: only the user may read them. Nothing that is there is
//! written over, and a file is there whole or not at all.
#![expect(
    clippy::disallowed_methods,
    reason = "what is exported goes where the user says on the command line"
)]

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use crate::error::{Exit, Failure};

/// A file that does not bear its name before it is whole.
pub(super) struct NewFile {
    path: PathBuf,
    unfinished: PathBuf,
    out: Option<BufWriter<File>>,
}

impl NewFile {
    /// Begins a file. What is there already stays.
    pub(super) fn begin(path: &Path) -> Result<Self, Failure> {
        if fs::symlink_metadata(path).is_ok() {
            let message = format!("{} is there already", path.display());
            return Err(Failure::new(Exit::Refused, message).hint("give another name with --to"));
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let unfinished = path.with_file_name(format!(".{name}.{}.part", std::process::id()));
        let file = create(&unfinished).map_err(unwritten(path))?;
        Ok(Self {
            path: path.to_owned(),
            unfinished,
            out: Some(BufWriter::new(file)),
        })
    }

    /// Writes to it.
    pub(super) fn write(&mut self, text: &str) -> Result<(), Failure> {
        let written = self.write_all(text.as_bytes());
        written.map_err(unwritten(&self.path))
    }

    /// Gives it a name that says what is in it, in the same folder. What bears
    /// that name already is the same, and is replaced.
    pub(super) fn finish_as(mut self, name: &str) -> Result<PathBuf, Failure> {
        self.path.set_file_name(name);
        let path = self.path.clone();
        self.finish()?;
        Ok(path)
    }

    /// Gives it its name, and makes it last.
    pub(super) fn finish(mut self) -> Result<(), Failure> {
        let Some(out) = self.out.take() else {
            return Ok(());
        };
        let finished = out
            .into_inner()
            .map_err(io::IntoInnerError::into_error)
            .and_then(|file| file.sync_all())
            .and_then(|()| fs::rename(&self.unfinished, &self.path))
            .and_then(|()| sync_folder_of(&self.path));
        if finished.is_err() {
            let _ = fs::remove_file(&self.unfinished);
        }
        finished.map_err(unwritten(&self.path))
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.out {
            Some(out) => out.write(bytes),
            None => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.as_mut().map_or(Ok(()), BufWriter::flush)
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if self.out.is_some() {
            let _ = fs::remove_file(&self.unfinished);
        }
    }
}

/// Opens what is to be imported.
pub(super) fn open(path: &Path) -> Result<Box<dyn Read>, Failure> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    let message = format!("failed to read {}", path.display());
    match File::open(path) {
        Ok(file) => Ok(Box::new(file)),
        Err(error) => Err(Failure::caused(Exit::Unreachable, message, error)),
    }
}

/// Whether a path means a folder: it is one, or ends as one.
pub(super) fn is_folder(path: &Path) -> bool {
    path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/")
}

/// Makes a folder, unless it is there.
pub(super) fn make_folder(path: &Path) -> Result<(), Failure> {
    private_folder(path).map_err(unwritten(path))
}

/// Writes files below a folder that is new or empty, in their order. Their paths
/// must be known to stay inside.
pub(super) fn write_folder(folder: &Path, files: &[(String, Vec<u8>)]) -> Result<(), Failure> {
    let empty = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(error) => return Err(unwritten(folder)(error)),
    };
    if !empty {
        let message = format!("{} is not empty", folder.display());
        return Err(Failure::new(Exit::Refused, message).hint("give a new directory"));
    }
    make_folder(folder)?;
    for (path, bytes) in files {
        let path = folder.join(path);
        let written = private_folder(path.parent().unwrap_or(folder))
            .and_then(|()| create(&path))
            .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
        written.map_err(unwritten(&path))?;
    }
    sync_folder_of(&folder.join("Chart.yaml")).map_err(unwritten(folder))
}

/// A file that only the user may read, and that was not there before.
fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn private_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// A name lasts once its folder is on the disk; only Unix lets us ask for that.
fn sync_folder_of(path: &Path) -> io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn unwritten(path: &Path) -> impl FnOnce(io::Error) -> Failure {
    let message = format!("failed to write {}", path.display());
    move |error| Failure::caused(Exit::Unreachable, message, error)
}
