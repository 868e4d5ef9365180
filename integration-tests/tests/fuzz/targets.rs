//! What is fuzzed: each target takes bytes of anybody and must neither panic nor hang. `cargo fuzz`
//! and the tests beside this file call the same functions.

use std::cell::RefCell;
use std::sync::LazyLock;

use imprint_bootstrap::{build, compile_expression, compile_for, embedded_packages};
use imprint_heap::{Collection, Heap, HeapSettings, NoRoots, Safepoint};
use imprint_image::{read_image, spur_bytes};
use imprint_isa::verifier::verify;
use imprint_isa::{BehaviorName, Body, LocalObject, ObjectDraft, Package, Ref, draft_bytes};
use imprint_loader::{SourceFile, read_archive, read_packages, read_project, ston};
use imprint_model::Format;
use imprint_package::export::Extras;
use imprint_package::file::{FORM, read_packages as read_packages_of, write_packages};
use imprint_package::plan::plan;
use imprint_package::{Exporter, SigningKey};
use imprint_vm::extract::{Customs, ImageIndex};
use imprint_vm::install::Names;

/// A target: its name, which is that of its corpus, and what it does.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
#[allow(dead_code, reason = "cargo-fuzz has a program for each")]
pub const TARGETS: &[Target] = &[
    ("compact_image", compact_image),
    ("spur_image", spur_image),
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
    ("package", package),
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

/// An image file in either format; the corpus holds compact ones.
pub fn compact_image(bytes: &[u8]) {
    if let Ok(image) = read_image(bytes, settings()) {
        use_heap(image.heap);
    }
}

/// A Spur file that is whole but for what the bytes say: groups of eleven, three for the place and
/// eight for the word that stands there.
pub fn spur_image(bytes: &[u8]) {
    static WHOLE: LazyLock<Vec<u8>> = LazyLock::new(kernel_image);
    let mut file = WHOLE.clone();
    for change in bytes.chunks_exact(11) {
        let place = u32::from_le_bytes([change[0], change[1], change[2], 0]) as usize;
        let at = place.wrapping_mul(8) % (file.len() - 8);
        file[at..at + 8].copy_from_slice(&change[3..]);
    }
    if let Ok(image) = read_image(&file, settings()) {
        use_heap(image.heap);
    }
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
pub fn verifier(bytes: &[u8]) {
    let Ok(draft) = draft_bytes::decode(bytes) else {
        return;
    };
    assert_eq!(
        draft_bytes::encode(&draft),
        bytes,
        "one form for each draft"
    );
    // Whether it is refused does not matter here.
    let _ = verify(&draft, None);
    let _ = verify(&draft, Some(3));
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
pub fn compiler(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let point = BehaviorName::class("Point");
    let drafts = with_names(|names| {
        [
            compile_expression(names, &text),
            compile_for(names, &point, "fuzz", &text),
        ]
    });
    for draft in drafts.into_iter().flatten() {
        let draft = imprint_isa::Draft::Method(draft);
        verify(&draft, Some(2)).expect("what the compiler makes is sound");
    }
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
    files
}

fn read_files(bytes: &[u8], ends: &'static str) {
    let text = String::from_utf8_lossy(bytes);
    let files = files_in(&text, ends);
    let sources = files.iter().map(|(path, text)| SourceFile { path, text });
    let _ = read_packages(sources).into_result();
}

/// Files of Tonel.
pub fn tonel(bytes: &[u8]) {
    read_files(bytes, ".class.st");
}

/// Files of FileTree.
pub fn filetree(bytes: &[u8]) {
    read_files(bytes, ".class/instance/first.st");
}

/// File-outs with bangs, and GNU Smalltalk's brackets.
pub fn file_out(bytes: &[u8]) {
    read_files(bytes, ".st");
}

/// STON, which must be read again as what was written.
pub fn read_ston(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(value) = ston::read(&text) {
        let written = ston::write(&value);
        ston::read(&written).expect("what we write we can read");
    }
}

/// A project: its description, baselines and packages.
pub fn metacello(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let files = files_in(&text, ".class.st");
    let sources = files.iter().map(|(path, text)| SourceFile { path, text });
    let _ = read_project(sources);
}

/// An archive of Monticello.
pub fn monticello(bytes: &[u8]) {
    let _ = read_archive("P.mcz", bytes).into_result();
}

/// The head of a request.
pub fn http_head(bytes: &[u8]) {
    if let Ok(Some(head)) = imprint_host::http_head::request_head(bytes) {
        assert!(head.length <= bytes.len());
    }
}

/// The body of a package file: what can be read has bytes that are read as the same again, and the plan
/// to install it into the kernel is made or refused.
pub fn package(bytes: &[u8]) {
    let Ok(file) = read_packages_of(&FORM.seal_plainly(bytes)) else {
        return;
    };
    let packages = file.packages;
    let again = write_packages(&packages, None).expect("it can be compressed");
    let again = read_packages_of(&again).expect("what we write we can read");
    assert_eq!(again.packages, packages);
    // Whether it is refused does not matter here.
    let _ = with_kernel(|heap, names| plan(&packages, heap, names).map(|plan| plan.classes.len()));
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

/// Messages of both sides of a stream.
pub fn wire(bytes: &[u8]) {
    let _ = imprint_wire::untrusted::read_slave_message(bytes);
    let _ = imprint_wire::untrusted::read_master_message(bytes);
}
