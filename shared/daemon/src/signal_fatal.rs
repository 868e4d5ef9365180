//! Fatal signals: a last word before the process dies of one.
//!
//! ```text
//!  thread that crashed          handler: one byte into a pipe, then it sleeps for ever
//!                                                │
//!  reporter, a thread of its own   reads it ─────┘ calls what was registered, ends the process (70)
//! ```
//!
//! So nothing but `write`, `nanosleep` and `_exit` runs in the handler. The report itself reads what
//! belongs to a thread that stands still; if that makes it crash too, or if it takes too long (the
//! thread died with the lock of the allocator), the process ends all the same.

#![expect(
    unsafe_code,
    reason = "handlers of signals are installed and called with raw pointers"
)]

use std::fs::File;
use std::io::{self, Read};
use std::marker::PhantomData;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::ExitCode;

/// Signals that end a process because something is wrong in it, with their names.
const FATAL: [(libc::c_int, &str); 5] = [
    (libc::SIGSEGV, "SIGSEGV"),
    (libc::SIGBUS, "SIGBUS"),
    (libc::SIGILL, "SIGILL"),
    (libc::SIGFPE, "SIGFPE"),
    (libc::SIGABRT, "SIGABRT"),
];

/// Seconds that a report may take.
const PATIENCE_SECONDS: libc::time_t = 10;

/// Writing end of the pipe.
static PIPE: AtomicI32 = AtomicI32::new(-1);
/// Whether a signal was met already.
static IS_DYING: AtomicBool = AtomicBool::new(false);
/// What has a last word.
static SUBJECTS: Mutex<Vec<Subject>> = Mutex::new(Vec::new());

/// Something that is reported on, with its type forgotten.
struct Subject {
    address: usize,
    /// Calls the report with the address as what it was; see [`call`].
    call: fn(address: usize, report: usize, signal: &'static str),
    report: usize,
}

/// As long as this lives, its subject has a last word when a fatal signal comes.
#[must_use = "the subject is forgotten when this is dropped"]
pub struct Watch<'s, T> {
    address: usize,
    subject: PhantomData<&'s T>,
}

/// What is done with a subject; `&'static str` is the name of the signal.
pub type Report<T> = fn(&T, &'static str);

/// Begins to watch: until the answer is dropped, `report` is called with `subject` when a fatal
/// signal comes. The subject may be changed by its owner meanwhile.
pub fn watch<T>(subject: *const T, report: Report<T>) -> Watch<'static, T> {
    let address = subject.expose_provenance();
    subjects().push(Subject {
        address,
        call: call::<T>,
        report: report as usize,
    });
    Watch {
        address,
        subject: PhantomData,
    }
}

impl<T> Drop for Watch<'_, T> {
    fn drop(&mut self) {
        let mut subjects = subjects();
        let last = subjects.iter().rposition(|s| s.address == self.address);
        if let Some(position) = last {
            subjects.remove(position);
        }
    }
}

fn subjects() -> std::sync::MutexGuard<'static, Vec<Subject>> {
    SUBJECTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Calls a report that was registered for a `T`.
fn call<T>(address: usize, report: usize, signal: &'static str) {
    // SAFETY: `report` is a `Report<T>` that `watch::<T>` turned into a number, and function pointers
    // are as wide as addresses on every system we run on.
    let report: Report<T> = unsafe { std::mem::transmute::<usize, Report<T>>(report) };
    // SAFETY: the subject lives, since its `Watch` does: it is still registered. Its owner is the
    // thread that crashed and sleeps in the handler, or another one, which may go on; the process is
    // dying, and the worst that a torn read can do is a second crash, which ends it at once.
    let subject = unsafe { &*std::ptr::with_exposed_provenance::<T>(address) };
    report(subject, signal);
}

/// Installs the handlers and starts the reporter, once for the process.
///
/// # Errors
/// Where the system refuses a pipe, a thread or a handler.
pub fn install() -> io::Result<()> {
    static INSTALLED: OnceLock<()> = OnceLock::new();
    if INSTALLED.set(()).is_err() {
        return Ok(());
    }
    let (reading, writing) = pipe()?;
    PIPE.store(writing.as_raw_fd(), Ordering::SeqCst);
    // The handler writes to it until the process is gone.
    std::mem::forget(writing);
    std::thread::Builder::new()
        .name("crash reporter".to_string())
        .spawn(move || report_when_told(File::from(reading)))?;
    FATAL.iter().try_for_each(|(signal, _)| handle(*signal))
}

fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    // SAFETY: `ends` has room for the two descriptors that are written.
    let result = unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the system has just given us this descriptor; nobody else has it.
    let reading = unsafe { OwnedFd::from_raw_fd(ends[0]) };
    // SAFETY: as above.
    let writing = unsafe { OwnedFd::from_raw_fd(ends[1]) };
    Ok((reading, writing))
}

fn handle(signal: libc::c_int) -> io::Result<()> {
    // SAFETY: all fields of a sigaction may be zero; those that matter are set below.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = on_fatal as extern "C" fn(libc::c_int) as usize;
    // The stack beside, which Rust gives each thread: the ordinary one may be what overflowed.
    action.sa_flags = libc::SA_ONSTACK;
    // SAFETY: the action is whole, and its handler calls only what a handler may.
    let result = unsafe { libc::sigaction(signal, &action, std::ptr::null_mut()) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

extern "C" fn on_fatal(signal: libc::c_int) {
    if !IS_DYING.swap(true, Ordering::SeqCst) {
        let byte = signal as u8;
        // SAFETY: one byte is read from a local variable; `write` may be called in a handler.
        unsafe { libc::write(PIPE.load(Ordering::SeqCst), (&raw const byte).cast(), 1) };
        let patience = libc::timespec {
            tv_sec: PATIENCE_SECONDS,
            tv_nsec: 0,
        };
        // SAFETY: the time is a local variable; `nanosleep` may be called in a handler.
        unsafe { libc::nanosleep(&patience, std::ptr::null_mut()) };
    }
    // SAFETY: `_exit` may be called in a handler; it does not return.
    unsafe { libc::_exit(i32::from(ExitCode::Bug.number())) }
}

fn report_when_told(mut told: File) {
    let mut byte = [0];
    if told.read_exact(&mut byte).is_err() {
        return;
    }
    let name = FATAL
        .iter()
        .find(|(signal, _)| *signal == libc::c_int::from(byte[0]))
        .map_or("a signal", |(_, name)| *name);
    for subject in subjects().iter() {
        (subject.call)(subject.address, subject.report, name);
    }
    // SAFETY: `_exit` does not return, and nothing is left to be done in order.
    unsafe { libc::_exit(i32::from(ExitCode::Bug.number())) }
}
