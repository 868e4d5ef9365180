//! The primitives of module `FilePlugin`. Operands are counted from 0 after the receiver, which
//! none of them reads. A file is named by its handle, a path by a String or ByteArray.

use std::fs;
use std::io::IsTerminal;
use std::ops::Range;
use std::os::unix::fs::FileTypeExt;
use std::path::PathBuf;

use imprint_model::Oop;
use imprint_vm::primitives::arguments::{
    argument, boolean, bytes, bytes_object, check_writable, new_array, new_byte_array, object,
    small_integer, unsigned_64,
};
use imprint_vm::{Args, Failure, Primitive, PrimitiveError, Vm};

use super::directories::{directory_entry, directory_lookup};
use super::{Files, OpenFile, path_of, refused};

/// Bytes of the type or creator of a file on the systems that have them.
const MAC_CODE_BYTES: usize = 4;

/// Name and function of each primitive.
pub const PRIMITIVES: &[(&str, Primitive)] = &[
    ("primitiveConnectToFile", connect_to_file),
    ("primitiveConnectToFileDescriptor", connect_to_descriptor),
    ("primitiveDirectoryCreate", directory_create),
    ("primitiveDirectoryDelete", directory_delete),
    ("primitiveDirectoryDelimitor", directory_delimiter),
    ("primitiveDirectoryEntry", directory_entry),
    ("primitiveDirectoryGetMacTypeAndCreator", mac_type),
    ("primitiveDirectoryLookup", directory_lookup),
    ("primitiveFileAtEnd", at_end),
    ("primitiveFileClose", close),
    ("primitiveFileDelete", delete),
    ("primitiveFileDescriptorType", descriptor_type),
    ("primitiveFileFlush", flush),
    ("primitiveFileGetPosition", position),
    ("primitiveFileOpen", open),
    ("primitiveFileRead", read),
    ("primitiveFileRename", rename),
    ("primitiveFileSetPosition", set_position),
    ("primitiveFileSize", size),
    ("primitiveFileStdioHandles", standard_handles),
    ("primitiveFileSync", sync),
    ("primitiveFileTruncate", truncate),
    ("primitiveFileWrite", write),
    ("primitiveWaitForDataWithSemaphore", wait_for_data),
];

pub(super) fn files(vm: &mut Vm) -> Result<&mut Files, Failure> {
    vm.extensions
        .get_mut::<Files>()
        .ok_or(PrimitiveError::Unsupported.into())
}

/// The open file that the first argument names.
fn file(vm: &mut Vm, args: Args) -> Result<&mut OpenFile, Failure> {
    let handle = bytes(vm, args, 0)?.to_vec();
    files(vm)?
        .files
        .get_mut(&handle)
        .ok_or(PrimitiveError::BadArgument.into())
}

/// The path in an argument.
pub(super) fn path(vm: &Vm, args: Args, index: usize) -> Result<PathBuf, Failure> {
    Ok(path_of(bytes(vm, args, index)?))
}

/// A position or size in an argument.
fn file_size(vm: &Vm, args: Args, index: usize) -> Result<u64, Failure> {
    let oop = argument(vm, args, index)?;
    unsigned_64(vm, oop)
        .filter(|size| i64::try_from(*size).is_ok())
        .ok_or(PrimitiveError::BadArgument.into())
}

fn integer(value: u64) -> Result<Oop, Failure> {
    i64::try_from(value)
        .ok()
        .and_then(Oop::small_integer)
        .ok_or(PrimitiveError::Generic.into())
}

// === opening and closing ===

/// Path and whether to write, to a handle.
fn open(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let path = path(vm, args, 0)?;
    let is_writable = boolean(vm, args, 1)?;
    let handle = new_handle(vm)?;
    let opened = OpenFile::open(&path, is_writable);
    let files = files(vm)?;
    let file = opened.map_err(|error| {
        files.note_missing(&path, &error);
        refused(error)
    })?;
    files.files.insert(file);
    Ok(handle)
}

/// The handle that the next file gets.
fn new_handle(vm: &mut Vm) -> Result<Oop, Failure> {
    let handle = files(vm)?.files.next_handle();
    new_byte_array(vm, &handle)
}

