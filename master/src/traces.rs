//! Reads traces, and tells what they hold.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use imprint_image::Fingerprint;
use imprint_isa::draft_bytes::decode_placed;
use imprint_report::{Align, Columns, count, plural};
use imprint_slave::keeping::id_of;
use imprint_trace::framed::{FramedError, Torn};
use imprint_trace::{Kind, Marks, OtherImage, Thing, Trace, TraceError};
use imprint_wire::log::{LogReader, LoggedOutcome, Record};

use crate::story::{is_named, kind_of};

/// Epochs that are named where something was touched by many.
const EPOCHS_NAMED: usize = 3;
/// What is behind the first method that ran.
const BEGINNING: &str = "the run itself";

/// Reads a trace, or the marks of a replay log; warns where the file is torn.
///
/// # Errors
/// Where the file is neither.
pub fn read_trace(path: &Path) -> Result<Trace> {
    let (trace, torn) = match imprint_trace::read(path) {
        Ok(read) => (read.trace, read.torn),
        Err(TraceError::File(error @ FramedError::OtherKind { .. })) => {
            trace_of_log(path).ok_or(error)??
        }
        Err(error) => return Err(error.into()),
    };
    if let Some(torn) = torn {
        eprintln!("{}", torn.told_of(path));
    }
    Ok(trace)
}

/// Reads traces, of which there is one at least, and puts them together.
///
/// # Errors
/// Where a file is no trace, or they are of different images.
pub fn merged(paths: &[PathBuf]) -> Result<Trace> {
    combined(paths, Trace::merge)
}

/// Reads traces, and changes the first by each of the others.
///
/// # Errors
/// As [`merged`].
pub fn combined(
    paths: &[PathBuf],
    change: impl Fn(&mut Trace, &Trace) -> Result<(), OtherImage>,
) -> Result<Trace> {
    let (first, others) = paths.split_first().ok_or_else(|| anyhow!("name a trace"))?;
    let mut result = read_trace(first)?;
    for path in others {
        let other = read_trace(path)?;
        change(&mut result, &other).with_context(|| path.display().to_string())?;
    }
    Ok(result)
}

/// Sees that a trace is of an image.
///
/// # Errors
/// Where it is of another one: its marks mean nothing here.
pub fn is_of(trace: &Trace, image: Fingerprint) -> Result<()> {
    let traced = Fingerprint(trace.image);
    anyhow::ensure!(
        traced == image,
        "the trace is of the full image {traced}, and this one is {image}: trace it again, or give \
         the sources that were traced"
    );
    Ok(())
}

/// What a replay log says of what came during what; `None` where the file is no log.
fn trace_of_log(path: &Path) -> Option<Result<(Trace, Option<Torn>)>> {
    let mut reader = LogReader::open(path).ok()?;
    let mut read = || {
        let mut trace = Trace::new([0; 32]);
        let mut waiting = Vec::new();
        while let Some(record) = reader.next_record()? {
            match record {
                Record::Session(start) => trace.image = start.image_fingerprint,
                Record::Draft(bytes) => waiting.push(decode_placed(&bytes)?),
                Record::Marks { epoch, ids } => {
                    for placed in waiting.drain(..) {
                        trace.things.entry(id_of(&placed)).or_insert(Thing {
                            kind: kind_of(&placed.draft),
                            title: placed.draft.to_string(),
                            cause: None,
                        });
                    }
                    let marks: Marks = ids.into_iter().collect();
                    trace.epochs.entry(epoch).or_default().unite(&marks);
                }
                Record::Test {
                    class,
                    selector,
                    outcome: LoggedOutcome::Passed,
                    ..
                } => {
                    let test = format!("{class}>>{selector}");
                    trace.epochs.entry(test.clone()).or_default();
                    trace.passed.insert(test);
                }
                // What was kept by name was not touched.
                Record::Kept { .. } => waiting.clear(),
                Record::Snapshot { entry, .. } => trace.entry = entry,
                Record::Test { .. }
                | Record::Classes(_)
                | Record::Arguments(_)
                | Record::Push(_)
                | Record::Rollback { .. } => {}
            }
        }
        Ok((trace, reader.torn().cloned()))
    };
    Some(read())
}

