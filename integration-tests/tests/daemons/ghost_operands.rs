//! Ghosts as operands of primitives: each primitive of the table, called with each kind of object that
//! has not come, at each position, must do in a slave what it does in the full image.
//!
//! A class with one method for each row of the table is generated. As a class method it takes the
//! receiver as its first argument, which all primitives allow that say so (*mirrors*).

use std::fmt::Write;
use std::fs;
use std::path::Path;

use imprint_isa::primitives::{CONTROL_PRIMITIVES, Kind, MODULE_PRIMITIVES, VALUE_PRIMITIVES};

use crate::pair::Pair;

/// Primitives that are not compared, since they say how the process or its heap is, or end the run.
const INCOMPARABLE: &[&str] = &[
    // The clock, the program, its memory.
    "primitiveBytesLeft",
    "primitiveGetAttribute",
    "primitiveHighResClock",
    "primitiveImageName",
    "primitiveMaxIdentityHash",
    "primitiveMillisecondClock",
    "primitiveUTCMicrosecondClock",
    "primitiveVMParameter",
    "primitiveVMPath",
    "primitiveFullGC",
    "primitiveIncrementalGC",
    // What has no hash or class index yet gets one where it is asked for.
    "primitiveBehaviorHash",
    "primitiveIdentityHash",
    // It needs class Point, and where that has not come the code behind the primitive does the same.
    "primitiveMakePoint",
    // Only what is present is enumerated.
    "primitiveAllInstances",
    "primitiveAllObjects",
    "primitiveNextInstance",
    "primitiveNextObject",
    "primitiveSomeInstance",
    "primitiveSomeObject",
    // Chance, and the world.
    "primitiveResolverStartNameLookup",
    "primitiveConnectToFileDescriptor",
    "primitiveFileStdioHandles",
    "primitiveMakeUUID",
    // It needs a name, and the rows of the modules have it.
    "primitiveExternalCall",
    // The end, or a wait for what never comes.
    "primitiveQuit",
    "primitiveSnapshot",
    "primitiveSuspend",
    "primitiveWait",
    // It is told to the master's machine that something was pruned.
    "primitivePruned",
    "primitivePrunedObject",
    "primitivePrunedUnhandled",
    // The folder is the same for both.
    "primitiveDirectoryCreate",
];

/// Operands with which a primitive does its work, where those that all are tried with do not fit; the
/// first is the receiver.
const FITTING: &[(&str, &str)] = &[
    (
        "primitiveStringReplace",
        "{ OperandStore text. 1. 2. OperandStore text reversed. 1 }",
    ),
    ("primitiveStringAtPut", "{ OperandStore text. 1. $x }"),
    (
        "primitiveStringCompareWith",
        "{ OperandStore text. 'text'. (0 to: 255) asByteArray }",
    ),
    ("primitiveSetImmutability", "{ OperandStore box. true }"),
    ("primitivePin", "{ OperandStore box. true }"),
    (
        "primitiveAdoptInstance",
        "{ OperandStore. OperandStore box }",
    ),
    (
        "primitiveChangeClass",
        "{ OperandStore box. OperandStore box }",
    ),
    (
        "primitiveCopyObject",
        "{ OperandStore box. OperandStore box }",
    ),
    ("primitiveNewMethod", "{ CompiledMethod. 10. 1 }"),
    ("primitiveFloatAt", "{ 1.0e300. 1 }"),
    (
        "primitiveArrayBecome",
        "{ OperandStore pair. OperandStore pair }",
    ),
    (
        "primitiveArrayBecomeOneWay",
        "{ OperandStore pair. OperandStore pair }",
    ),
    (
        "primitiveArrayBecomeOneWayCopyHash",
        "{ OperandStore pair. OperandStore pair. true }",
    ),
    ("primitivePerform", "{ OperandStore box. #size }"),
    (
        "primitivePerformWithArgs",
        "{ OperandStore box. #basicSize. #() }",
    ),
    (
        "primitivePerformInSuperclass",
        "{ OperandStore box. #basicSize. #(). Object }",
    ),
    (
        "primitiveDoPrimitiveWithArgs",
        "{ OperandStore text. 62. #() }",
    ),
    (
        "primitiveExecuteMethodArgsArray",
        "{ OperandStore box. #(). Object >> #yourself }",
    ),
    ("primitiveFullClosureValue", "{ [ 3 ] }"),
    ("primitiveFullClosureValueWithArgs", "{ [ :a | a ]. { 3 } }"),
    ("primitiveStringHash", "{ nil. OperandStore text. 7 }"),
    (
        "primitiveFindSubstring",
        "{ nil. 'text'. OperandStore text. 1. (0 to: 255) asByteArray }",
    ),
    (
        "primitiveFindFirstInString",
        "{ nil. OperandStore text. (ByteArray new: 256) at: 102 put: 1; yourself. 1 }",
    ),
    (
        "primitiveCompareString",
        "{ nil. OperandStore text. 'text'. (0 to: 255) asByteArray }",
    ),
    (
        "primitiveTranslateStringWithTable",
        "{ nil. OperandStore text. 1. 3. (0 to: 255) asByteArray }",
    ),
    (
        "primitiveIndexOfAsciiInString",
        "{ nil. 102. OperandStore text. 1 }",
    ),
    ("primitiveInternSymbol", "{ OperandStore text }"),
];

/// Sets of fresh objects that the generated class holds.
const FRESH: usize = 100;

/// How many sets of other operands each position is tried with.
const FILLINGS: usize = 4;

/// So many primitives of the table do their work with some of the operands; the rest, most of them for
/// files and sockets, refuses them all in the same way.
const WORKING_MIN: usize = 140;

