//! ^C and SIGTERM for commands that come to an end by themselves; daemons have signals of their own.
//!
//! ```text
//!   signal ──> the listening thread ──> machines (Event::Interrupt) ──> Outcome::Interrupted ──> exit code 130
//!                                   └── after the grace period the process ends all the same
//! ```

use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use imprint_daemon::Signals;
use imprint_host::Waker;
use imprint_vm::Event;

use crate::ending::code;

/// A command that waits for what it cannot be woken from, a lost master above all, ends after this.
pub const GRACE: Duration = Duration::from_secs(3);

type Listeners = Mutex<Vec<Box<dyn Fn() + Send>>>;

/// Who hears of the wish; nothing where this process does not heed it.
static LISTENERS: OnceLock<Listeners> = OnceLock::new();
static WISHED: AtomicBool = AtomicBool::new(false);

/// From now on the wish to end stops what runs in this process, and ends it after `grace`.
///
/// # Errors
/// Where the system refuses the handlers of the signals.
pub fn heed(grace: Duration) -> Result<()> {
    if LISTENERS.set(Mutex::default()).is_err() {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut signals = {
        let _within = runtime.enter();
        Signals::listen().context("cannot listen for signals")?
    };
    std::thread::spawn(move || {
        runtime.block_on(signals.wished());
        WISHED.store(true, Ordering::SeqCst);
        listeners(|all| all.iter().for_each(|listener| listener()));
        std::thread::sleep(grace);
        eprintln!("interrupted, in the middle of what heeds no signal");
        process::exit(code::INTERRUPTED.into());
    });
    Ok(())
}

/// Whether the user wishes that this process ends.
pub fn is_wished() -> bool {
    WISHED.load(Ordering::SeqCst)
}

/// From now on `listener` hears of the wish, at once where there is one already.
pub fn on_wish(listener: impl Fn() + Send + 'static) {
    listeners(|all| {
        if is_wished() {
            listener();
        } else {
            all.push(Box::new(listener));
        }
    });
}

/// From now on the wish stops the run of a machine.
pub fn stop_by(waker: Waker) {
    let waker = waker.quiet();
    on_wish(move || {
        // A full queue means that the machine is about to look anyway.
        let _ = waker.push(Event::Interrupt);
    });
}

fn listeners(done: impl FnOnce(&mut Vec<Box<dyn Fn() + Send>>)) {
    if let Some(listeners) = LISTENERS.get() {
        done(&mut listeners.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
