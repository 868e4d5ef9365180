//! Files: modules `FilePlugin` ([`primitives`]) and `FileAttributesPlugin` ([`attributes`]).
//!
//! A file is open without a buffer of ours: what an image wrote is with the system when the
//! primitive answers, so nothing is lost when a process ends in any way. Paths are bytes, as the
//! system has them; the image encodes them as UTF-8.
//!
//! Argument orders and the shapes of answers are those of the modules' declarations in the image.

pub mod attributes;
pub mod directories;
pub mod primitives;

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use imprint_vm::{Failure, PrimitiveError};

use crate::handles::Handles;
use crate::reactor::{Direction, Reactor, Watch};

/// The state of the modules in one machine.
pub struct Files {
    reactor: Reactor,
    files: Handles<OpenFile>,
    directories: Handles<directories::Listing>,
    standard: Option<StandardFiles>,
    is_quiet: bool,
    /// What was looked for and was not there, the first ones.
    missing: Vec<PathBuf>,
}

/// So many files that are not there are remembered.
const MISSING_MAX: usize = 8;

/// What an image knows as stdin, stdout and stderr.
pub struct StandardFiles {
    /// Where input comes from.
    pub input: File,
    /// Where output goes.
    pub output: File,
    /// Where complaints go.
    pub error: File,
}

/// A file or stream that an image opened.
pub struct OpenFile {
    file: File,
    is_writable: bool,
    /// Whether it has a size and positions; streams have none.
    is_regular: bool,
    /// Whether it is stdout or stderr.
    is_standard_output: bool,
    /// Of a stream: whether its end was seen.
    is_at_end: bool,
    watch: Option<Watch>,
}

impl StandardFiles {
    /// Those of the process.
    ///
    /// # Errors
    /// Where one of them is closed.
    pub fn of_process() -> io::Result<StandardFiles> {
        let duplicate = |stream: &dyn AsFd| stream.as_fd().try_clone_to_owned().map(File::from);
        Ok(StandardFiles {
            input: duplicate(&io::stdin())?,
            output: duplicate(&io::stdout())?,
            error: duplicate(&io::stderr())?,
        })
    }
}

impl Files {
    /// No files yet.
    pub fn new(reactor: Reactor) -> Files {
        Files {
            reactor,
            files: Handles::default(),
            directories: Handles::default(),
            standard: None,
            is_quiet: false,
            missing: Vec::new(),
        }
    }

    /// Notes that something was looked for, where it was not there.
    fn note_missing(&mut self, path: &Path, error: &io::Error) {
        let is_new = self.missing.len() < MISSING_MAX && !self.missing.iter().any(|it| it == path);
        if error.kind() == io::ErrorKind::NotFound && is_new {
            self.missing.push(path.to_path_buf());
        }
    }

    /// What was looked for and was not there, since this was asked last.
    pub fn take_missing(&mut self) -> Vec<PathBuf> {
        std::mem::take(&mut self.missing)
    }

    /// While quiet, what the image writes to stdout and stderr goes nowhere.
    pub fn set_quiet(&mut self, is_quiet: bool) {
        self.is_quiet = is_quiet;
    }

    /// Has the image use other files than those of the process.
    pub fn set_standard(&mut self, standard: StandardFiles) {
        self.standard = Some(standard);
    }

    fn take_standard(&mut self) -> io::Result<StandardFiles> {
        match &self.standard {
            Some(files) => Ok(StandardFiles {
                input: files.input.try_clone()?,
                output: files.output.try_clone()?,
                error: files.error.try_clone()?,
            }),
            None => StandardFiles::of_process(),
        }
    }