/// Array of the handles of stdin, stdout and stderr.
fn standard_handles(vm: &mut Vm, _: Args) -> Result<Oop, Failure> {
    let nil = vm.heap.nil();
    // The bytes of three handles and an Array, before anything is opened.
    vm.heap.reserve(imprint_heap::Heap::bytes_for(3) * 4)?;
    let standard = files(vm)?.take_standard().map_err(refused)?;
    let array = new_array(vm, &[nil; 3])?;
    let all = [
        OpenFile::around(standard.input, false),
        OpenFile::standard_output(standard.output),
        OpenFile::standard_output(standard.error),
    ];
    for (index, file) in all.into_iter().enumerate() {
        let handle = new_handle(vm)?;
        files(vm)?.files.insert(file);
        vm.heap.store(array, index, handle);
    }
    Ok(array)
}

/// The address of a stream of the C library: this machine has none.
fn connect_to_file(_: &mut Vm, _: Args) -> Result<Oop, Failure> {
    Err(PrimitiveError::Unsupported.into())
}

/// Number of a descriptor of the process and whether to write, to a handle; closing it leaves the
/// descriptor open.
fn connect_to_descriptor(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let number = small_integer(vm, args, 0)?;
    let is_writable = boolean(vm, args, 1)?;
    if number < 0 {
        return Err(PrimitiveError::BadArgument.into());
    }
    let handle = new_handle(vm)?;
    let standard = files(vm)?.take_standard().map_err(refused)?;
    let file = match number {
        0 => OpenFile::around(standard.input, is_writable),
        1 => OpenFile::standard_output(standard.output),
        2 => OpenFile::standard_output(standard.error),
        _ => descriptor(number, is_writable).map_err(refused)?,
    };
    files(vm)?.files.insert(file);
    Ok(handle)
}

/// What a descriptor leads to, opened once more.
fn descriptor(number: i64, is_writable: bool) -> std::io::Result<OpenFile> {
    let mut options = fs::File::options();
    options.read(!is_writable).write(is_writable);
    let file = options.open(format!("/proc/self/fd/{number}"))?;
    Ok(OpenFile::around(file, is_writable))
}

fn close(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let handle = bytes(vm, args, 0)?.to_vec();
    if !files(vm)?.close(&handle) {
        return Err(PrimitiveError::BadArgument.into());
    }
    Ok(args.receiver(vm))
}

// === data ===

/// The raw object in argument 1, the range of its bytes that arguments 2 (an element, from 1) and
/// 3 (a count of elements) mean, and the bytes of an element.
fn buffer_range(vm: &Vm, args: Args) -> Result<(Oop, Range<usize>, usize), Failure> {
    let buffer = object(vm, args, 1)?;
    let format = vm.heap.format(buffer);
    if !format.is_raw() {
        return Err(PrimitiveError::BadArgument.into());
    }
    let size = vm.heap.indexable_size(buffer) as i64;
    let start = small_integer(vm, args, 2)?;
    let count = small_integer(vm, args, 3)?;
    let is_inside = start >= 1 && count >= 0 && start - 1 <= size && count <= size - (start - 1);
    if !is_inside {
        return Err(PrimitiveError::BadIndex.into());
    }
    let element = format.element_bytes();
    let first = (start as usize - 1) * element;
    Ok((buffer, first..first + count as usize * element, element))
}

/// File, buffer, start, count, to the number of elements read; 0 at the end.
fn read(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    file(vm, args)?;
    let (buffer, range, element) = buffer_range(vm, args)?;
    check_writable(vm, buffer)?;
    let handle = bytes(vm, args, 0)?.to_vec();
    let file = vm
        .extensions
        .get_mut::<Files>()
        .and_then(|files| files.files.get_mut(&handle))
        .ok_or(PrimitiveError::BadArgument)?;
    let count = file
        .read(&mut vm.heap.bytes_mut(buffer)[range])
        .map_err(refused)?;
    Ok(Oop::index(count / element))
}

