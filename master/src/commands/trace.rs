//! `master trace`: runs a workload and writes down what it touches; and what is asked of traces.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use imprint_host::free_port;
use imprint_report::{Audience, Screen, plural, print};
use imprint_slave::command_line::refuse_same_file;
use imprint_slave::ending::code;
use imprint_trace::{Marks, OtherImage, Recorder, Trace as Marked};

use crate::command_line::{Combination, Failure, Trace, TraceQuestion, TraceRun};
use crate::serving::PristineSource;
use crate::testing::Test;
use crate::traces::{combined, listing, read_trace, show, summary, why};
use crate::tracing_run::TracedRun;
use crate::workload::Workload;

/// Runs, or asks.
///
/// # Errors
/// What cannot be loaded or written; a question about something that is not in the trace.
pub fn trace(trace: &Trace) -> Result<u8, Failure> {
    match &trace.question {
        None => run(&trace.run),
        Some(question) => ask(question),
    }
}

fn run(run: &TraceRun) -> Result<u8, Failure> {
    if run.path.is_none() && run.eval.is_none() {
        return Err(Failure {
            code: code::USAGE,
            error: anyhow!("say what is run: the folder of a project, an image, or --eval EXPR"),
        });
    }
    let output = output(run)?;
    let wants = |test: &Test| run.serve.is_none() && run.eval.is_none() && wants(&run.tests, test);
    let mut workload = Workload::prepare(run.path.as_deref(), &run.never, run.timeout, wants)?;
    if !run.tests.is_empty() && workload.plan.tests.is_empty() {
        return Err(Failure {
            code: code::USAGE,
            error: anyhow!("no test found in {}", run.tests.join(" ")),
        });
    }
    if let Some(expression) = &run.eval {
        workload.plan.entry.clone_from(expression);
    }
    if run.serve.is_some() && workload.plan.entry.is_empty() {
        return Err(Failure {
            code: code::USAGE,
            error: anyhow!(
                "nothing serves: name the entry expression with #entry in .smalltalk.ston, or say --eval EXPR"
            ),
        });
    }
    let entry = workload.plan.entry.clone();
    let source = PristineSource::of_bytes(workload.bytes, workload.texts, workload.plan);
    let traced = TracedRun::begin(source, |image| {
        Recorder::begin(&output, image, &entry).context("cannot write the trace")
    })?;
    let traced = match run.serve {
        Some(port) => traced.serve(port, || {
            eprintln!("tracing on port {port} until asked to end");
        })?,
        None => traced.exercise(workload.timeout, port(run)?)?,
    };
    let screen = Screen::of_process(Audience::Person);
    if traced.report.tests.is_some() {
        screen.row(&traced.report.rows(screen.shows_bars()));
    }
    screen.say(&traced.report.details());
    screen.row(&row(&traced.trace, &output));
    Ok(traced.code)
}

fn row(trace: &Marked, file: &Path) -> String {
    format!(
        "trace         {}   {}   {}",
        summary(trace, &trace.total()),
        plural(trace.epochs.len() as u64, "epoch", "epochs"),
        file.display()
    )
}

/// Where the trace goes: what was said, else the name of what is run in the current folder.
fn output(run: &TraceRun) -> Result<PathBuf> {
    let name = run.path.as_deref().and_then(Path::file_name);
    let named = name.map(|name| PathBuf::from(name).with_extension("trace"));
    let output = run.output.clone().or(named);
    let output = output.ok_or_else(|| anyhow!("say where the trace goes with -o FILE"))?;
    if let Some(input) = &run.path {
        refuse_same_file(input, &output)?;
    }
    Ok(output)
}

/// The port that an entry expression is given; an expression that somebody typed is given none.
fn port(run: &TraceRun) -> Result<Option<u16>> {
    match run.eval {
        None => free_port().map(Some).context("cannot find a free port"),
        Some(_) => Ok(None),
    }
}

/// Whether a test is asked for: all are where no name is said.
fn wants(names: &[String], test: &Test) -> bool {
    let full = format!("{}>>{}", test.class, test.selector);
    let is_in = |package: &str| match test.category.strip_prefix(package) {
        Some(rest) => rest.is_empty() || rest.starts_with('-'),
        None => false,
    };
    let is_meant = |name: &String| *name == test.class || *name == full || is_in(name);
    names.is_empty() || names.iter().any(is_meant)
}

fn ask(question: &TraceQuestion) -> Result<u8, Failure> {
    let lines = match question {
        TraceQuestion::Merge(these) => combine(these, Marked::merge)?,
        TraceQuestion::Intersect(these) => combine(these, Marked::intersect)?,
        TraceQuestion::Subtract(these) => combine(these, Marked::subtract)?,
        TraceQuestion::Diff { one, other } => diff(one, other)?,
        TraceQuestion::Show { trace } => show(&read_trace(trace)?),
        TraceQuestion::Only { epoch, trace } => only(epoch, trace)?,
        TraceQuestion::Why { name, trace } => reasons(name, trace)?,
    };
    print(&lines.join("\n"));
    Ok(code::DONE)
}

/// Makes one trace of several, the first of which is changed by each of the others.
fn combine(
    these: &Combination,
    change: impl Fn(&mut Marked, &Marked) -> Result<(), OtherImage>,
) -> Result<Vec<String>> {
    let result = combined(&these.traces, change)?;
    imprint_trace::write(&result, &these.output)?;
    Ok(vec![row(&result, &these.output)])
}

/// What only one of two traces touched: `<` the first, `>` the second.
fn diff(one: &Path, other: &Path) -> Result<Vec<String>> {
    let (left, right) = (read_trace(one)?, read_trace(other)?);
    let difference = left.diff(&right)?;
    let side = |sign: &str, trace: &Marked, marks: &Marks| {
        let lines = listing(trace, marks).into_iter();
        lines.map(|line| format!("{sign} {line}")).collect()
    };
    let mut lines: Vec<String> = side("<", &left, &difference.only_left);
    let right: Vec<String> = side(">", &right, &difference.only_right);
    lines.extend(right);
    if lines.is_empty() {
        lines.push("both touched the same".to_string());
    }
    Ok(lines)
}

fn only(epoch: &str, path: &Path) -> Result<Vec<String>, Failure> {
    let trace = read_trace(path)?;
    let Some(marks) = trace.only(epoch) else {
        return Err(Failure {
            code: code::FAILED,
            error: anyhow!(
                "nothing named {epoch} ran in {}; see what did with   master trace show {}",
                path.display(),
                path.display()
            ),
        });
    };
    let lines = listing(&trace, &marks);
    Ok(match lines.is_empty() {
        true => vec![format!("all that {epoch} touched, others did too")],
        false => lines,
    })
}

fn reasons(name: &str, path: &Path) -> Result<Vec<String>, Failure> {
    let lines = why(&read_trace(path)?, name);
    if lines.is_empty() {
        return Err(Failure {
            code: code::FAILED,
            error: anyhow!("nothing named {name} was touched in {}", path.display()),
        });
    }
    Ok(lines)
}