/// The image, the total, and a row for each epoch.
pub fn show(trace: &Trace) -> Vec<String> {
    let mut lines = vec![format!(
        "of the full image {}   {}",
        Fingerprint(trace.image).short(),
        summary(trace, &trace.total())
    )];
    if !trace.entry.is_empty() {
        lines.push(format!("entry         {}", trace.entry));
    }
    let mut table = Columns::new(&[Align::Left, Align::Right, Align::Right, Align::Left]);
    for (name, marks) in &trace.epochs {
        let alone = trace.only(name).map_or(0, |marks| marks.count());
        table.row([
            name.clone(),
            count(marks.count()),
            format!("{} alone", count(alone)),
            if trace.passed.contains(name) {
                "passed".to_string()
            } else {
                String::new()
            },
        ]);
    }
    lines.extend(
        table
            .render()
            .lines()
            .map(|line| line.trim_end().to_string()),
    );
    lines
}

/// `61 classes   402 methods   1,310 objects`
pub fn summary(trace: &Trace, marks: &Marks) -> String {
    let mut counts: BTreeMap<Kind, u64> = BTreeMap::new();
    for id in marks.ids() {
        let kind = trace
            .things
            .get(&id)
            .map_or(Kind::Object, |thing| thing.kind);
        *counts.entry(kind).or_default() += 1;
    }
    let of = |kind| counts.get(&kind).copied().unwrap_or(0);
    [
        plural(
            of(Kind::Class),
            "class or class side",
            "classes and class sides",
        ),
        plural(of(Kind::Method), "method", "methods"),
        plural(of(Kind::Object), "object", "objects"),
    ]
    .join("   ")
}

/// A line for each thing that is marked; things with the same title share one.
pub fn listing(trace: &Trace, marks: &Marks) -> Vec<String> {
    let mut things: BTreeMap<(Kind, &str), u64> = BTreeMap::new();
    for id in marks.ids() {
        let thing = trace.things.get(&id);
        let key = thing.map_or((Kind::Object, "something without a name"), |thing| {
            (thing.kind, thing.title.as_str())
        });
        *things.entry(key).or_default() += 1;
    }
    let line = |((_, title), count): ((Kind, &str), u64)| match count {
        1 => title.to_string(),
        count => format!("{title}   × {count}"),
    };
    things.into_iter().map(line).collect()
}

/// For each thing with a name the way that leads to it, and the epochs that touched it.
pub fn why(trace: &Trace, name: &str) -> Vec<String> {
    let exact = trace.things.iter().filter(|(_, thing)| thing.title == name);
    let mut found: Vec<_> = exact.collect();
    if found.is_empty() {
        let named = trace.things.iter();
        found = named
            .filter(|(_, thing)| is_named(&thing.title, name))
            .collect();
    }
    let mut lines = Vec::new();
    for (id, thing) in found {
        lines.push(format!("{}   {}", thing.title, epochs(trace, *id)));
        let chain = trace.chain(*id);
        let title = |id: &u64| match trace.things.get(id) {
            Some(thing) => format!("    because of {}", thing.title),
            None => "    because of something without a name".to_string(),
        };
        lines.extend(chain.iter().skip(1).map(title));
        lines.push(format!("    because of {BEGINNING}"));
    }
    lines
}

fn epochs(trace: &Trace, id: u64) -> String {
    let touched = trace.epochs.iter().filter(|(_, marks)| marks.contains(id));
    let names: Vec<&str> = touched.map(|(name, _)| name.as_str()).collect();
    if names.is_empty() {
        return "on the way to something that was touched".to_string();
    }
    let named = names.iter().take(EPOCHS_NAMED).copied();
    let named = named.collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(EPOCHS_NAMED) {
        0 => format!("touched by {named}"),
        more => format!("touched by {named} and {more} more"),
    }
}
