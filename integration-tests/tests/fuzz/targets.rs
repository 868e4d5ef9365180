//! What is fuzzed: each target takes bytes of anybody and must neither panic nor hang; it answers whether
//! they were taken, so that the tests see that their inputs come that far. `cargo fuzz` and the tests
//! beside this file call the same functions.

#[path = "../../../shared/image/tests/files/narrow.rs"]
mod narrow;
#[path = "records.rs"]
pub mod records;
#[allow(dead_code, reason = "its tests use more of it")]
#[path = "../../../shared/image/tests/files/world.rs"]
mod world;

use std::cell::RefCell;
use std::sync::LazyLock;

use imprint_bootstrap::{build, compile_expression, compile_for, embedded_packages};
use imprint_heap::{Collection, Heap, HeapSettings, NoRoots, Safepoint};
use imprint_image::sealed::Form;
use imprint_image::{read_image, spur_bytes};
use imprint_isa::draft_bytes::packed::{Bundle, Packer, Unpacker};
use imprint_isa::verifier::verify;
use imprint_isa::{
    BehaviorName, Body, LocalObject, Miss, ObjectDraft, Package, Placed, Ref, draft_bytes,
};
use imprint_loader::{SourceFile, read_archive, read_packages, read_project, ston};
use imprint_model::Format;
use imprint_package::export::Extras;
use imprint_package::file::{FORM, read_packages as read_packages_of, write_packages};
use imprint_package::plan::plan;
use imprint_package::{Exporter, SigningKey};
use imprint_vm::extract::{Customs, ImageIndex};
use imprint_vm::install::Names;
use imprint_wire::message::{Event, Hello, Level, MasterMessage, SlaveMessage};
use imprint_wire::untrusted::{master_bytes, slave_bytes};

/// A target: its name, which is that of its corpus, and what it does.
pub type Target = (&'static str, fn(&[u8]) -> bool);

/// All targets.
#[allow(dead_code, reason = "cargo-fuzz has a program for each")]
pub const TARGETS: &[Target] = &[
    ("compact_image", compact_image),
    ("spur_image", spur_image),
    ("foreign_image", foreign_image),
    ("verifier", verifier),
    ("compiler", compiler),
    ("tonel", tonel),
    ("filetree", filetree),
    ("file_out", file_out),
    ("ston", read_ston),
    ("metacello", metacello),
    ("monticello", monticello),
    ("http_head", http_head),
    ("wire", wire),
    ("bundle", bundle),
    ("package", package),
    ("trace", records::trace),
    ("replay_log", records::replay_log),
];

/// Objects of an image may take this much: a file that claims more is refused before it is read.
const LIMIT_BYTES: usize = 64 << 20;

fn settings() -> HeapSettings {
    HeapSettings {
        eden_bytes: 64 << 10,
        limit_bytes: LIMIT_BYTES,
        ..HeapSettings::default()
    }
}

/// What was taken must be whole, and survive being collected.
fn use_heap(mut heap: Heap) {
    heap.verify(&mut NoRoots).expect("what was taken is whole");
    heap.collect(
        Safepoint::at_interpreter_loop(),
        Collection::Full,
        &mut NoRoots,
    );
    heap.verify(&mut NoRoots).expect("and stays so");
}

/// The body of a compact image; a changed byte of the file itself does not get beyond the checksum.
pub fn compact_image(bytes: &[u8]) -> bool {
    const COMPACT: Form = Form {
        magic: b"IMPRINT",
        version: 1,
    };
    is_image(bytes) | is_image(&COMPACT.seal_plainly(bytes))
}

/// An image file in any format.
fn is_image(file: &[u8]) -> bool {
    let image = read_image(file, settings());
    image.map(|image| use_heap(image.heap)).is_ok()
}

/// A Spur file that is whole but for what the bytes say: groups of eleven, three for the place and
/// eight for the word that stands there.
pub fn spur_image(bytes: &[u8]) -> bool {
    static WHOLE: LazyLock<Vec<u8>> = LazyLock::new(kernel_image);
    is_image(&changed(&WHOLE, bytes))
}

/// The same of a file of narrow words or the other byte order; the first byte says which.
pub fn foreign_image(bytes: &[u8]) -> bool {
    static FILES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
        let world = world::world();
        let layouts = narrow::LAYOUTS.iter();
        layouts
            .map(|(_, layout)| narrow::written(&world, *layout))
            .collect()
    });
    let Some((which, changes)) = bytes.split_first() else {
        return false;
    };
    is_image(&changed(&FILES[usize::from(*which) % FILES.len()], changes))
}

