//! Crash reports: what is written when a machine meets a defect of ours or a fatal signal.
//!
//! Every run of a machine that [`machine_with`](crate::machine::machine_with) made is surrounded by
//! [`watched`]. The report is a text file beside the user, or where `IMPRINT_CRASH_FOLDER` says; its
//! name is printed before it is written, and the process ends with exit code 70.

use std::any::Any;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use imprint_daemon::signal_fatal;
use imprint_vm::Vm;

use crate::ending::code;

/// Names the folder of crash reports, in place of the current one.
const FOLDER_VARIABLE: &str = "IMPRINT_CRASH_FOLDER";

/// Runs a machine; a panic within is reported and goes on, a fatal signal is reported.
pub fn watched(vm: &mut Vm, run: &mut dyn FnMut(&mut Vm)) {
    let _watch = signal_fatal::watch(&raw const *vm, report);
    let ended = catch_unwind(AssertUnwindSafe(|| run(vm)));
    if let Err(panic) = ended {
        let reason = format!("a defect of ours: {}", text_of(&*panic));
        write_report(vm, &reason);
        resume_unwind(panic);
    }
}

/// Does what a program does, and answers its exit code: 70 where a defect stopped it.
pub fn exit_code_of(program: impl FnOnce() -> u8) -> u8 {
    if let Err(error) = signal_fatal::install() {
        eprintln!("cannot watch for fatal signals: {error}");
    }
    catch_unwind(AssertUnwindSafe(program)).unwrap_or(code::DEFECT)
}

/// Does one of many things; a defect in it is an answer, and others are done after it.
pub fn outlived<T>(one: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(one))
        .map_err(|panic| format!("a defect of ours: {}", text_of(&*panic)))
}

fn report(vm: &Vm, signal: &'static str) {
    write_report(vm, signal);
}

/// What a panic said.
fn text_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no words")
}

/// Writes a report and says where. What cannot be written goes to standard error.
fn write_report(vm: &Vm, reason: &str) {
    let folder = std::env::var_os(FOLDER_VARIABLE).map_or_else(PathBuf::new, PathBuf::from);
    let opened = create(&folder).or_else(|_| create(&std::env::temp_dir()));
    // A damaged heap may make the report itself stumble; what was written before stays.
    let _ = catch_unwind(AssertUnwindSafe(|| match opened {
        Ok((path, file)) => {
            eprintln!("crash report ({reason}): {}", path.display());
            write_to(vm, reason, &mut BufWriter::new(file))
        }
        Err(error) => {
            eprintln!("no crash report could be written ({error}); it follows");
            write_to(vm, reason, &mut io::stderr())
        }
    }));
}

fn create(folder: &Path) -> io::Result<(PathBuf, File)> {
    let name = format!("imprint-crash-{}.txt", std::process::id());
    let path = folder.join(name);
    let file = File::create(&path)?;
    Ok((path, file))
}

fn write_to(vm: &Vm, reason: &str, out: &mut dyn Write) -> io::Result<()> {
    let time = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = time.unwrap_or_default().as_secs();
    writeln!(out, "Imprint {} crashed", env!("CARGO_PKG_VERSION"))?;
    writeln!(out, "reason            {reason}")?;
    writeln!(out, "time              {seconds} seconds of UTC since 1970")?;
    out.flush()?;
    vm.write_crash_report(out)
}