/// File, buffer, start, count, to the number of elements written, which is the count.
fn write(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    file(vm, args)?;
    let (buffer, range, element) = buffer_range(vm, args)?;
    let count = range.len() / element;
    let handle = bytes(vm, args, 0)?.to_vec();
    let files = vm
        .extensions
        .get_mut::<Files>()
        .ok_or(PrimitiveError::Unsupported)?;
    let is_quiet = files.is_quiet;
    let file = files.files.get_mut(&handle);
    let file = file.ok_or(PrimitiveError::BadArgument)?;
    if is_quiet && file.is_standard_output {
        return Ok(Oop::index(count));
    }
    file.write(&vm.heap.bytes(buffer)[range]).map_err(refused)?;
    Ok(Oop::index(count))
}

/// File and semaphore index.
fn wait_for_data(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let handle = bytes(vm, args, 0)?.to_vec();
    let semaphore =
        usize::try_from(small_integer(vm, args, 1)?).map_err(|_| PrimitiveError::BadArgument)?;
    if !files(vm)?.watch(&handle, semaphore).map_err(refused)? {
        return Err(PrimitiveError::BadArgument.into());
    }
    Ok(args.receiver(vm))
}

// === positions ===

fn at_end(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let at_end = file(vm, args)?.at_end().map_err(refused)?;
    Ok(vm.heap.boolean(at_end))
}

fn size(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    integer(file(vm, args)?.size().map_err(refused)?)
}

fn position(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    integer(file(vm, args)?.position().map_err(refused)?)
}

fn set_position(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let position = file_size(vm, args, 1)?;
    file(vm, args)?.set_position(position).map_err(refused)?;
    Ok(args.receiver(vm))
}

fn truncate(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let size = file_size(vm, args, 1)?;
    file(vm, args)?.truncate(size).map_err(refused)?;
    Ok(args.receiver(vm))
}

/// Nothing is held back, so there is nothing to do.
fn flush(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    file(vm, args)?;
    Ok(args.receiver(vm))
}

fn sync(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let file = file(vm, args)?;
    if file.is_regular {
        file.file.sync_all().map_err(refused)?;
    }
    Ok(args.receiver(vm))
}

// === names ===

fn delete(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    fs::remove_file(path(vm, args, 0)?).map_err(refused)?;
    Ok(args.receiver(vm))
}

/// Old path, new path; a file with the new one is replaced.
fn rename(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    fs::rename(path(vm, args, 0)?, path(vm, args, 1)?).map_err(refused)?;
    Ok(args.receiver(vm))
}

fn directory_create(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    fs::create_dir(path(vm, args, 0)?).map_err(refused)?;
    Ok(args.receiver(vm))
}

fn directory_delete(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    fs::remove_dir(path(vm, args, 0)?).map_err(refused)?;
    Ok(args.receiver(vm))
}

fn directory_delimiter(_: &mut Vm, _: Args) -> Result<Oop, Failure> {
    Ok(Oop::character(u32::from('/')))
}

/// Path, and two byte objects for codes of four bytes that files had on other systems: here they have
/// none, so the objects stay as they are.
fn mac_type(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let path = path(vm, args, 0)?;
    for index in [1, 2] {
        let code = bytes_object(vm, args, index)?;
        if vm.heap.bytes(code).len() != MAC_CODE_BYTES {
            return Err(PrimitiveError::BadArgument.into());
        }
    }
    fs::metadata(path).map_err(refused)?;
    Ok(args.receiver(vm))
}

/// Number of a descriptor, to what it leads to: 0 nothing, 1 a terminal, 2 a pipe or socket, 3 a
/// file.
fn descriptor_type(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let number = small_integer(vm, args, 0)?;
    let is_terminal = match number {
        0 => std::io::stdin().is_terminal(),
        1 => std::io::stdout().is_terminal(),
        2 => std::io::stderr().is_terminal(),
        _ => false,
    };
    if is_terminal {
        return Ok(Oop::small(1));
    }
    let kind = match fs::metadata(format!("/proc/self/fd/{number}")) {
        Ok(metadata) if metadata.file_type().is_fifo() || metadata.file_type().is_socket() => 2,
        Ok(_) => 3,
        Err(_) => 0,
    };
    Ok(Oop::small(kind))
}