fn changed(whole: &[u8], changes: &[u8]) -> Vec<u8> {
    let mut file = whole.to_vec();
    for change in changes.chunks_exact(11) {
        let place = u32::from_le_bytes([change[0], change[1], change[2], 0]) as usize;
        let at = place.wrapping_mul(8) % (file.len() - 8);
        file[at..at + 8].copy_from_slice(&change[3..]);
    }
    file
}

fn kernel_image() -> Vec<u8> {
    let packages = embedded_packages(|_| false).expect("the kernel can be read");
    let heap = Heap::new(HeapSettings::for_builder()).expect("address space is there");
    let built = build(&packages, heap, |heap, names| {
        let outside = Box::new(imprint_host::LocalOutside::new().expect("descriptors are there"));
        let mut vm = imprint_vm::Vm::new(heap, outside, imprint_vm::VmSettings::default());
        vm.names = names;
        vm
    });
    spur_bytes(&built.expect("the kernel builds").vm.heap).expect("it can be written")
}

/// Bytes of a draft: what can be decoded is verified, and has the same bytes again.
pub fn verifier(bytes: &[u8]) -> bool {
    let Ok(draft) = draft_bytes::decode(bytes) else {
        return false;
    };
    assert_eq!(
        draft_bytes::encode(&draft),
        bytes,
        "one form for each draft"
    );
    let is_sound = verify(&draft, None).is_ok();
    // Whether it is refused for a class of three fields does not matter here.
    let _ = verify(&draft, Some(3));
    is_sound
}

/// Calls what needs the kernel, or its names.
fn with_kernel<T>(call: impl FnOnce(&Heap, &Names) -> T) -> T {
    thread_local! {
        static KERNEL: RefCell<Option<(Heap, Names)>> = const { RefCell::new(None) };
    }
    KERNEL.with_borrow_mut(|kernel| {
        let scan = || {
            let image = read_image(&kernel_image(), settings()).expect("we wrote it");
            let names = Names::scan(&image.heap);
            (image.heap, names)
        };
        let (heap, names) = kernel.get_or_insert_with(scan);
        call(heap, names)
    })
}

fn with_names<T>(call: impl FnOnce(&Names) -> T) -> T {
    with_kernel(|_, names| call(names))
}

/// The bytes of an expression's draft.
#[allow(dead_code, reason = "only the tests make corpora")]
pub fn draft_of(expression: &str) -> Vec<u8> {
    let draft = with_names(|names| compile_expression(names, expression));
    draft_bytes::encode(&imprint_isa::Draft::Method(draft.expect("it compiles")))
}

/// Text as an expression and as a method; what compiles must be accepted by the verifier.
pub fn compiler(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let point = BehaviorName::class("Point");
    let drafts = with_names(|names| {
        [
            compile_expression(names, &text),
            compile_for(names, &point, "fuzz", &text),
        ]
    });
    let compiled = drafts.into_iter().flatten();
    let checked = compiled.map(|draft| {
        let draft = imprint_isa::Draft::Method(draft);
        verify(&draft, Some(2)).expect("what the compiler makes is sound");
    });
    checked.count() > 0
}

