//! Modules FilePlugin and FileAttributesPlugin, through their primitives.

use std::fs;
use std::io::{Read, Seek, Write};
use std::os::unix::ffi::OsStrExt;

use imprint_model::Oop;
use imprint_vm::PrimitiveError::{
    BadArgument, BadIndex, Generic, NoModification, NotFound, Unsupported,
};
use tempfile::TempDir;

use super::{Files, StandardFiles};
use crate::testing::World;

const FILES: &str = "FilePlugin";
const ATTRIBUTES: &str = "FileAttributesPlugin";

fn i(value: i32) -> Oop {
    Oop::small(value)
}

struct Folder {
    world: World,
    directory: TempDir,
}

impl Folder {
    fn new() -> Folder {
        Folder {
            world: World::new(),
            directory: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&mut self, name: &str) -> Oop {
        let path = self.directory.path().join(name);
        self.world.bytes(path.as_os_str().as_bytes())
    }

    fn open(&mut self, name: &str, is_writable: bool) -> Oop {
        let path = self.path(name);
        let is_writable = self.world.boolean(is_writable);
        self.call("primitiveFileOpen", &[path, is_writable])
    }

    fn call(&mut self, name: &str, arguments: &[Oop]) -> Oop {
        self.world.call(FILES, name, arguments).unwrap()
    }

    fn write(&mut self, name: &str, text: &str) {
        fs::write(self.directory.path().join(name), text).unwrap();
    }
}

#[test]
fn what_was_written_is_read_back() {
    let mut folder = Folder::new();
    let file = folder.open("a.txt", true);
    let text = folder.world.string("hello world");
    assert_eq!(
        folder.call("primitiveFileWrite", &[file, text, i(1), i(11)]),
        i(11)
    );
    assert_eq!(folder.call("primitiveFileSize", &[file]), i(11));
    assert_eq!(folder.call("primitiveFileGetPosition", &[file]), i(11));
    let (yes, no) = (folder.world.boolean(true), folder.world.boolean(false));
    assert_eq!(folder.call("primitiveFileAtEnd", &[file]), yes);
    folder.call("primitiveFileSetPosition", &[file, i(6)]);
    assert_eq!(folder.call("primitiveFileAtEnd", &[file]), no);
    let buffer = folder.world.bytes(&[0; 8]);
    assert_eq!(
        folder.call("primitiveFileRead", &[file, buffer, i(2), i(7)]),
        i(5)
    );
    assert_eq!(folder.world.contents(buffer), b"\0world\0\0");
    assert_eq!(
        folder.call("primitiveFileRead", &[file, buffer, i(1), i(8)]),
        i(0)
    );
    folder.call("primitiveFileTruncate", &[file, i(4)]);
    assert_eq!(folder.call("primitiveFileGetPosition", &[file]), i(4));
    folder.call("primitiveFileFlush", &[file]);
    folder.call("primitiveFileSync", &[file]);
    folder.call("primitiveFileClose", &[file]);
    folder
        .world
        .fails(FILES, "primitiveFileClose", &[file], BadArgument);
    folder
        .world
        .fails(FILES, "primitiveFileSize", &[file], BadArgument);
    assert_eq!(
        fs::read(folder.directory.path().join("a.txt")).unwrap(),
        b"hell"
    );
}

#[test]
fn buffers_are_checked_before_anything_is_read() {
    let mut folder = Folder::new();
    folder.write("a.txt", "hello");
    let file = folder.open("a.txt", false);
    let buffer = folder.world.bytes(&[0; 4]);
    let read = "primitiveFileRead";
    for (start, count) in [(0, 1), (1, 5), (5, 1), (1, -1)] {
        folder
            .world
            .fails(FILES, read, &[file, buffer, i(start), i(count)], BadIndex);
    }
    assert_eq!(folder.call(read, &[file, buffer, i(5), i(0)]), i(0));
    folder
        .world
        .fails(FILES, read, &[file, i(1), i(1), i(1)], BadArgument);
    folder.world.vm.heap.set_read_only(buffer, true);
    folder
        .world
        .fails(FILES, read, &[file, buffer, i(1), i(1)], NoModification);
    assert_eq!(folder.call("primitiveFileGetPosition", &[file]), i(0));
    folder.world.fails(
        FILES,
        "primitiveFileWrite",
        &[file, buffer, i(1), i(1)],
        Generic,
    );
    folder.world.fails(
        FILES,
        "primitiveFileSetPosition",
        &[file, i(-1)],
        BadArgument,
    );
}

#[test]
fn words_are_counted_as_elements() {
    let mut folder = Folder::new();
    folder.write("a", "abcdefgh");
    let file = folder.open("a", false);
    let class = folder
        .world
        .vm
        .heap
        .class_at(imprint_model::ClassIndex::BITMAP)
        .unwrap();
    let words = folder.world.vm.heap.instantiate(class, 3).unwrap();
    assert_eq!(
        folder.call("primitiveFileRead", &[file, words, i(2), i(2)]),
        i(2)
    );
    assert_eq!(folder.world.contents(words), b"\0\0\0\0abcdefgh");
}

#[test]
fn what_is_not_there_is_not_found() {
    let mut folder = Folder::new();
    let path = folder.path("missing");
    let no = folder.world.boolean(false);
    folder
        .world
        .fails(FILES, "primitiveFileOpen", &[path, no], NotFound);
    folder
        .world
        .fails(FILES, "primitiveFileDelete", &[path], NotFound);
    folder
        .world
        .fails(FILES, "primitiveDirectoryLookup", &[path, i(1)], NotFound);
    folder
        .world
        .fails(FILES, "primitiveFileOpen", &[no, no], BadArgument);
    folder
        .world
        .fails(FILES, "primitiveFileOpen", &[path, path], BadArgument);
    let odd = folder.world.bytes(b"a\0b");
    folder
        .world
        .fails(FILES, "primitiveFileOpen", &[odd, no], BadArgument);
    let directory = folder.path("");
    assert!(
        folder
            .world
            .call(FILES, "primitiveFileOpen", &[directory, no])
            .is_err()
    );
    let exists = folder
        .world
        .call(ATTRIBUTES, "primitiveFileExists", &[path]);
    assert_eq!(exists, Ok(no));
}

#[test]
fn files_are_renamed_and_deleted() {
    let mut folder = Folder::new();
    folder.write("old", "text");
    let (old, new) = (folder.path("old"), folder.path("new"));
    folder.call("primitiveFileRename", &[old, new]);
    assert!(folder.directory.path().join("new").exists());
    folder.call("primitiveFileDelete", &[new]);
    assert!(!folder.directory.path().join("new").exists());
}

#[test]
fn directories_are_made_listed_and_removed() {
    let mut folder = Folder::new();
    let inner = folder.path("inner");
    folder.call("primitiveDirectoryCreate", &[inner]);
    assert!(
        folder
            .world
            .call(FILES, "primitiveDirectoryCreate", &[inner])
            .is_err()
    );
    folder.write("a.txt", "hello");
    let whole = folder.path("");
    let first = folder.call("primitiveDirectoryLookup", &[whole, i(1)]);
    let name = folder.world.slot(first, 0);
    assert_eq!(folder.world.contents(name), b"a.txt");
    assert_eq!(folder.world.slot(first, 4), i(5));
    let second = folder.call("primitiveDirectoryLookup", &[whole, i(2)]);
    assert_eq!(folder.world.slot(second, 3), folder.world.boolean(true));
    let nil = folder.world.vm.heap.nil();
    assert_eq!(folder.call("primitiveDirectoryLookup", &[whole, i(3)]), nil);
    let name = folder.world.string("a.txt");
    let entry = folder.call("primitiveDirectoryEntry", &[whole, name]);
    assert_eq!(folder.world.slot(entry, 4), i(5));
    let missing = folder.world.string("missing");
    assert_eq!(
        folder.call("primitiveDirectoryEntry", &[whole, missing]),
        nil
    );
    folder.call("primitiveDirectoryDelete", &[inner]);
    assert_eq!(
        folder.call("primitiveDirectoryDelimitor", &[]),
        Oop::character(47)
    );
}

#[test]
fn listings_go_through_a_directory_and_begin_again() {
    let mut folder = Folder::new();
    let whole = folder.path("");
    let nil = folder.world.vm.heap.nil();
    assert_eq!(
        folder.world.call(ATTRIBUTES, "primitiveOpendir", &[whole]),
        Ok(nil)
    );
    folder.write("a", "1");
    folder.write("b", "22");
    let first = folder
        .world
        .call(ATTRIBUTES, "primitiveOpendir", &[whole])
        .unwrap();
    let handle = folder.world.slot(first, 2);
    let attributes = folder.world.slot(first, 1);
    assert_eq!(folder.world.slot(attributes, 7), i(1));
    let second = folder
        .world
        .call(ATTRIBUTES, "primitiveReaddir", &[handle])
        .unwrap();
    let name = folder.world.slot(second, 0);
    assert_eq!(folder.world.contents(name), b"b");
    assert_eq!(
        folder.world.call(ATTRIBUTES, "primitiveReaddir", &[handle]),
        Ok(nil)
    );
    let again = folder
        .world
        .call(ATTRIBUTES, "primitiveRewinddir", &[handle])
        .unwrap();
    let name = folder.world.slot(again, 0);
    assert_eq!(folder.world.contents(name), b"a");
    assert_eq!(
        folder
            .world
            .call(ATTRIBUTES, "primitiveClosedir", &[handle]),
        Ok(handle)
    );
    folder
        .world
        .fails(ATTRIBUTES, "primitiveReaddir", &[handle], BadArgument);
}

#[test]
fn attributes_are_those_of_the_system() {
    let mut folder = Folder::new();
    folder.write("a", "12345");
    let path = folder.path("a");
    let stat = folder
        .world
        .call(ATTRIBUTES, "primitiveFileAttributes", &[path, i(1)])
        .unwrap();
    assert_eq!(folder.world.vm.heap.slot_count(stat), 13);
    assert_eq!(folder.world.slot(stat, 7), i(5));
    let both = folder
        .world
        .call(ATTRIBUTES, "primitiveFileAttributes", &[path, i(3)])
        .unwrap();
    let access = folder.world.slot(both, 1);
    assert_eq!(folder.world.slot(access, 0), folder.world.boolean(true));
    assert_eq!(folder.world.slot(access, 2), folder.world.boolean(false));
    folder.world.fails(
        ATTRIBUTES,
        "primitiveFileAttributes",
        &[path, i(0)],
        BadArgument,
    );
    let size = folder
        .world
        .call(ATTRIBUTES, "primitiveFileAttribute", &[path, i(8)]);
    assert_eq!(size, Ok(i(5)));
    folder.world.fails(
        ATTRIBUTES,
        "primitiveFileAttribute",
        &[path, i(17)],
        BadArgument,
    );
    folder
        .world
        .call(ATTRIBUTES, "primitiveChangeMode", &[path, i(0o400)])
        .unwrap();
    let mode = folder
        .world
        .call(ATTRIBUTES, "primitiveFileAttribute", &[path, i(2)]);
    assert_eq!(mode, Ok(i(0o100400)));
}

#[test]
fn links_are_followed_unless_asked_otherwise() {
    let mut folder = Folder::new();
    folder.write("target", "12345");
    let directory = folder.directory.path();
    std::os::unix::fs::symlink("target", directory.join("link")).unwrap();
    let path = folder.path("link");
    let stat = folder
        .world
        .call(ATTRIBUTES, "primitiveFileAttributes", &[path, i(1)])
        .unwrap();
    assert_eq!(folder.world.slot(stat, 7), i(5));
    let stat = folder
        .world
        .call(ATTRIBUTES, "primitiveFileAttributes", &[path, i(5)])
        .unwrap();
    let target = folder.world.slot(stat, 0);
    assert_eq!(folder.world.contents(target), b"target");
    let is_link = folder
        .world
        .call(ATTRIBUTES, "primitiveFileAttribute", &[path, i(16)]);
    assert_eq!(is_link, Ok(folder.world.boolean(true)));
}

#[test]
fn standard_streams_are_files_too() {
    let mut folder = Folder::new();
    let mut input = tempfile::tempfile().unwrap();
    input.write_all(b"typed").unwrap();
    input.rewind().unwrap();
    let mut output = tempfile::tempfile().unwrap();
    let standard = StandardFiles {
        input,
        output: output.try_clone().unwrap(),
        error: tempfile::tempfile().unwrap(),
    };
    let files = folder.world.vm.extensions.get_mut::<Files>().unwrap();
    files.set_standard(standard);
    let handles = folder.call("primitiveFileStdioHandles", &[]);
    let text = folder.world.string("olleh\n");
    let stdout = folder.world.slot(handles, 1);
    assert_eq!(
        folder.call("primitiveFileWrite", &[stdout, text, i(1), i(6)]),
        i(6)
    );
    output.rewind().unwrap();
    let mut written = String::new();
    output.read_to_string(&mut written).unwrap();
    assert_eq!(written, "olleh\n");
    let stdin = folder.world.slot(handles, 0);
    let buffer = folder.world.bytes(&[0; 5]);
    assert_eq!(
        folder.call("primitiveFileRead", &[stdin, buffer, i(1), i(5)]),
        i(5)
    );
    assert_eq!(folder.world.contents(buffer), b"typed");
    assert!(
        folder
            .world
            .call(FILES, "primitiveFileWrite", &[stdin, text, i(1), i(1)])
            .is_err()
    );
}

#[test]
fn a_stream_signals_input_and_its_end() {
    let mut folder = Folder::new();
    let (read_end, mut write_end) = std::io::pipe().unwrap();
    let null = || fs::File::open("/dev/null").unwrap();
    let standard = StandardFiles {
        input: fs::File::from(std::os::fd::OwnedFd::from(read_end)),
        output: null(),
        error: null(),
    };
    let files = folder.world.vm.extensions.get_mut::<Files>().unwrap();
    files.set_standard(standard);
    let handles = folder.call("primitiveFileStdioHandles", &[]);
    let stdin = folder.world.slot(handles, 0);
    folder.call("primitiveWaitForDataWithSemaphore", &[stdin, i(3)]);
    assert_eq!(folder.world.reactor.poll(), []);
    write_end.write_all(b"x").unwrap();
    folder.world.await_signal(3);
    let buffer = folder.world.bytes(&[0; 5]);
    let read = [stdin, buffer, i(1), i(5)];
    assert_eq!(folder.call("primitiveFileRead", &read), i(1));
    let (yes, no) = (folder.world.boolean(true), folder.world.boolean(false));
    assert_eq!(folder.call("primitiveFileAtEnd", &[stdin]), no);
    drop(write_end);
    // The copy that later calls hand out keeps nothing open for writing.
    assert_eq!(folder.call("primitiveFileRead", &read), i(0));
    assert_eq!(folder.call("primitiveFileAtEnd", &[stdin]), yes);
    assert_eq!(folder.call("primitiveFileSize", &[stdin]), i(0));
    assert!(
        folder
            .world
            .call(FILES, "primitiveFileSetPosition", &[stdin, i(0)])
            .is_err()
    );
}

#[test]
fn descriptors_are_told_apart() {
    let mut folder = Folder::new();
    assert_eq!(folder.call("primitiveFileDescriptorType", &[i(9999)]), i(0));
}

#[test]
fn a_descriptor_of_the_process_becomes_a_file_and_outlives_its_closing() {
    use std::os::fd::AsRawFd;

    let mut folder = Folder::new();
    let (read_end, write_end) = std::io::pipe().unwrap();
    let number = i(write_end.as_raw_fd());
    let yes = folder.world.boolean(true);
    let handle = folder.call("primitiveConnectToFileDescriptor", &[number, yes]);
    let text = folder.world.string("olleh");
    let written = folder.call("primitiveFileWrite", &[handle, text, i(1), i(5)]);
    assert_eq!(written, i(5));
    folder.call("primitiveFileClose", &[handle]);
    (&write_end).write_all(b"!").unwrap();
    drop(write_end);
    let mut all = String::new();
    (&read_end).read_to_string(&mut all).unwrap();
    assert_eq!(all, "olleh!");
    for (number, is_writable, error) in [
        (i(-1), yes, BadArgument),
        (i(1), number, BadArgument),
        (i(1_000_000), yes, NotFound),
    ] {
        let operands = [number, is_writable];
        let name = "primitiveConnectToFileDescriptor";
        folder.world.fails(FILES, name, &operands, error);
    }
    let address = folder.world.bytes(&[0; 8]);
    let name = "primitiveConnectToFile";
    folder
        .world
        .fails(FILES, name, &[address, yes], Unsupported);
}
