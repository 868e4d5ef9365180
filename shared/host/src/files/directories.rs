//! Directories: two primitives of `FilePlugin` that answer entries, and the listings that
//! `FileAttributesPlugin` goes through.
//!
//! Entries are in the order of their names, so that what an image does with them is the same
//! everywhere.

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use imprint_model::Oop;
use imprint_vm::primitives::arguments::{new_array, new_string, small_integer};
use imprint_vm::{Args, Failure, PrimitiveError, Vm};

use super::primitives::path;
use super::refused;
use crate::outside::SECONDS_1901_TO_1970;
use crate::timezone;

/// A directory that is being listed.
pub struct Listing {
    /// The directory.
    pub directory: PathBuf,
    names: Vec<OsString>,
    next: usize,
}

impl Listing {
    /// All entries but `.` and `..`, by name.
    ///
    /// # Errors
    /// Where the directory cannot be read.
    pub fn open(directory: PathBuf) -> io::Result<Listing> {
        let names = names_in(&directory)?;
        Ok(Listing {
            directory,
            names,
            next: 0,
        })
    }

    /// The next name.
    pub fn next_name(&mut self) -> Option<OsString> {
        let name = self.names.get(self.next).cloned()?;
        self.next += 1;
        Some(name)
    }

    /// Begins again, with what is there now.
    ///
    /// # Errors
    /// Where the directory cannot be read.
    pub fn rewind(&mut self) -> io::Result<()> {
        self.names = names_in(&self.directory)?;
        self.next = 0;
        Ok(())
    }
}

fn names_in(directory: &Path) -> io::Result<Vec<OsString>> {
    let mut names = fs::read_dir(directory)?
        .map(|entry| entry.map(|entry| entry.file_name()))
        .collect::<io::Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}

/// Seconds of the system's clock as an image counts them: from 1901, in local time.
pub fn smalltalk_seconds(unix_seconds: i64) -> Oop {
    let offset = timezone::local().offset_seconds(unix_seconds);
    let seconds = unix_seconds
        .saturating_add(SECONDS_1901_TO_1970 as i64)
        .saturating_add(offset);
    Oop::small_integer(seconds).unwrap_or(Oop::small(0))
}

/// Directory and index from 1, to an entry; nil beyond the last.
pub(super) fn directory_lookup(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let directory = path(vm, args, 0)?;
    let index = small_integer(vm, args, 1)?;
    let position = usize::try_from(index - 1).map_err(|_| PrimitiveError::BadIndex)?;
    let names = names_in(&directory).map_err(refused)?;
    match names.get(position) {
        Some(name) => entry(vm, &directory.join(name), name.as_bytes()),
        None => Ok(vm.heap.nil()),
    }
}

/// Directory and name, to an entry; nil where there is no such name.
pub(super) fn directory_entry(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let directory = path(vm, args, 0)?;
    let name = path(vm, args, 1)?;
    if !directory.is_dir() {
        return Err(PrimitiveError::NotFound.into());
    }
    let whole = directory.join(&name);
    if whole.symlink_metadata().is_err() {
        return Ok(vm.heap.nil());
    }
    entry(vm, &whole, name.as_os_str().as_bytes())
}

/// Array of name, creation and modification seconds, whether it is a directory, size, permissions,
/// whether it is a symbolic link.
fn entry(vm: &mut Vm, path: &Path, name: &[u8]) -> Result<Oop, Failure> {
    let link = path.symlink_metadata().map_err(refused)?;
    // A link that leads nowhere is described itself.
    let target: Metadata = path.metadata().unwrap_or_else(|_| link.clone());
    let name = new_string(vm, name)?;
    let elements = [
        name,
        smalltalk_seconds(target.ctime()),
        smalltalk_seconds(target.mtime()),
        vm.heap.boolean(target.is_dir()),
        Oop::index(target.len() as usize),
        Oop::small((target.mode() & 0o777) as i32),
        vm.heap.boolean(link.is_symlink()),
    ];
    new_array(vm, &elements)
}