/// Each line that begins with `==` names a file; its text follows.
fn files_in(text: &str, ends: &'static str) -> Vec<(String, String)> {
    let mut files = vec![(format!("P/First{ends}"), String::new())];
    for line in text.split_inclusive('\n') {
        match line.strip_prefix("==") {
            Some(path) => files.push((path.trim().to_string(), String::new())),
            None => files.last_mut().expect("there is a first").1.push_str(line),
        }
    }
    if files.len() > 1 && files[0].1.is_empty() {
        files.remove(0);
    }
    files
}

fn read_files(bytes: &[u8], ends: &'static str) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let files = files_in(&text, ends);
    let sources = files.iter().map(|(path, text)| SourceFile { path, text });
    read_packages(sources).into_result().is_ok()
}

/// Files of Tonel.
pub fn tonel(bytes: &[u8]) -> bool {
    read_files(bytes, ".class.st")
}

/// Files of FileTree.
pub fn filetree(bytes: &[u8]) -> bool {
    read_files(bytes, ".class/instance/first.st")
}

/// File-outs with bangs, and GNU Smalltalk's brackets.
pub fn file_out(bytes: &[u8]) -> bool {
    read_files(bytes, ".st")
}

/// STON, or JSON, which must be read again as what was written.
pub fn read_ston(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let values = [ston::read(&text), ston::read_json(&text)];
    let read = values.into_iter().flatten().map(|value| {
        let written = ston::write(&value);
        ston::read(&written).expect("what we write we can read");
    });
    read.count() > 0
}

/// A project: its description, baselines and packages.
pub fn metacello(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let files = files_in(&text, ".class.st");
    let sources = files.iter().map(|(path, text)| SourceFile { path, text });
    read_project(sources).is_ok()
}

/// An archive of Monticello.
pub fn monticello(bytes: &[u8]) -> bool {
    read_archive("P.mcz", bytes).into_result().is_ok()
}

/// The head of a request.
pub fn http_head(bytes: &[u8]) -> bool {
    let Ok(Some(head)) = imprint_host::http_head::request_head(bytes) else {
        return false;
    };
    assert!(head.length <= bytes.len());
    true
}

/// The body of a package file: what can be read has bytes that are read as the same again, and the plan
/// to install it into the kernel is made or refused.
pub fn package(bytes: &[u8]) -> bool {
    let Ok(file) = read_packages_of(&FORM.seal_plainly(bytes)) else {
        return false;
    };
    let packages = file.packages;
    let again = write_packages(&packages, None).expect("it can be compressed");
    let again = read_packages_of(&again).expect("what we write we can read");
    assert_eq!(again.packages, packages);
    // Whether it is refused does not matter here.
    let _ = with_kernel(|heap, names| plan(&packages, heap, names).and_then(|plan| plan.verify()));
    true
}

