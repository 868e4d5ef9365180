//! The primitives of module `FileAttributesPlugin`. Operands are counted from 0 after the
//! receiver, which none of them reads. Paths and names are ByteArrays of UTF-8.

use std::fs::{self, Metadata, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown};
use std::path::Path;

use imprint_heap::Heap;
use imprint_model::Oop;
use imprint_vm::primitives::arguments::{
    argument, bytes, new_array, new_byte_array, new_string, small_integer,
};
use imprint_vm::{Args, Failure, Primitive, PrimitiveError, Vm};
use rustix::fs::{Access, access};

use super::directories::{Listing, smalltalk_seconds};
use super::primitives::{files, path};
use super::refused;

/// Name and function of each primitive.
pub const PRIMITIVES: &[(&str, Primitive)] = &[
    ("primitiveChangeMode", change_mode),
    ("primitiveChangeOwner", change_owner),
    ("primitiveClosedir", close_directory),
    ("primitiveFileAttribute", file_attribute),
    ("primitiveFileAttributes", file_attributes),
    ("primitiveFileExists", file_exists),
    ("primitiveFileMasks", file_masks),
    ("primitiveOpendir", open_directory),
    ("primitivePathMax", path_max),
    ("primitivePlatToStPath", same_path),
    ("primitiveReaddir", read_directory),
    ("primitiveRewinddir", rewind_directory),
    ("primitiveStToPlatPath", same_path),
    ("primitiveSymlinkChangeOwner", change_owner_of_link),
    ("primitiveVersionString", version),
];

/// Bit of a mask: the thirteen attributes that `stat` answers.
const STAT: i64 = 1;
/// Bit of a mask: whether it may be read, written, executed.
const ACCESS: i64 = 2;
/// Bit of a mask: of a link itself, not of what it leads to.
const OF_LINK: i64 = 4;
/// The longest path, in bytes.
const PATH_BYTES_MAX: i32 = 4096;

fn file_exists(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let path = path(vm, args, 0)?;
    let exists = path.exists();
    if !exists {
        files(vm)?.note_missing(&path, &io::ErrorKind::NotFound.into());
    }
    Ok(vm.heap.boolean(exists))
}

fn metadata(vm: &mut Vm, path: &Path, of_link: bool) -> Result<Metadata, Failure> {
    let found = if of_link {
        fs::symlink_metadata(path)
    } else {
        fs::metadata(path)
    };
    let files = files(vm)?;
    found.map_err(|error| {
        files.note_missing(path, &error);
        refused(error)
    })
}

/// Path and mask, to an Array of the thirteen attributes, or one of three Booleans, or one of both
/// Arrays.
fn file_attributes(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let path = path(vm, args, 0)?;
    let mask = small_integer(vm, args, 1)?;
    if mask & (STAT | ACCESS) == 0 {
        return Err(PrimitiveError::BadArgument.into());
    }
    let metadata = metadata(vm, &path, mask & OF_LINK != 0)?;
    match (mask & STAT != 0, mask & ACCESS != 0) {
        (true, false) => stat_array(vm, &path, &metadata),
        (false, _) => access_array(vm, &path),
        (true, true) => {
            let stat = stat_array(vm, &path, &metadata)?;
            let access = access_array(vm, &path)?;
            new_array(vm, &[stat, access])
        }
    }
}

/// Target of a link, mode, inode, device, links, user, group, size, then the seconds of the last
/// access, modification and change; creation and Windows attributes are nil.
fn stat_array(vm: &mut Vm, path: &Path, metadata: &Metadata) -> Result<Oop, Failure> {
    let nil = vm.heap.nil();
    let target = if metadata.is_symlink() {
        let target = fs::read_link(path).map_err(refused)?;
        new_byte_array(vm, target.as_os_str().as_bytes())?
    } else {
        nil
    };
    let size = if metadata.is_dir() {
        0
    } else {
        metadata.size()
    };
    let elements = [
        target,
        number(metadata.mode().into()),
        number(metadata.ino()),
        number(metadata.dev()),
        number(metadata.nlink()),
        number(metadata.uid().into()),
        number(metadata.gid().into()),
        number(size),
        smalltalk_seconds(metadata.atime()),
        smalltalk_seconds(metadata.mtime()),
        smalltalk_seconds(metadata.ctime()),
        nil,
        nil,
    ];
    new_array(vm, &elements)
}

/// Numbers of the system beyond 60 bits do not occur; they would show as 0.
fn number(value: u64) -> Oop {
    i64::try_from(value)
        .ok()
        .and_then(Oop::small_integer)
        .unwrap_or(Oop::small(0))
}

fn access_array(vm: &mut Vm, path: &Path) -> Result<Oop, Failure> {
    let may = [Access::READ_OK, Access::WRITE_OK, Access::EXEC_OK]
        .map(|kind| vm.heap.boolean(access(path, kind).is_ok()));
    new_array(vm, &may)
}