/// A primitive as it is called.
struct Row {
    name: String,
    pragma: String,
    operands: usize,
}

fn rows() -> Vec<Row> {
    let is_comparable = |name: &str| !INCOMPARABLE.contains(&name);
    let numbered = VALUE_PRIMITIVES.iter().chain(CONTROL_PRIMITIVES);
    let numbered = numbered
        .filter(|row| row.kind != Kind::Mark)
        .map(|row| Row {
            name: row.name.to_string(),
            pragma: format!("<primitive: {} error: code>", row.number),
            operands: row.operands.len(),
        });
    let named = MODULE_PRIMITIVES.iter().map(|row| Row {
        name: row.name.to_string(),
        pragma: format!(
            "<primitive: '{}' module: '{}' error: code>",
            row.name, row.module
        ),
        operands: row.operands.len(),
    });
    let rows = numbered.chain(named);
    rows.filter(|row| is_comparable(&row.name)).collect()
}

/// The selector by which the generated class calls a primitive.
fn selector(index: usize, operands: usize) -> String {
    format!("call{index}:{}", "with:".repeat(operands - 1))
}

fn generate(folder: &Path, rows: &[Row]) {
    let package = folder.join("src/Operands");
    fs::create_dir_all(&package).unwrap();
    let declaration = "Package { #name : #Operands }\n";
    fs::write(package.join("package.st"), declaration).unwrap();
    let mut text = STORE.to_string();
    for (index, row) in rows.iter().enumerate() {
        let names: Vec<String> = (1..=row.operands).map(|each| format!("o{each}")).collect();
        let pattern: String = names
            .iter()
            .enumerate()
            .map(|(position, name)| match position {
                0 => format!("call{index}: {name}"),
                _ => format!(" with: {name}"),
            })
            .collect();
        write!(
            text,
            "\n{{ #category : #calling }}\nOperandStore class >> {pattern} [\n\t{}\n\t^ Array with: #failed with: code\n]\n",
            row.pragma
        )
        .unwrap();
    }
    fs::write(package.join("OperandStore.class.st"), text).unwrap();
    fs::write(package.join("OperandVictim.class.st"), VICTIM).unwrap();
}

/// Expressions that try the primitives, as many in each as there are fresh objects for.
fn batches(rows: &[Row]) -> Vec<String> {
    let mut batches: Vec<String> = Vec::new();
    let mut fresh = 0;
    for (index, row) in rows.iter().enumerate() {
        let needed = row.operands * FILLINGS;
        if needed > fresh {
            fresh = FRESH;
            batches.push("''".to_string());
        }
        fresh -= needed;
        let batch = batches.last_mut().unwrap();
        write!(
            batch,
            " , '{}:' , ({}) , '|'",
            row.name,
            expression(index, row)
        )
        .unwrap();
    }
    batches
}

fn expression(index: usize, row: &Row) -> String {
    let own: Vec<&str> = FITTING
        .iter()
        .filter(|(name, _)| *name == row.name)
        .map(|(_, operands)| *operands)
        .collect();
    let own = own.first().unwrap_or(&"#()");
    format!(
        "OperandStore try: #{} count: {} fitting: [ {own} ]",
        selector(index, row.operands),
        row.operands
    )
}

#[test]
fn a_ghost_in_any_operand_of_any_primitive_makes_no_difference() {
    let folder = tempfile::tempdir().unwrap();
    let rows = rows();
    generate(folder.path(), &rows);

    let pair = Pair::start(&folder.path().join("src"), &["--prefetch", "0"], &[]);
    let batches: Vec<String> = batches(&rows);
    let (full, pulled) = in_both(&pair, &batches);
    let mut faults = Vec::new();
    let mut working = 0;
    let pairs = full.iter().zip(&pulled);
    let pairs = pairs.flat_map(|(full, pulled)| full.split('|').zip(pulled.split('|')));
    for (full, pulled) in pairs {
        working += usize::from(full.split(';').any(is_success));
        faults.extend(first_difference(full, pulled));
    }
    println!("{working} of {} primitives did their work", rows.len());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(working >= WORKING_MIN, "only {working} did their work");
}

/// What expressions answer in the full image, and in the slave meanwhile.
fn in_both(pair: &Pair, expressions: &[String]) -> (Vec<String>, Vec<String>) {
    std::thread::scope(|scope| {
        let full = |each: &String| pair.full_text(each);
        let full = scope.spawn(move || expressions.iter().map(full).collect());
        let pulled = expressions.iter().map(|each| pair.pulled(each)).collect();
        (full.join().unwrap(), pulled)
    })
}

fn is_success(call: &str) -> bool {
    !call.is_empty() && !call.contains("Array ByteSymbol failed ")
}

/// The first call of a primitive that did not come to the same; each text begins with its name.
fn first_difference(full: &str, pulled: &str) -> Option<String> {
    let (name, _) = full.split_once(':')?;
    let calls = full.split(';').zip(pulled.split(';'));
    let differing = calls.filter(|(full, pulled)| full != pulled);
    let mut told =
        differing.map(|(full, pulled)| format!("{name}\n  full   {full}\n  pulled {pulled}"));
    let is_same = full.len() == pulled.len();
    told.next()
        .or_else(|| (!is_same).then(|| format!("{name}: {pulled}")))
}

/// A class that primitives may spoil.
const VICTIM: &str =
    "Class {\n\t#name : #OperandVictim,\n\t#superclass : #Object,\n\t#category : #Operands\n}\n";

/// The class that calls, and holds what is called with; its `try:...` tells what each call did.
const STORE: &str = include_str!("operand_store.class.st");