    /// Signals a semaphore when the file has input: at once where it always has.
    fn watch(&mut self, handle: &[u8], semaphore: usize) -> io::Result<bool> {
        let Some(file) = self.files.get_mut(handle) else {
            return Ok(false);
        };
        let watch = match file.watch {
            Some(watch) => watch,
            None => {
                let duplicate = file.file.try_clone()?;
                let watch = self.reactor.watch(Arc::new(OwnedFd::from(duplicate)));
                *file.watch.insert(watch)
            }
        };
        let armed = self.reactor.arm(watch, Direction::Readable, semaphore);
        if armed.is_err() {
            self.reactor.report(imprint_vm::Event::Signal(semaphore));
        }
        Ok(true)
    }

    fn close(&mut self, handle: &[u8]) -> bool {
        let Some(file) = self.files.remove(handle) else {
            return false;
        };
        if let Some(watch) = file.watch {
            self.reactor.forget(watch);
        }
        true
    }
}

impl OpenFile {
    /// Opens a file: to be read, or also to be written, and made where there is none.
    ///
    /// # Errors
    /// Where the system refuses, or it is a directory.
    pub fn open(path: &PathBuf, is_writable: bool) -> io::Result<OpenFile> {
        let mut options = File::options();
        options.read(true).write(is_writable).create(is_writable);
        let file = options.open(path)?;
        if file.metadata()?.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        Ok(OpenFile::around(file, is_writable))
    }

    fn around(file: File, is_writable: bool) -> OpenFile {
        let is_regular = file.metadata().is_ok_and(|metadata| metadata.is_file());
        OpenFile {
            file,
            is_writable,
            is_regular,
            is_standard_output: false,
            is_at_end: false,
            watch: None,
        }
    }

    fn standard_output(file: File) -> OpenFile {
        OpenFile {
            is_standard_output: true,
            ..OpenFile::around(file, true)
        }
    }

    /// Reads at most so much as the buffer holds; 0 at the end.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = uninterrupted(|| self.file.read(buffer))?;
        self.is_at_end = count == 0 && !buffer.is_empty();
        Ok(count)
    }

    /// Writes all of it.
    ///
    /// # Errors
    /// Where the file is not open for it, or the system refuses.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if !self.is_writable {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        self.file.write_all(bytes)
    }

    /// Whether there is nothing more to read.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn at_end(&mut self) -> io::Result<bool> {
        if !self.is_regular {
            return Ok(self.is_at_end);
        }
        Ok(self.file.stream_position()? >= self.file.metadata()?.len())
    }

    /// Bytes of the file; 0 of a stream.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn size(&self) -> io::Result<u64> {
        Ok(if self.is_regular {
            self.file.metadata()?.len()
        } else {
            0
        })
    }

    /// Where the next byte is read or written; 0 of a stream.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn position(&mut self) -> io::Result<u64> {
        if self.is_regular {
            self.file.stream_position()
        } else {
            Ok(0)
        }
    }

    /// Goes to a position, also beyond the end.
    ///
    /// # Errors
    /// Where it is a stream, or the system refuses.
    pub fn set_position(&mut self, position: u64) -> io::Result<()> {
        if !self.is_regular {
            return Err(io::ErrorKind::NotSeekable.into());
        }
        self.file.seek(SeekFrom::Start(position)).map(|_| ())
    }

    /// Cuts or extends the file; a position behind the new end moves to it.
    ///
    /// # Errors
    /// Where the file is not open for it, or the system refuses.
    pub fn truncate(&mut self, size: u64) -> io::Result<()> {
        if !self.is_writable {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        self.file.set_len(size)?;
        if self.position()? > size {
            self.set_position(size)?;
        }
        Ok(())
    }
}

fn uninterrupted(mut operation: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match operation() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// A path from the bytes that an image gives.
fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

/// What a refusal of the system is to an image.
fn refused(error: io::Error) -> Failure {
    let code = match error.kind() {
        io::ErrorKind::NotFound => PrimitiveError::NotFound,
        io::ErrorKind::InvalidInput => PrimitiveError::BadArgument,
        io::ErrorKind::OutOfMemory => PrimitiveError::NoHostMemory,
        _ => PrimitiveError::Generic,
    };
    code.into()
}

#[cfg(test)]
mod tests;