/// Path and number from 1: 1-12 as in the Array of thirteen, 13-15 access, 16 whether it is a
/// link.
fn file_attribute(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let path = path(vm, args, 0)?;
    let number = small_integer(vm, args, 1)?;
    match number {
        1..=12 => {
            let metadata = metadata(vm, &path, false)?;
            let all = stat_array(vm, &path, &metadata)?;
            Ok(vm.heap.slot(all, number as usize - 1))
        }
        13..=15 => {
            let all = access_array(vm, &path)?;
            Ok(vm.heap.slot(all, number as usize - 13))
        }
        16 => {
            let is_link = metadata(vm, &path, true)?.is_symlink();
            Ok(vm.heap.boolean(is_link))
        }
        _ => Err(PrimitiveError::BadArgument.into()),
    }
}

/// The kinds of files in a mode: all bits of the kind, socket, link, regular, block device,
/// directory, character device, pipe.
fn file_masks(vm: &mut Vm, _: Args) -> Result<Oop, Failure> {
    const MASKS: [i32; 8] = [
        0o170000, 0o140000, 0o120000, 0o100000, 0o060000, 0o040000, 0o020000, 0o010000,
    ];
    new_array(vm, &MASKS.map(Oop::small))
}

// === directories ===

/// Path, to an Array of the first name, its attributes and a handle for the rest; nil where the
/// directory is empty.
fn open_directory(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let directory = path(vm, args, 0)?;
    let mut listing = Listing::open(directory).map_err(refused)?;
    let handle = files(vm)?.directories.next_handle();
    let handle = new_byte_array(vm, &handle)?;
    let Some(first) = next_entry(vm, &mut listing, handle)? else {
        return Ok(vm.heap.nil());
    };
    files(vm)?.directories.insert(listing);
    Ok(first)
}

/// Array of name, attributes (nil where they cannot be had) and `third`.
fn next_entry(vm: &mut Vm, listing: &mut Listing, third: Oop) -> Result<Option<Oop>, Failure> {
    let Some(name) = listing.next_name() else {
        return Ok(None);
    };
    let path = listing.directory.join(&name);
    let name = new_byte_array(vm, name.as_bytes())?;
    let attributes = match fs::metadata(&path) {
        Ok(metadata) => stat_array(vm, &path, &metadata)?,
        Err(_) => vm.heap.nil(),
    };
    new_array(vm, &[name, attributes, third]).map(Some)
}

/// Room for an entry, so that a listing does not go on where its entry cannot be made.
const ENTRY_BYTES: usize = Heap::bytes_for(13) + Heap::bytes_for(3) + 2 * 4200;

/// Handle, to the Array of the next name; nil at the end.
fn read_directory(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    with_listing(vm, args, |_| Ok(()))
}

/// Handle, to the Array of the first name again; nil where there is none.
fn rewind_directory(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    with_listing(vm, args, |listing| listing.rewind().map_err(refused))
}

fn with_listing(
    vm: &mut Vm,
    args: Args,
    prepare: fn(&mut Listing) -> Result<(), Failure>,
) -> Result<Oop, Failure> {
    vm.heap.reserve(ENTRY_BYTES)?;
    let handle = bytes(vm, args, 0)?.to_vec();
    let mut listing = files(vm)?
        .directories
        .take(&handle)
        .ok_or(PrimitiveError::BadArgument)?;
    let nil = vm.heap.nil();
    let result = prepare(&mut listing).and_then(|()| next_entry(vm, &mut listing, nil));
    files(vm)?.directories.put_back(&handle, listing);
    Ok(result?.unwrap_or(nil))
}

/// Handle, to itself.
fn close_directory(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let handle = bytes(vm, args, 0)?.to_vec();
    files(vm)?
        .directories
        .remove(&handle)
        .ok_or(PrimitiveError::BadArgument)?;
    argument(vm, args, 0)
}

// === owners and modes ===

/// Path and mode, to nil.
fn change_mode(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let path = path(vm, args, 0)?;
    let mode = number_argument(vm, args, 1)?;
    fs::set_permissions(path, Permissions::from_mode(mode)).map_err(refused)?;
    Ok(vm.heap.nil())
}

/// Path, user and group, to nil.
fn change_owner(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let path = path(vm, args, 0)?;
    let user = number_argument(vm, args, 1)?;
    let group = number_argument(vm, args, 2)?;
    chown(path, Some(user), Some(group)).map_err(refused)?;
    Ok(vm.heap.nil())
}

/// As [`change_owner`], of a link itself.
fn change_owner_of_link(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let path = path(vm, args, 0)?;
    let user = number_argument(vm, args, 1)?;
    let group = number_argument(vm, args, 2)?;
    lchown(path, Some(user), Some(group)).map_err(refused)?;
    Ok(vm.heap.nil())
}

fn number_argument(vm: &Vm, args: Args, index: usize) -> Result<u32, Failure> {
    u32::try_from(small_integer(vm, args, index)?).map_err(|_| PrimitiveError::BadArgument.into())
}

// === the module ===

/// The system's paths are UTF-8 already: a copy.
fn same_path(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let path = bytes(vm, args, 0)?.to_vec();
    new_byte_array(vm, &path)
}

fn path_max(_: &mut Vm, _: Args) -> Result<Oop, Failure> {
    Ok(Oop::small(PATH_BYTES_MAX))
}

fn version(vm: &mut Vm, _: Args) -> Result<Oop, Failure> {
    new_string(vm, env!("CARGO_PKG_VERSION").as_bytes())
}