/// Bodies of package files for the corpus: a package of the kernel, and one with a graph of objects,
/// which is signed too.
#[allow(dead_code, reason = "only the tests make corpora")]
pub fn package_bodies() -> [(&'static str, Vec<u8>); 3] {
    let code = with_kernel(|heap, names| {
        let expression = compile_expression(names, "Smalltalk at: #Fuzzed put: #(3 'x' $c)");
        let index = ImageIndex::scan(heap);
        let customs = Customs::default();
        let exporter = Exporter::new(heap, &index, &customs, &|_| Some("text".to_string()));
        let extras = Extras {
            version: "1".into(),
            before: Some(expression.clone().expect("it compiles")),
            after: Some(expression.expect("it compiles")),
            ..Extras::default()
        };
        exporter.packages(&["Packages".into()], &extras)
    });
    let point = |slots| LocalObject::mutable("Point", Format::FIXED, Body::Slots(slots));
    let text = LocalObject::mutable("ByteString", Format::BYTES, Body::Bytes(b"shared".to_vec()));
    let graph = ObjectDraft {
        root: Ref::Global("Fuzzed".into()),
        locals: vec![
            LocalObject::mutable("Array", Format::ARRAY, Body::Slots(vec![Ref::Local(1)])),
            point(vec![Ref::Local(2), Ref::Local(3)]),
            text,
            point(vec![Ref::Local(1), Ref::Local(2)]),
        ],
    };
    let graph = Package {
        name: "Fuzzed".into(),
        objects: vec![graph],
        ..Package::default()
    };
    let document = SigningKey::generate().expect("there are random numbers");
    let key = SigningKey::from_document(&document).expect("it was made a moment ago");
    let body = |packages: &[Package], key| {
        let file = write_packages(packages, key).expect("it can be compressed");
        FORM.open(&file, u64::MAX)
            .expect("it is whole")
            .into_owned()
    };
    let code = code.expect("it can be taken out");
    [
        ("code", body(&code, None)),
        ("graph", body(std::slice::from_ref(&graph), None)),
        ("signed", body(&[graph], Some(&key))),
    ]
}

/// Drafts as a stream has them, packed: what can be read is packed, and read as the same again.
pub fn bundle(bytes: &[u8]) -> bool {
    let Ok(bundle) = Unpacker::default().unpack(bytes) else {
        return false;
    };
    let packed = Packer::default().pack(&bundle);
    let again = Unpacker::default().unpack(&packed);
    assert_eq!(again.expect("what we write we can read"), bundle);
    true
}

/// Two bundles: a method, and a graph of objects with what belongs to it.
#[allow(dead_code, reason = "only the tests make corpora")]
pub fn bundles() -> [(&'static str, Vec<u8>); 2] {
    let method = with_names(|names| compile_expression(names, "#(3 $x) size > 2"));
    let method = imprint_isa::Draft::Method(method.expect("it compiles"));
    let object = ObjectDraft {
        root: Ref::Local(0),
        locals: vec![LocalObject::mutable(
            "Array",
            Format::ARRAY,
            Body::Slots(vec![Ref::Global("Smalltalk".into()), Ref::Local(0)]),
        )],
    };
    let object = imprint_isa::Draft::Object(object);
    let pack = |drafts: Vec<imprint_isa::Draft>| {
        let bundle = Bundle {
            asked: 1,
            placed: drafts.into_iter().map(Placed::nowhere).collect(),
            aliases: Vec::new(),
            classes: vec![("Counter".into(), 1100, 1101)],
        };
        Packer::default().pack(&bundle)
    };
    [
        ("method", pack(vec![method.clone()])),
        ("several", pack(vec![object, method])),
    ]
}

/// What slaves and masters say.
#[allow(dead_code, reason = "only the tests make corpora")]
pub fn messages() -> [(&'static str, Vec<u8>); 6] {
    let missing = vec![Miss::Global("Counter".into()), Miss::ClassIndex(1100)];
    let hello = SlaveMessage::Hello(Hello::empty("0.1.0"));
    let misses = SlaveMessage::Misses {
        sequence: 7,
        misses: missing,
    };
    let line = Event::LogLine(Level::Warning, "it is late".to_string());
    let compiled = with_names(|names| compile_expression(names, "3 + 4"));
    let compiled = MasterMessage::Compiled {
        sequence: 8,
        result: compiled,
    };
    let text = MasterMessage::Text {
        sequence: 9,
        text: Some("increase\n\tcount := count + 1".to_string()),
        line: 2,
        stamp: Some("ada 2026-01-02 10:00:00".to_string()),
    };
    let refused = MasterMessage::Refused {
        sequence: 0,
        reason: "another word size".to_string(),
    };
    [
        ("hello", slave_bytes(hello)),
        ("misses", slave_bytes(misses)),
        ("event", slave_bytes(SlaveMessage::Event(line))),
        ("compiled", master_bytes(compiled)),
        ("text", master_bytes(text)),
        ("no", master_bytes(refused)),
    ]
}

/// Messages of both sides of a stream.
pub fn wire(bytes: &[u8]) -> bool {
    let of_slave = imprint_wire::untrusted::read_slave_message(bytes);
    let of_master = imprint_wire::untrusted::read_master_message(bytes);
    matches!(of_slave, Some(Ok(_))) || matches!(of_master, Some(Ok(_)))
}
