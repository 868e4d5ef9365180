//! `master image info|convert|diff|tally`: what image files hold, and in which form.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use imprint_heap::{Collection, Heap, HeapSettings};
use imprint_image::{
    CompactOptions, ImageInfo, ImageKind, OpenedImage, open_image, stock_faults,
    write_beside_and_rename, write_compact,
};
use imprint_model::Oop;
use imprint_model::layout::behavior;
use imprint_report::{byte_size, count, print};
use imprint_shrink::export::spur_file;
use imprint_shrink::names_of;
use imprint_slave::command_line::ImageFormat;
use imprint_slave::command_line::refuse_same_file;
use imprint_slave::ending::code;
use imprint_slave::limits::verifies_code;
use imprint_slave::soundness::verify_code;
use imprint_vm::CommandLine;
use imprint_vm::install::{MethodDictionary, TRAILER_BYTES};

use crate::command_line::{Failure, Image};
use crate::full_image::LiveImage;

/// Classes shown in the tally of `info`.
const TALLY_ROWS: usize = 10;
/// Faults that are shown before the rest is only counted.
const FAULTS_SHOWN: usize = 20;

/// Looks at images.
///
/// # Errors
/// Where a file is no image that can be opened, or cannot be written.
pub fn image(image: &Image) -> Result<u8, Failure> {
    match image {
        Image::Info { image, json } => info(image, *json),
        Image::Convert {
            image,
            output,
            format,
        } => convert(image, output, *format),
        Image::Diff { one, other } => diff(one, other),
        Image::Tally { image } => {
            show_tally(&open(image)?.info(), usize::MAX);
            Ok(code::DONE)
        }
    }
}

fn open(path: &Path) -> Result<OpenedImage> {
    open_image(path, HeapSettings::default()).context("cannot look at the image")
}

fn info(path: &Path, json: bool) -> Result<u8, Failure> {
    let opened = open(path)?;
    let info = opened.info();
    let verify = verifies_code();
    if verify {
        verify_code(path, &opened.heap).map_err(anyhow::Error::from)?;
        verify_spur(path, opened.kind)?;
    }
    if json {
        let document = serde_json::json!({
            "file": path.display().to_string(),
            "format": info.format,
            "fingerprint": opened.fingerprint.to_string(),
            "file_bytes": opened.file_bytes,
            "classes": info.classes,
            "methods": info.methods,
            "objects": info.objects,
        });
        print(&format!("{document:#}"));
        return Ok(code::DONE);
    }
    print(&format!(
        "{}   {}   {}",
        path.display(),
        info.format,
        opened.fingerprint.short()
    ));
    print(&format!(
        "{} classes   {} methods   {} objects   {} in the file",
        count(info.classes as u64),
        count(info.methods as u64),
        count(info.objects as u64),
        byte_size(opened.file_bytes)
    ));
    show_tally(&info, TALLY_ROWS);
    if verify {
        print("verified: every object, class and reference is sound, and all code keeps the rules");
    }
    Ok(code::DONE)
}

/// Opening has checked what this machine relies on; a Spur file is also for others.
fn verify_spur(path: &Path, kind: ImageKind) -> Result<(), Failure> {
    if kind != ImageKind::Spur {
        return Ok(());
    }
    let content = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let faults = stock_faults(&content);
    if faults.is_empty() {
        return Ok(());
    }
    let mut shown = faults[..faults.len().min(FAULTS_SHOWN)].join("\n    ");
    if faults.len() > FAULTS_SHOWN {
        shown += &format!("\n    and {} more", faults.len() - FAULTS_SHOWN);
    }
    Err(Failure {
        code: code::BAD_IMAGE,
        error: anyhow!(
            "{}: a stock virtual machine would not take it:\n    {shown}",
            path.display()
        ),
    })
}

fn show_tally(info: &ImageInfo, rows: usize) {
    for row in info.tally.iter().take(rows) {
        print(&format!(
            "{:>10}  {:>8}  {}",
            byte_size(row.bytes as u64),
            count(row.objects as u64),
            row.name
        ));
    }
}

fn convert(path: &Path, output: &Path, format: ImageFormat) -> Result<u8, Failure> {
    refuse_same_file(path, output)?;
    let mut opened = open(path)?;
    if opened.is_rekeyed() {
        let mut image = LiveImage::open(path, CommandLine::default())?;
        image.vm.collect(Collection::Full);
        opened.heap = image.vm.heap;
    }
    let bytes = match format {
        ImageFormat::Spur => {
            let names = names_of(&opened);
            spur_file(&mut opened.heap, &names)
                .with_context(|| format!("cannot convert {}", path.display()))?
        }
        ImageFormat::Compact => {
            let options = CompactOptions {
                metadata: opened.metadata.clone(),
                ..CompactOptions::default()
            };
            let written = write_compact(&opened.heap, &options);
            let written = written.map_err(|problem| problem.of(path));
            written.context("cannot convert the image")?.0
        }
    };
    write_beside_and_rename(output, &bytes).context("cannot write the image")?;
    print(&format!(
        "{}   {}   {}",
        output.display(),
        format.name(),
        byte_size(bytes.len() as u64)
    ));
    Ok(code::DONE)
}

/// Prints what one image has that the other lacks, a line each: `-` for the first, `+` for the
/// second, `~` for a method whose code differs.
fn diff(one: &Path, other: &Path) -> Result<u8, Failure> {
    let [before, after] = [contents(&open(one)?.heap), contents(&open(other)?.heap)];
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let mut is_same = true;
    for name in names {
        let sign = match (before.get(name), after.get(name)) {
            (Some(_), None) => '-',
            (None, Some(_)) => '+',
            (one, other) if one != other => '~',
            _ => continue,
        };
        is_same = false;
        print(&format!("{sign} {name}"));
    }
    if is_same {
        print("the same classes and methods");
    }
    Ok(if is_same { code::DONE } else { code::FAILED })
}

/// Classes and methods by name; of a method what can be compared across images.
fn contents(heap: &Heap) -> BTreeMap<String, Vec<u8>> {
    let mut contents = BTreeMap::new();
    for (_, class) in heap.classes() {
        let name = imprint_image::info::class_name(heap, class);
        let dictionary = heap.slot(class, behavior::METHOD_DICTIONARY);
        if dictionary.is_object() && dictionary != heap.nil() {
            for (selector, method) in MethodDictionary(dictionary).entries(heap) {
                let selector = heap.string_text(selector).unwrap_or_default();
                if method.is_object() && heap.format(method).is_code() {
                    contents.insert(format!("{name}>>{selector}"), code_of(heap, method));
                }
            }
        }
        contents.insert(name, Vec::new());
    }
    contents
}

/// Bytecodes, and the texts and numbers among the literals.
fn code_of(heap: &Heap, method: Oop) -> Vec<u8> {
    let bytes = heap.code_bytes(method);
    let mut code = bytes[..bytes.len().saturating_sub(TRAILER_BYTES)].to_vec();
    for index in 0..heap.literal_count(method) {
        let literal = heap.literal(method, index);
        match heap.string_text(literal) {
            Some(text) => code.extend(text.into_bytes()),
            None if literal.is_immediate() => code.extend(literal.bits().to_le_bytes()),
            None => {}
        }
        code.push(0);
    }
    code
}
